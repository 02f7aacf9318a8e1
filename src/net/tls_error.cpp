// SPDX-License-Identifier: Apache-2.0
#include "net/tls_error.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <cstring>

#include "base/log.h"

namespace stint::net {
namespace {

std::string certificate_text(int error, std::string_view name) {
  const auto refused = [&](const auto&... why) { return concat("the certificate of ", name, " is refused: ", why...); };
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return refused("it, or one that it rests on, has expired");
    case X509_V_ERR_CERT_NOT_YET_VALID: return refused("it, or one that it rests on, is not valid yet");
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return refused("it is for other names, not for ", name);
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: return refused("it is self-signed; tls::ca_file can trust it");
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return refused("its chain ends in a root that is not trusted; tls::ca_file can trust it");
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return refused("its issuer is unknown: neither sent with it nor trusted");
    case X509_V_ERR_CERT_SIGNATURE_FAILURE: return refused("its signature is wrong");
    case X509_V_ERR_INVALID_PURPOSE: return refused("it is not meant for servers");
    case X509_V_ERR_INVALID_CA: return refused("its issuer may not issue certificates");
    default: return refused(X509_verify_cert_error_string(error));
  }
}

std::string alert_text(int alert) {
  switch (alert) {
    case SSL_AD_HANDSHAKE_FAILURE:
      return "the back end refuses the TLS handshake: no cipher suite in common, or it wants a client certificate "
             "(tls::cert_file)";
    case SSL_AD_CERTIFICATE_REQUIRED: return "the back end wants a client certificate (tls::cert_file)";
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
      return concat("the back end refuses our client certificate: ", SSL_alert_desc_string_long(alert));
    case SSL_AD_PROTOCOL_VERSION: return "the back end speaks none of the TLS versions that are allowed here";
    case SSL_AD_UNRECOGNIZED_NAME: return "the back end knows no server of this name (tls::server_name_override)";
    default: return concat("the back end ends TLS with the alert '", SSL_alert_desc_string_long(alert), "'");
  }
}

std::string protocol_text(int reason) {
  switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER: return "what answers does not speak TLS; is the endpoint http://?";
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_NO_PROTOCOLS_AVAILABLE: return "the back end speaks none of the TLS versions that are allowed here";
    case SSL_R_EXCESSIVE_MESSAGE_SIZE: return "TLS: the back end's certificates are larger than 100 KiB";
    case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC: return "TLS: what came was damaged on its way";
    default: break;
  }
  const char* const text = ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, 0, reason));
  return text != nullptr ? concat("TLS: ", text) : concat("TLS: error ", reason);
}

std::string file_text(std::string_view keys, int error_number) {
  if (error_number == 0) return concat(keys, " holds nothing that can be used");
  if (error_number == tls_key_of_another) return concat(keys, " is the key of another certificate");
  return concat(keys, " cannot be read: ", std::strerror(error_number));
}

}  // namespace

Error take_tls_error(long verify_result) {
  const unsigned long first = ERR_get_error();
  ERR_clear_error();
  const int reason = ERR_GET_LIB(first) == ERR_LIB_SSL ? ERR_GET_REASON(first) : 0;
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    return tls_error(ErrorCode::unauthenticated, TlsPlace::certificate, static_cast<int>(verify_result));
  }
  if (reason > SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256) {
    return tls_error(ErrorCode::permission_denied, TlsPlace::alert, reason - SSL_AD_REASON_OFFSET);
  }
  return tls_error(ErrorCode::malformed, TlsPlace::protocol, reason);
}

std::string tls_client_fault(Error error) {
  const auto place = static_cast<TlsPlace>(error.place);
  if (place == TlsPlace::certificate) {
    const char* const why = X509_verify_cert_error_string(error.detail);
    return concat("the client's certificate is refused: ", why);
  }
  if (place == TlsPlace::alert) {
    return concat("the client ends TLS with the alert '", SSL_alert_desc_string_long(error.detail), "'");
  }
  if (place != TlsPlace::protocol) return tls_text(error, "the client");
  switch (error.detail) {
    case SSL_R_HTTP_REQUEST: return "the client speaks HTTP without TLS; its endpoint is https:// here";
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return "the client shows no certificate (tls::client_ca_file wants one)";
    case SSL_R_NO_SHARED_CIPHER: return "the client offers no cipher suite that is allowed here";
    case SSL_R_WRONG_VERSION_NUMBER: return "what the client sends is not TLS";
    case SSL_R_UNSUPPORTED_PROTOCOL: return "the client speaks none of the TLS versions that are allowed here";
    default: return protocol_text(error.detail);
  }
}

std::string tls_text(Error error, std::string_view name) {
  switch (static_cast<TlsPlace>(error.place)) {
    case TlsPlace::certificate: return certificate_text(error.detail, name);
    case TlsPlace::alert: return alert_text(error.detail);
    case TlsPlace::protocol: return protocol_text(error.detail);
    case TlsPlace::handshake:
      return concat("the connection ended in the TLS handshake: ", to_string(Error{error.code, 0, error.detail}));
    case TlsPlace::plain_http: return "what answers speaks TLS; is the endpoint https://?";
    case TlsPlace::ca: return file_text("tls::ca_file or ca_pem", error.detail);
    case TlsPlace::own_certificate: return file_text("tls::cert_file or cert_pem", error.detail);
    case TlsPlace::own_key: return file_text("tls::key_file or key_pem", error.detail);
    case TlsPlace::client_ca: return file_text("tls::client_ca_file or client_ca_pem", error.detail);
    case TlsPlace::settings: return "the settings of tls cannot be used together";
  }
  return to_string(error);
}

}  // namespace stint::net
