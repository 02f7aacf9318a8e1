// SPDX-License-Identifier: Apache-2.0
// What can go wrong with TLS, as an 8-byte Error and as a sentence. `place` says the kind, `detail` which one.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace stint::net {

/// Error::place of what is said here. Other errors of TLS streams are those of the stream below.
enum class TlsPlace : std::uint16_t {
  certificate = 0x5401,  // the peer's is refused; detail: X509_V_ERR_*
  alert,                 // the peer refuses; detail: the alert's number
  protocol,              // what came is not TLS as agreed; detail: SSL_R_*
  handshake,             // the stream ended or was reset in the handshake
  plain_http,            // an answer without TLS was TLS
  ca,                    // tls::ca_file or ca_pem cannot be used; detail: an errno, or 0 for its content
  own_certificate,       // the same of cert_file or cert_pem
  own_key,               // the same of key_file or key_pem; or tls_key_of_another
  client_ca,             // as ca, of client_ca_file or client_ca_pem
  settings,              // the library refuses the settings, or has no memory
};

/// Error::detail: the key is one, but not that of the certificate.
constexpr int tls_key_of_another = -1;

constexpr bool is_tls(Error error) {
  return error.place >= static_cast<std::uint16_t>(TlsPlace::certificate) &&
         error.place <= static_cast<std::uint16_t>(TlsPlace::settings);
}
constexpr Error tls_error(ErrorCode code, TlsPlace place, int detail = 0) {
  return Error{code, static_cast<std::uint16_t>(place), detail};
}

/// The error of a call that gave SSL_ERROR_SSL or SSL_ERROR_SYSCALL, from OpenSSL's queue, which is empty afterwards.
/// `verify_result`: of SSL_get_verify_result.
Error take_tls_error(long verify_result);

/// A sentence about a client's handshake that failed here. Requires: is_tls(error).
std::string tls_client_fault(Error error);

/// One sentence for a person. `name`: whom the certificate should be for. Requires: is_tls(error).
std::string tls_text(Error error, std::string_view name);

}  // namespace stint::net
