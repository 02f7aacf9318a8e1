// SPDX-License-Identifier: Apache-2.0
// What a client's and a server's SSL_CTX have in common: versions, ciphers, curves, their own certificate. Included by
// the TLS files alone.
#pragma once

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "net/tls_config.h"
#include "net/tls_error.h"

namespace stint::net {

template <auto Free>
struct TlsFreed {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using TlsContextOwner = std::unique_ptr<SSL_CTX, TlsFreed<&SSL_CTX_free>>;
using TlsConnectionOwner = std::unique_ptr<SSL, TlsFreed<&SSL_free>>;
using TlsCertificateOwner = std::unique_ptr<X509, TlsFreed<&X509_free>>;
using TlsBioOwner = std::unique_ptr<BIO, TlsFreed<&BIO_free>>;

/// Errors of making a context; OpenSSL's queue is empty afterwards.
Error tls_settings_error();
Error useless_tls(TlsPlace place, int detail = 0);

/// The content of `file`, or `pem` when there is no file. Fails: not_found at `place`; detail: an errno.
Result<std::string> tls_text_of(const std::string& file, const std::string& pem, TlsPlace place);
/// Borrows: text.
TlsBioOwner tls_reader(const std::string& text);
/// The next certificate of `reader`; null at its end, or when it is none.
TlsCertificateOwner next_tls_certificate(BIO* reader);

/// Fails: TlsPlace::settings.
Result<> set_tls_protocol(SSL_CTX* context, const TlsConfig& config);
/// Requires: config.has_certificate(). Fails: own_certificate, own_key.
Result<> set_tls_certificate(SSL_CTX* context, const TlsConfig& config);

}  // namespace stint::net
