// SPDX-License-Identifier: Apache-2.0
// Finding a trusted certificate by its subject without decoding the others.
#include "net/tls_roots.h"

#include <openssl/x509_vfy.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "tls_certificates.h"

namespace stint::net {
namespace {

std::string subject_der(const Certificate& certificate) {
  const unsigned char* der = nullptr;
  std::size_t size = 0;
  X509_NAME_get0_der(X509_get_subject_name(certificate.x509()), &der, &size);
  return std::string(reinterpret_cast<const char*>(der), size);
}
std::uint64_t key_of(const CertificateWish& wish) { return name_key(subject_der(Certificate(wish))); }

std::size_t loaded(TrustedCertificates& roots, const Certificate& wanted) {
  X509_STORE* const store = X509_STORE_new();
  roots.load(store, X509_get_subject_name(wanted.x509()));
  STACK_OF(X509)* const found = X509_STORE_get1_all_certs(store);
  const int count = sk_X509_num(found);
  sk_X509_pop_free(found, X509_free);
  X509_STORE_free(store);
  return static_cast<std::size_t>(count);
}

TEST(NameKey, IsEqualWhereX509HoldsNamesEqual) {
  const std::uint64_t key = key_of({.subject = "Test Root"});
  EXPECT_NE(key, 0u);
  for (const char* same : {"test root", "TEST  ROOT", " Test Root ", "Test\tRoot"})
    EXPECT_EQ(key_of({.subject = same}), key);
  EXPECT_EQ(key_of({.subject = "Test Root", .subject_type = V_ASN1_PRINTABLESTRING}), key);
  for (const char* other : {"TestRoot", "Test Root 2", "Test", ""}) EXPECT_NE(key_of({.subject = other}), key) << other;
}

TEST(NameKey, DoesNotGuessAtTextInOtherAlphabets) {
  EXPECT_EQ(key_of({.subject = "Test Root", .subject_type = V_ASN1_T61STRING}), 0u);
  EXPECT_EQ(name_key(""), 0u);
  EXPECT_EQ(name_key("\x30\x05\x31"), 0u);
  EXPECT_EQ(name_key(std::string("\x30\x82\xff\xff\x31", 5)), 0u);
}

TEST(PemBody, IsDecodedWhereverItsLinesAreBroken) {
  std::string bytes, text;
  for (int i = 0; i < 255; ++i) bytes.push_back(static_cast<char>(i));
  std::string encoded(352, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  encoded.resize(static_cast<std::size_t>(size));
  for (std::size_t line = 1; line < 80; ++line) {
    text = "\r\n";
    for (std::size_t at = 0; at < encoded.size(); at += line) text += encoded.substr(at, line) + "\r\n";
    EXPECT_EQ(decode_pem_body(text, 1 << 20), bytes) << line;
    const std::string begin = decode_pem_body(text, 100);
    EXPECT_GE(begin.size(), 100u);
    EXPECT_TRUE(bytes.starts_with(begin));
  }
  EXPECT_EQ(decode_pem_body("YQ==", 10), "a");
  EXPECT_EQ(decode_pem_body("YWI=", 10), "ab");
  EXPECT_EQ(decode_pem_body("", 10), "");
}

TEST(TrustedCertificates, FindsOneAmongManyAndPassesOverWhatIsNone) {
  const Certificate wanted({.subject = "Wanted Root", .authority = true});
  const Certificate other({.subject = "Other Root", .authority = true});
  const Certificate absent({.subject = "Absent Root", .authority = true});
  TrustedCertificates roots;
  EXPECT_TRUE(roots.empty());
  const std::string text = "junk\n" + other.pem() +
                           "-----BEGIN CERTIFICATE-----\nnot base64 !!\n-----END CERTIFICATE-----\n" + other.key_pem() +
                           wanted.pem() + "-----BEGIN CERTIFICATE-----\nMIIB";
  EXPECT_EQ(roots.add_pem(text), 2u);
  EXPECT_EQ(loaded(roots, absent), 0u);
  EXPECT_EQ(roots.decoded(), 0u);
  EXPECT_EQ(loaded(roots, wanted), 1u);
  EXPECT_EQ(roots.decoded(), 1u);
}

TEST(TrustedCertificates, FindsEveryOneOfTheSameName) {
  const Certificate old_key({.subject = "Root", .authority = true}), new_key({.subject = "ROOT", .authority = true});
  TrustedCertificates roots;
  EXPECT_EQ(roots.add_pem(old_key.pem() + new_key.pem()), 2u);
  EXPECT_EQ(loaded(roots, old_key), 2u);
}

TEST(TrustedCertificates, FindsNamesThatItCannotCompareItself) {
  const Certificate wide({.subject = std::string("Root"), .authority = true, .subject_type = V_ASN1_T61STRING});
  const Certificate narrow({.subject = "Root", .authority = true});
  TrustedCertificates roots;
  EXPECT_EQ(roots.add_pem(wide.pem()), 1u);
  EXPECT_EQ(loaded(roots, narrow), 1u);
}

TEST(TrustedCertificates, FindsASubjectFarBehindALongIssuer) {
  const Certificate issuer({.subject = std::string(60, 'i'), .authority = true});
  const Certificate wanted({.subject = "Wanted", .authority = true}, &issuer);
  TrustedCertificates roots;
  EXPECT_EQ(roots.add_pem(wanted.pem()), 1u);
  EXPECT_EQ(loaded(roots, wanted), 1u);
  const std::string der = decode_pem_body(wanted.pem().substr(27), 1 << 20);
  EXPECT_EQ(subject_of(der), subject_der(wanted));
  // Cut anywhere it is either the whole subject or none.
  for (std::size_t size = 0; size < der.size(); ++size) {
    const std::string_view subject = subject_of(std::string_view(der).substr(0, size));
    EXPECT_TRUE(subject.empty() || subject == subject_der(wanted)) << size;
  }
}

TEST(TrustedCertificates, ReadsTheSystemsFromWhereTheEnvironmentSays) {
  const Certificate first({.subject = "First", .authority = true}), second({.subject = "Second", .authority = true});
  std::string folder = "/tmp/stint-roots-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const auto write = [](const std::string& path, const std::string& text) {
    std::FILE* const file = std::fopen(path.c_str(), "w");
    std::fputs(text.c_str(), file);
    std::fclose(file);
  };
  write(folder + "/bundle", first.pem());
  ::mkdir((folder + "/more").c_str(), 0700);
  write(folder + "/more/one", second.pem());
  write(folder + "/more/README", "no certificate");
  const config::FixedEnvironment both(
      {{"SSL_CERT_FILE", folder + "/bundle"}, {"SSL_CERT_DIR", "/nonexistent:" + folder + "/more"}});
  TrustedCertificates roots;
  EXPECT_EQ(roots.add_system(both), 2u);
  EXPECT_EQ(loaded(roots, second), 1u);
  // The file has become another one since: what is there now is not taken for what was.
  write(folder + "/bundle", second.pem());
  EXPECT_EQ(loaded(roots, first), 0u);
  EXPECT_EQ(roots.add_file(folder).error().code, ErrorCode::system);
  EXPECT_EQ(
      TrustedCertificates().add_system(config::FixedEnvironment({{"SSL_CERT_FILE", "/no"}, {"SSL_CERT_DIR", "/no"}})),
      0u);
  for (const char* path : {"/more/one", "/more/README", "/bundle"}) ::unlink((folder + path).c_str());
  ::rmdir((folder + "/more").c_str());
  ::rmdir(folder.c_str());
}

}  // namespace
}  // namespace stint::net
