// SPDX-License-Identifier: Apache-2.0
#include "net/tls_client.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "base/limits.h"
#include "net/tls_bio.h"
#include "net/tls_context.h"
#include "net/tls_error.h"
#include "net/tls_library.h"
#include "runtime/address.h"

namespace stint::net {
namespace {

// Each with its length before it; in the order of TlsProtocols.
constexpr std::string_view alpn[] = {"\x08http/1.1", "\x02h2", "\x02h2\x08http/1.1"};

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

void TlsClient::set_sessions(ssl_ctx_st* context) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, [](SSL* ssl, SSL_SESSION* session) {
    const auto* stream = static_cast<TlsStream*>(SSL_get_app_data(ssl));
    if (stream == nullptr || stream->peer() == nullptr) return 0;
    stream->peer()->keep(session);
    return 1;
  });
}

Result<> TlsClient::set_trust(ssl_ctx_st* context) {
  if (config_.insecure_skip_verify) {
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
    return {};
  }
  auto roots = std::make_unique<TrustedCertificates>();
  if (!config_.ca_file.empty()) {
    const Result<std::size_t> added = roots->add_file(config_.ca_file);
    if (!added)
      return useless_tls(TlsPlace::ca, added.error().code == ErrorCode::system ? added.error().detail : EFBIG);
  } else if (!config_.ca_pem.empty()) {
    roots->add_pem(config_.ca_pem);
  }
  if (config_.has_ca() && roots->empty()) return useless_tls(TlsPlace::ca);
  if (!config_.has_ca() || config_.include_system_ca_certs_pool) roots->add_system(environment_);

  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  if (X509_STORE_set_ex_data(store, 0, roots.get()) != 1) return tls_settings_error();
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
  if (!start_tls_library()) return tls_settings_error();
  TlsContextOwner made(SSL_CTX_new(TLS_client_method()));
  if (!made) return tls_settings_error();
  if (const Result<> set = set_tls_protocol(made.get(), config_); !set) return set;
  set_sessions(made.get());
  if (config_.has_certificate()) {
    if (const Result<> set = set_tls_certificate(made.get(), config_); !set) return set;
  }
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

Result<ssl_st*> TlsPeer::make_connection(Runtime& runtime, TlsProtocols protocols) {
  const Result<SSL_CTX*> context = client_.context(runtime);
  if (!context) return context.error();
  TlsConnectionOwner ssl(SSL_new(*context));
  BIO* const bio = ssl ? TlsBio::make() : nullptr;
  if (bio == nullptr) return tls_settings_error();
  SSL_set_bio(ssl.get(), bio, bio);
  SSL_set_connect_state(ssl.get());
  X509_VERIFY_PARAM* const rules = SSL_get0_param(ssl.get());
  const auto now = std::chrono::duration_cast<Seconds>(runtime.epoch_now().time_since_epoch());
  X509_VERIFY_PARAM_set_time(rules, static_cast<time_t>(now.count()));
  const bool named = is_literal_ ? X509_VERIFY_PARAM_set1_ip_asc(rules, name_.c_str()) == 1
                                 : X509_VERIFY_PARAM_set1_host(rules, name_.data(), name_.size()) == 1 &&
                                       SSL_set_tlsext_host_name(ssl.get(), name_.c_str()) == 1;
  if (!named) return tls_settings_error();
  const std::string_view offered = alpn[static_cast<std::size_t>(protocols)];
  if (SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const unsigned char*>(offered.data()),
                          static_cast<unsigned>(offered.size())) != 0) {
    return tls_settings_error();
  }
  if (generation_ != client_.generation_) keep(nullptr);
  if (session_ != nullptr && SSL_set_session(ssl.get(), session_) != 1) ERR_clear_error();
  return ssl.release();
}

Task<Result<std::unique_ptr<TlsStream>>> TlsPeer::secure(ByteStream stream, TlsProtocols protocols, MonotonicTime end) {
  const Result<SSL*> ssl = make_connection(stream.runtime(), protocols);
  if (!ssl) co_return ssl.error();
  auto secured = std::make_unique<TlsStream>(stream.release_plain(), *ssl, this, stream.release_secured());
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
