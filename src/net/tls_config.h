// SPDX-License-Identifier: Apache-2.0
// The keys `tls` of every client and every server: what is written, checked without a look at any file. What TLS makes
// of it is in tls_client.h and tls_server.h; nothing here needs OpenSSL.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/schema.h"

namespace stint::net {

enum class TlsVersion : std::uint8_t { unset, tls_1_0, tls_1_1, tls_1_2, tls_1_3 };

constexpr auto choices_of(TlsVersion*) {
  return config::choices<TlsVersion>({{"1.2", TlsVersion::tls_1_2},
                                      {"1.3", TlsVersion::tls_1_3},
                                      {"1.1", TlsVersion::tls_1_1},
                                      {"1.0", TlsVersion::tls_1_0},
                                      {"", TlsVersion::unset}});
}

/// What both sides of a connection have: their own certificate, and how they speak.
struct TlsConfig {
  std::string ca_file, ca_pem;
  bool include_system_ca_certs_pool = false;
  std::string cert_file, cert_pem;
  std::string key_file, key_pem;
  TlsVersion min_version = TlsVersion::unset;
  TlsVersion max_version = TlsVersion::unset;
  config::TextList cipher_suites;
  bool include_insecure_cipher_suites = false;
  config::TextList curve_preferences;
  Nanoseconds reload_interval{};

  bool has_ca() const { return !ca_file.empty() || !ca_pem.empty(); }
  bool has_certificate() const { return !cert_file.empty() || !cert_pem.empty(); }
  bool has_key() const { return !key_file.empty() || !key_pem.empty(); }
  TlsVersion oldest_version() const { return min_version == TlsVersion::unset ? TlsVersion::tls_1_2 : min_version; }

  void validate(const config::Report& report) const;
};

// What both sides negotiate by.
namespace tls_fields {
using config::field;
inline constexpr auto min_version =
    field<&TlsConfig::min_version>("min_version", "the oldest TLS version; without it 1.2");
inline constexpr auto max_version =
    field<&TlsConfig::max_version>("max_version", "the newest TLS version; without it 1.3");
inline constexpr auto cipher_suites = field<&TlsConfig::cipher_suites>(
    "cipher_suites", "that may be used with TLS 1.2, such as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
inline constexpr auto include_insecure_cipher_suites = field<&TlsConfig::include_insecure_cipher_suites>(
    "include_insecure_cipher_suites", "insecure ones may be named, too");
inline constexpr auto curve_preferences =
    field<&TlsConfig::curve_preferences>("curve_preferences", "of X25519, P256, P384 and P521, the most wanted first");
}  // namespace tls_fields

struct TlsClientConfig : TlsConfig {
  bool insecure = false;
  bool insecure_skip_verify = false;
  std::string server_name_override;

  /// What counts for a connection that is TLS in any case. The reference leaves the section alone when it says
  /// `insecure` without a CA: the connection is verified as if nothing were written.
  TlsClientConfig effective() const { return insecure && !has_ca() ? TlsClientConfig() : *this; }
};

constexpr auto fields_of(TlsClientConfig*) {
  using namespace config;
  using Config = TlsClientConfig;
  return fields(
      field<&Config::insecure>("insecure",
                               "for gRPC: no TLS. HTTP goes by the endpoint's scheme; with it and without "
                               "a CA this section has no effect"),
      field<&Config::insecure_skip_verify>("insecure_skip_verify", "takes any certificate"),
      field<&Config::server_name_override>("server_name_override",
                                           "the name asked for and expected in the certificate"),
      field<&Config::ca_file>("ca_file", "file of certificates that are trusted, in place of the system's"),
      field<&Config::ca_pem>("ca_pem", "the same, in place"),
      field<&Config::include_system_ca_certs_pool>("include_system_ca_certs_pool",
                                                   "the system's certificates are trusted beside ca_file or ca_pem"),
      field<&Config::cert_file>("cert_file", "file of the client's certificate and its chain"),
      field<&Config::cert_pem>("cert_pem", "the same, in place"),
      field<&Config::key_file>("key_file", "file of the client's key"),
      field<&Config::key_pem>("key_pem", "the same, in place"), tls_fields::min_version, tls_fields::max_version,
      tls_fields::cipher_suites, tls_fields::include_insecure_cipher_suites, tls_fields::curve_preferences,
      field<&Config::reload_interval>("reload_interval", "then the files are read again for new connections; 0: never"),
      refused<>("tpm", "keys in a TPM"));
}

/// A server's: there is a certificate, or the section is refused.
struct TlsServerConfig : TlsConfig {
  std::string client_ca_file, client_ca_pem;
  bool client_ca_file_reload = false;

  bool wants_client_certificate() const { return !client_ca_file.empty() || !client_ca_pem.empty(); }
  void validate(const config::Report& report) const;
};

constexpr auto fields_of(TlsServerConfig*) {
  using namespace config;
  using Config = TlsServerConfig;
  return fields(
      field<&Config::cert_file>("cert_file", "file of the server's certificate and its chain; it or cert_pem is there"),
      field<&Config::cert_pem>("cert_pem", "the same, in place"),
      field<&Config::key_file>("key_file", "file of the server's key; it or key_pem is there"),
      field<&Config::key_pem>("key_pem", "the same, in place"),
      field<&Config::client_ca_file>("client_ca_file",
                                     "clients must show a certificate that rests on one of this file"),
      field<&Config::client_ca_pem>("client_ca_pem", "the same, in place; a key of ours"),
      field<&Config::client_ca_file_reload>("client_ca_file_reload",
                                            "client_ca_file is read again for new connections when it has changed"),
      tls_fields::min_version, tls_fields::max_version, tls_fields::cipher_suites,
      tls_fields::include_insecure_cipher_suites, tls_fields::curve_preferences,
      field<&Config::reload_interval>("reload_interval",
                                      "then files that have changed are read again for new connections; 0: never"),
      accepted<std::string>("ca_file", "of clients; see client_ca_file"),
      accepted<std::string>("ca_pem", "of clients; see client_ca_pem"),
      accepted<bool>("include_system_ca_certs_pool", "of clients"), refused<>("tpm", "keys in a TPM"));
}

/// A cipher suite as the configuration names it.
struct CipherSuite {
  std::string_view name;
  std::string_view openssl_name;  // empty: of TLS 1.3, always on
  bool insecure = false;
};
/// Null when there is none of this name.
const CipherSuite* find_cipher_suite(std::string_view name);
/// OpenSSL's name of a curve; empty when there is none of this name.
std::string_view find_curve(std::string_view name);

}  // namespace stint::net
