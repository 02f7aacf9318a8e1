// SPDX-License-Identifier: Apache-2.0
#include "net/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <cerrno>

#include "base/limits.h"
#include "net/tls_roots.h"

namespace stint::net {
namespace {

// What Go offers for TLS 1.2: forward secrecy, no DHE.
constexpr const char* usual_ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA";
constexpr const char* usual_curves = "X25519:P-256:P-384:P-521";

using KeyOwner = std::unique_ptr<EVP_PKEY, TlsFreed<&EVP_PKEY_free>>;

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

// Never asks a terminal.
int no_password(char*, int, int, void*) { return -1; }

}  // namespace

Error tls_settings_error() {
  ERR_clear_error();
  return tls_error(ErrorCode::unsupported, TlsPlace::settings);
}

Error useless_tls(TlsPlace place, int detail) {
  ERR_clear_error();
  return tls_error(ErrorCode::not_found, place, detail);
}

Result<std::string> tls_text_of(const std::string& file, const std::string& pem, TlsPlace place) {
  if (file.empty()) return pem;
  Result<std::string> content = read_file(file, limits::tls_file_bytes_max);
  if (!content) return useless_tls(place, content.error().code == ErrorCode::system ? content.error().detail : EFBIG);
  return content;
}

TlsBioOwner tls_reader(const std::string& text) {
  return TlsBioOwner(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

TlsCertificateOwner next_tls_certificate(BIO* reader) {
  return TlsCertificateOwner(PEM_read_bio_X509(reader, nullptr, &no_password, nullptr));
}

Result<> set_tls_protocol(SSL_CTX* context, const TlsConfig& config) {
  const TlsVersion oldest = config.oldest_version();
  SSL_CTX_set_security_level(context, oldest < TlsVersion::tls_1_2 ? 0 : 1);
  if (SSL_CTX_set_min_proto_version(context, protocol_version(oldest)) != 1) return tls_settings_error();
  if (SSL_CTX_set_max_proto_version(context, protocol_version(config.max_version)) != 1) return tls_settings_error();
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);

  const auto cipher_name = [](const std::string& name) {
    const CipherSuite* const suite = find_cipher_suite(name);
    return suite != nullptr ? suite->openssl_name : std::string_view();
  };
  const std::string ciphers = joined(config.cipher_suites, cipher_name);
  if (SSL_CTX_set_cipher_list(context, ciphers.empty() ? usual_ciphers : ciphers.c_str()) != 1) {
    return tls_settings_error();
  }
  const std::string curves = joined(config.curve_preferences, &find_curve);
  if (SSL_CTX_set1_groups_list(context, curves.empty() ? usual_curves : curves.c_str()) != 1) {
    return tls_settings_error();
  }
  return {};
}

Result<> set_tls_certificate(SSL_CTX* context, const TlsConfig& config) {
  const Result<std::string> chain = tls_text_of(config.cert_file, config.cert_pem, TlsPlace::own_certificate);
  if (!chain) return chain.error();
  const TlsBioOwner certificates = tls_reader(*chain);
  const TlsCertificateOwner own = next_tls_certificate(certificates.get());
  if (!own || SSL_CTX_use_certificate(context, own.get()) != 1) return useless_tls(TlsPlace::own_certificate);
  while (const TlsCertificateOwner next = next_tls_certificate(certificates.get())) {
    if (SSL_CTX_add1_chain_cert(context, next.get()) != 1) return useless_tls(TlsPlace::own_certificate);
  }
  const Result<std::string> text = tls_text_of(config.key_file, config.key_pem, TlsPlace::own_key);
  if (!text) return text.error();
  const KeyOwner key(PEM_read_bio_PrivateKey(tls_reader(*text).get(), nullptr, &no_password, nullptr));
  if (!key) return useless_tls(TlsPlace::own_key);
  if (X509_check_private_key(own.get(), key.get()) != 1) return useless_tls(TlsPlace::own_key, tls_key_of_another);
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1) return useless_tls(TlsPlace::own_key);
  return {};
}

}  // namespace stint::net
