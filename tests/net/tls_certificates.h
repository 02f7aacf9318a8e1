// SPDX-License-Identifier: Apache-2.0
// Certificates made when a test runs: authorities, leaves, and what is wrong with some of them. Keys are P-256.
#pragma once

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>
#include <string>

namespace stint::net {

constexpr long day = 24L * 60 * 60;

struct CertificateWish {
  std::string subject;
  std::string names;  // as in openssl.cnf: "DNS:a,IP:127.0.0.1"; empty: none
  bool authority = false;
  long from = -day, to = 30 * day;  // seconds from now
  std::string extended_usage = {};  // "clientAuth"
  int subject_type = MBSTRING_UTF8;
};

class Certificate {
 public:
  /// Signed by `issuer`, or by itself without one.
  explicit Certificate(const CertificateWish& wish, const Certificate* issuer = nullptr)
      : key_(EVP_EC_gen("P-256"), &EVP_PKEY_free), x509_(X509_new(), &X509_free) {
    static long serial = 1;
    X509* const x509 = x509_.get();
    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(x509), wish.from);
    X509_gmtime_adj(X509_getm_notAfter(x509), wish.to);
    X509_NAME* const name = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, bytes("Test"), -1, -1, 0);
    X509_NAME_add_entry_by_txt(name, "CN", wish.subject_type, bytes(wish.subject), -1, -1, 0);
    X509_set_issuer_name(x509, issuer != nullptr ? X509_get_subject_name(issuer->x509()) : name);
    X509_set_pubkey(x509, key_.get());
    add(NID_basic_constraints, wish.authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (!wish.names.empty()) add(NID_subject_alt_name, wish.names);
    if (!wish.extended_usage.empty()) add(NID_ext_key_usage, wish.extended_usage);
    EXPECT_GT(X509_sign(x509, issuer != nullptr ? issuer->key() : key(), EVP_sha256()), 0);
  }

  X509* x509() const { return x509_.get(); }
  EVP_PKEY* key() const { return key_.get(); }
  std::string pem() const {
    return written([&](BIO* bio) { PEM_write_bio_X509(bio, x509()); });
  }
  std::string key_pem() const {
    return written([&](BIO* bio) { PEM_write_bio_PrivateKey(bio, key(), nullptr, nullptr, 0, nullptr, nullptr); });
  }

 private:
  static const unsigned char* bytes(const std::string& text) {
    return reinterpret_cast<const unsigned char*>(text.c_str());
  }
  void add(int type, const std::string& value) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, type, value.c_str());
    ASSERT_NE(extension, nullptr) << value;
    X509_add_ext(x509(), extension, -1);
    X509_EXTENSION_free(extension);
  }
  template <typename Write>
  static std::string written(Write write) {
    BIO* const bio = BIO_new(BIO_s_mem());
    write(bio);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string text(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return text;
  }

  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
  std::unique_ptr<X509, decltype(&X509_free)> x509_;
};

/// What most tests need: a root, an intermediate, and a leaf for localhost and 127.0.0.1.
struct Authority {
  Certificate root{{.subject = "Test Root", .authority = true}};
  Certificate middle{{.subject = "Test Middle", .authority = true}, &root};
  Certificate leaf{good_leaf(), &middle};

  static CertificateWish good_leaf() {
    return {.subject = "leaf", .names = "DNS:localhost,IP:127.0.0.1,DNS:*.wader.test"};
  }
};

}  // namespace stint::net
