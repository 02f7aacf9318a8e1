// SPDX-License-Identifier: Apache-2.0
#include "net/tls_config.h"

#include <algorithm>
#include <array>

#include "base/log.h"

namespace stint::net {
namespace {

constexpr CipherSuite cipher_suites[] = {
    {"TLS_AES_128_GCM_SHA256", ""},
    {"TLS_AES_256_GCM_SHA384", ""},
    {"TLS_CHACHA20_POLY1305_SHA256", ""},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"},
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA"},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"},
    {"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "ECDHE-ECDSA-AES128-SHA256", true},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256", true},
    {"TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256", true},
    {"TLS_RSA_WITH_AES_256_GCM_SHA384", "AES256-GCM-SHA384", true},
    {"TLS_RSA_WITH_AES_128_CBC_SHA256", "AES128-SHA256", true},
    {"TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA", true},
    {"TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA", true},
};

constexpr std::pair<std::string_view, std::string_view> curves[] = {
    {"X25519", "X25519"}, {"P256", "P-256"}, {"P384", "P-384"}, {"P521", "P-521"}};

void only_one(const config::Report& report, const std::string& file, const std::string& pem, std::string_view file_key,
              std::string_view pem_key) {
  if (!file.empty() && !pem.empty()) report.error(pem_key, concat("give either ", file_key, " or ", pem_key));
}

}  // namespace

const CipherSuite* find_cipher_suite(std::string_view name) {
  const auto* found = std::find_if(std::begin(cipher_suites), std::end(cipher_suites),
                                   [&](const CipherSuite& suite) { return suite.name == name; });
  return found == std::end(cipher_suites) ? nullptr : found;
}

std::string_view find_curve(std::string_view name) {
  for (const auto& [known, openssl_name] : curves) {
    if (known == name) return openssl_name;
  }
  return {};
}

void TlsConfig::validate(const config::Report& report) const {
  only_one(report, ca_file, ca_pem, "ca_file", "ca_pem");
  only_one(report, cert_file, cert_pem, "cert_file", "cert_pem");
  only_one(report, key_file, key_pem, "key_file", "key_pem");
  if (has_certificate() && !has_key()) {
    report.error(cert_file.empty() ? "cert_pem" : "cert_file", "its key is missing; give key_file or key_pem");
  }
  if (has_key() && !has_certificate()) {
    report.error(key_file.empty() ? "key_pem" : "key_file", "its certificate is missing; give cert_file or cert_pem");
  }
  if (max_version != TlsVersion::unset && max_version < oldest_version()) {
    report.error("max_version", "is older than min_version");
  }
  for (const std::string& name : cipher_suites) {
    const CipherSuite* const suite = find_cipher_suite(name);
    if (suite == nullptr) {
      report.error("cipher_suites", concat("'", name, "' is not a cipher suite that can be used"));
    } else if (suite->insecure && !include_insecure_cipher_suites) {
      report.error("cipher_suites", concat("'", name, "' is insecure; include_insecure_cipher_suites would allow it"));
    }
  }
  for (const std::string& name : curve_preferences) {
    if (find_curve(name).empty()) {
      report.error("curve_preferences", concat("'", name, "' is not one of X25519, P256, P384, P521"));
    }
  }
}

void TlsServerConfig::validate(const config::Report& report) const {
  TlsConfig::validate(report);
  only_one(report, client_ca_file, client_ca_pem, "client_ca_file", "client_ca_pem");
  if (!has_certificate() && !has_key()) {
    report.error("", "a server needs a certificate and its key; give cert_file and key_file, or cert_pem and key_pem");
  }
}

}  // namespace stint::net
