// SPDX-License-Identifier: Apache-2.0
// OpenSSL's view of a TlsStream: a BIO that reads from its input and writes to its output, and never waits. Included by
// the TLS files alone.
#pragma once

#include <openssl/bio.h>

#include <cstddef>

namespace stint::net {

struct TlsBio {
  /// A BIO without a stream yet (BIO_set_data). Null without memory.
  static BIO* make();

 private:
  static BIO_METHOD* make_method();
  static int read(bio_st* bio, char* data, std::size_t size, std::size_t* taken);
  static int write(bio_st* bio, const char* data, std::size_t size, std::size_t* taken);
};

}  // namespace stint::net
