// SPDX-License-Identifier: Apache-2.0
// Certificates that are trusted, found when a chain asks for an issuer. A bundle is read once for an index of subjects;
// only what is wanted is decoded, from its place in the file, so that 140 roots cost nothing.
// The index owns no certificate: they go to the store of OpenSSL that asks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/provider.h"

struct x509_store_st;
struct X509_name_st;

namespace stint::net {

class TrustedCertificates {
 public:
  /// Each takes in what is a certificate in PEM and passes over the rest, and says how many there were.
  /// Fails: system (the file), too_large.
  Result<std::size_t> add_file(const std::string& path);
  std::size_t add_pem(std::string text);
  /// The system's: the file that SSL_CERT_FILE names or the first there is of the usual ones, and the folders of
  /// SSL_CERT_DIR, or the usual ones when there is no file.
  std::size_t add_system(const config::Environment& environment);

  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  /// How many were decoded so far.
  std::size_t decoded() const { return decoded_; }

  /// Puts every certificate whose subject is `name` into `store`, each at most once.
  void load(x509_store_st* store, const X509_name_st* name);

 private:
  struct Source {
    std::string path;  // empty: `text` is the content
    std::string text;
  };
  struct Entry {
    std::uint64_t key;  // of the subject; any_name when it may be equal to names that look different
    std::uint32_t source, offset, size;
    bool loaded = false;
  };
  std::size_t index(Source source, std::string_view content);
  std::size_t add_folder(const std::string& path);
  std::string pem(const Entry& entry) const;

  std::vector<Source> sources_;
  std::vector<Entry> entries_;
  std::size_t decoded_ = 0;
};

/// A number that is equal for names that X.509 holds equal (case and runs of blanks do not count), or 0 when that
/// cannot be told from the bytes. `name`: DER. Source: RFC 5280, section 7.1.
std::uint64_t name_key(std::string_view name);
/// The subject's DER within the DER of a certificate that may be cut behind it; empty when it is none.
std::string_view subject_of(std::string_view certificate);
/// Base64 until its end or `bytes_max`; blanks are passed over.
std::string decode_pem_body(std::string_view text, std::size_t bytes_max);

/// Fails: system, too_large.
Result<std::string> read_file(const std::string& path, std::size_t bytes_max);

}  // namespace stint::net
