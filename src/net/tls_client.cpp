// SPDX-License-Identifier: Apache-2.0
#include "net/tls_client.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "base/limits.h"
#include "net/tls_bio.h"
#include "net/tls_error.h"
#include "net/tls_library.h"
#include "runtime/address.h"

namespace stint::net {
namespace {

// What Go offers for TLS 1.2: forward secrecy, no DHE.
constexpr const char* usual_ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA";
constexpr const char* usual_curves = "X25519:P-256:P-384:P-521";
constexpr unsigned char protocols[] = "\x08http/1.1";

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using ContextOwner = std::unique_ptr<SSL_CTX, Freed<&SSL_CTX_free>>;
using ConnectionOwner = std::unique_ptr<SSL, Freed<&SSL_free>>;
using CertificateOwner = std::unique_ptr<X509, Freed<&X509_free>>;
using KeyOwner = std::unique_ptr<EVP_PKEY, Freed<&EVP_PKEY_free>>;
using BioOwner = std::unique_ptr<BIO, Freed<&BIO_free>>;

Error settings_error() {
  ERR_clear_error();
  return tls_error(ErrorCode::unsupported, TlsPlace::settings);
}
Error useless(TlsPlace place, int error_number = 0) {
  ERR_clear_error();
  return tls_error(ErrorCode::not_found, place, error_number);
}

int protocol_version(TlsVersion version) {
  switch (version) {
    case TlsVersion::unset: return 0;
    case TlsVersion::tls_1_0: return TLS1_VERSION;
    case TlsVersion::tls_1_1: return TLS1_1_VERSION;
    case TlsVersion::tls_1_2: return TLS1_2_VERSION;
    case TlsVersion::tls_1_3: return TLS1_3_VERSION;
  }
  return 0;
}

// The names joined by colons, in OpenSSL's words; empty when nothing was named.
template <typename Translate>
std::string joined(const config::TextList& names, Translate translate) {
  std::string text;
  for (const std::string& name : names) {
    const std::string_view one = translate(name);
    if (one.empty()) continue;
    if (!text.empty()) text += ':';
    text += one;
  }
  return text;
}

// The content of `file`, or `pem`.
Result<std::string> text_of(const std::string& file, const std::string& pem, TlsPlace place) {
  if (file.empty()) return pem;
  Result<std::string> content = read_file(file, limits::tls_file_bytes_max);
  if (!content) return useless(place, content.error().code == ErrorCode::system ? content.error().detail : EFBIG);
  return content;
}

BioOwner reader(const std::string& text) {
  return BioOwner(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Never asks a terminal.
int no_password(char*, int, int, void*) { return -1; }

// The store asks for issuers: what is wanted and not there yet is put into it first.
TrustedCertificates& roots_of(X509_STORE_CTX* check) {
  return *static_cast<TrustedCertificates*>(X509_STORE_get_ex_data(X509_STORE_CTX_get0_store(check), 0));
}
int find_issuer(X509** issuer, X509_STORE_CTX* check, X509* certificate) {
  roots_of(check).load(X509_STORE_CTX_get0_store(check), X509_get_issuer_name(certificate));
  return X509_STORE_CTX_get1_issuer(issuer, check, certificate);
}
STACK_OF(X509) * find_certificates(X509_STORE_CTX* check, const X509_NAME* name) {
  roots_of(check).load(X509_STORE_CTX_get0_store(check), name);
  return X509_STORE_CTX_get1_certs(check, name);
}

}  // namespace

TlsClient::TlsClient(TlsClientConfig config, const config::Environment& environment)
    : config_(config.effective()), environment_(environment) {}

TlsClient::~TlsClient() { SSL_CTX_free(context_); }

Result<ssl_ctx_st*> TlsClient::context(Runtime& runtime) {
  const bool due = config_.reload_interval > Nanoseconds::zero() && runtime.now() - made_ >= config_.reload_interval;
  if (context_ == nullptr || due) {
    if (const Result<> made = make_context(); !made) return made.error();
    made_ = runtime.now();
  }
  return context_;
}

Result<> TlsClient::set_protocol(ssl_ctx_st* context) const {
  const TlsVersion oldest = config_.oldest_version();
  SSL_CTX_set_security_level(context, oldest < TlsVersion::tls_1_2 ? 0 : 1);
  if (SSL_CTX_set_min_proto_version(context, protocol_version(oldest)) != 1) return settings_error();
  if (SSL_CTX_set_max_proto_version(context, protocol_version(config_.max_version)) != 1) return settings_error();
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);

  const auto cipher_name = [](const std::string& name) {
    const CipherSuite* const suite = find_cipher_suite(name);
    return suite != nullptr ? suite->openssl_name : std::string_view();
  };
  const std::string ciphers = joined(config_.cipher_suites, cipher_name);
  if (SSL_CTX_set_cipher_list(context, ciphers.empty() ? usual_ciphers : ciphers.c_str()) != 1) return settings_error();
  const std::string curves = joined(config_.curve_preferences, &find_curve);
  if (SSL_CTX_set1_groups_list(context, curves.empty() ? usual_curves : curves.c_str()) != 1) return settings_error();
  if (SSL_CTX_set_alpn_protos(context, protocols, sizeof protocols - 1) != 0) return settings_error();

  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, [](SSL* ssl, SSL_SESSION* session) {
    const auto* stream = static_cast<TlsStream*>(SSL_get_app_data(ssl));
    if (stream == nullptr || stream->peer() == nullptr) return 0;
    stream->peer()->keep(session);
    return 1;
  });
  return {};
}

Result<> TlsClient::set_certificate(ssl_ctx_st* context) const {
  if (!config_.has_certificate()) return {};
  const Result<std::string> chain = text_of(config_.cert_file, config_.cert_pem, TlsPlace::own_certificate);
  if (!chain) return chain.error();
  const BioOwner certificates = reader(*chain);
  const CertificateOwner own(PEM_read_bio_X509(certificates.get(), nullptr, &no_password, nullptr));
  if (!own || SSL_CTX_use_certificate(context, own.get()) != 1) return useless(TlsPlace::own_certificate);
  while (X509* const next = PEM_read_bio_X509(certificates.get(), nullptr, &no_password, nullptr)) {
    if (SSL_CTX_add0_chain_cert(context, next) != 1) {
      X509_free(next);
      return useless(TlsPlace::own_certificate);
    }
  }
  const Result<std::string> text = text_of(config_.key_file, config_.key_pem, TlsPlace::own_key);
  if (!text) return text.error();
  const KeyOwner key(PEM_read_bio_PrivateKey(reader(*text).get(), nullptr, &no_password, nullptr));
  if (!key || SSL_CTX_use_PrivateKey(context, key.get()) != 1) return useless(TlsPlace::own_key);
  return {};
}

Result<> TlsClient::set_trust(ssl_ctx_st* context) {
  if (config_.insecure_skip_verify) {
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
    return {};
  }
  auto roots = std::make_unique<TrustedCertificates>();
  if (!config_.ca_file.empty()) {
    const Result<std::size_t> added = roots->add_file(config_.ca_file);
    if (!added) return useless(TlsPlace::ca, added.error().code == ErrorCode::system ? added.error().detail : EFBIG);
  } else if (!config_.ca_pem.empty()) {
    roots->add_pem(config_.ca_pem);
  }
  if (config_.has_ca() && roots->empty()) return useless(TlsPlace::ca);
  if (!config_.has_ca() || config_.include_system_ca_certs_pool) roots->add_system(environment_);

  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  if (X509_STORE_set_ex_data(store, 0, roots.get()) != 1) return settings_error();
  X509_STORE_set_get_issuer(store, &find_issuer);
  X509_STORE_set_lookup_certs(store, &find_certificates);
  // Whatever is in the bundle is trusted, be it self-signed or not; a name in the subject does not count.
  X509_VERIFY_PARAM* const rules = SSL_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  roots_ = std::move(roots);
  return {};
}

Result<> TlsClient::make_context() {
  if (!start_tls_library()) return settings_error();
  ContextOwner made(SSL_CTX_new(TLS_client_method()));
  if (!made) return settings_error();
  if (const Result<> set = set_protocol(made.get()); !set) return set;
  if (const Result<> set = set_certificate(made.get()); !set) return set;
  // The old context's store points to the old roots: they end together.
  std::unique_ptr<TrustedCertificates> old_roots = std::move(roots_);
  if (const Result<> set = set_trust(made.get()); !set) {
    roots_ = std::move(old_roots);
    return set;
  }
  SSL_CTX_free(context_);
  context_ = made.release();
  ++generation_;
  return {};
}

TlsPeer::TlsPeer(TlsClient& client, std::string host) : client_(client), name_(std::move(host)) {
  if (!client.config().server_name_override.empty()) name_ = client.config().server_name_override;
  name_.resize(std::min(name_.find('%'), name_.size()));  // the zone of an IPv6 address is the machine's own business
  is_literal_ = Address::from_literal(name_, 0).has_value();
  if (!is_literal_ && name_.ends_with('.')) name_.pop_back();
}

TlsPeer::~TlsPeer() { keep(nullptr); }

std::string TlsPeer::explain(Error error) const {
  std::string text = tls_text(error, name_);
  if (error.place == static_cast<std::uint16_t>(TlsPlace::certificate) && client_.trusts_nobody()) {
    text += "; no bundle of root certificates was found on this machine (SSL_CERT_FILE can name one)";
  }
  return text;
}

void TlsPeer::keep(ssl_session_st* session) {
  SSL_SESSION_free(session_);
  session_ = session;
  generation_ = client_.generation_;
}

Result<ssl_st*> TlsPeer::make_connection(Runtime& runtime) {
  const Result<SSL_CTX*> context = client_.context(runtime);
  if (!context) return context.error();
  ConnectionOwner ssl(SSL_new(*context));
  BIO* const bio = ssl ? TlsBio::make() : nullptr;
  if (bio == nullptr) return settings_error();
  SSL_set_bio(ssl.get(), bio, bio);
  SSL_set_connect_state(ssl.get());
  X509_VERIFY_PARAM* const rules = SSL_get0_param(ssl.get());
  const auto now = std::chrono::duration_cast<Seconds>(runtime.epoch_now().time_since_epoch());
  X509_VERIFY_PARAM_set_time(rules, static_cast<time_t>(now.count()));
  const bool named = is_literal_ ? X509_VERIFY_PARAM_set1_ip_asc(rules, name_.c_str()) == 1
                                 : X509_VERIFY_PARAM_set1_host(rules, name_.data(), name_.size()) == 1 &&
                                       SSL_set_tlsext_host_name(ssl.get(), name_.c_str()) == 1;
  if (!named) return settings_error();
  if (generation_ != client_.generation_) keep(nullptr);
  if (session_ != nullptr && SSL_set_session(ssl.get(), session_) != 1) ERR_clear_error();
  return ssl.release();
}

Task<Result<std::unique_ptr<TlsStream>>> TlsPeer::secure(Stream stream, MonotonicTime end) {
  const Result<SSL*> ssl = make_connection(stream.runtime());
  if (!ssl) co_return ssl.error();
  auto secured = std::make_unique<TlsStream>(std::move(stream), *ssl, this);
  const Result<> done = co_await secured->handshake(end);
  if (!done) {
    const Error error = done.error();
    const bool ended = error.code == ErrorCode::closed || error.code == ErrorCode::system;
    co_return ended ? tls_error(error.code, TlsPlace::handshake, error.detail) : error;
  }
  if (SSL_session_reused(*ssl) == 1) ++resumed_;
  co_return std::move(secured);
}

}  // namespace stint::net
