// SPDX-License-Identifier: Apache-2.0
// A TLS server in the test's own loop, on a free port: OpenSSL's server side with the certificates of a test. What it
// does with each connection is a coroutine of the test.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <vector>

#include "net/tls_bio.h"
#include "net/tls_certificates.h"
#include "net/tls_client.h"
#include "runtime/scope.h"

namespace stint::net {

class TlsServerContext {
 public:
  TlsServerContext() : context_(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free) {
    SSL_CTX_set_session_id_context(get(), reinterpret_cast<const unsigned char*>("test"), 4);
  }
  TlsServerContext(const Certificate& leaf, const std::vector<const Certificate*>& chain) : TlsServerContext() {
    EXPECT_EQ(SSL_CTX_use_certificate(get(), leaf.x509()), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey(get(), leaf.key()), 1);
    for (const Certificate* one : chain) EXPECT_EQ(SSL_CTX_add1_chain_cert(get(), one->x509()), 1);
  }
  SSL_CTX* get() const { return context_.get(); }
  void versions(int oldest, int newest) {
    SSL_CTX_set_min_proto_version(get(), oldest);
    SSL_CTX_set_max_proto_version(get(), newest);
  }
  void demand_certificate(const Certificate& root) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(get()), root.x509());
    SSL_CTX_set_verify(get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  SSL* connection() const {
    SSL* const ssl = SSL_new(get());
    BIO* const bio = TlsBio::make();
    SSL_set_bio(ssl, bio, bio);
    SSL_set_accept_state(ssl);
    return ssl;
  }

 private:
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
};

/// One accepted connection after its handshake. Null when that failed.
struct Accepted {
  std::unique_ptr<TlsStream> stream;
  SSL* ssl = nullptr;
};

inline Task<Accepted> accept_tls(Listener& listener, TlsServerContext& context) {
  Result<Stream> stream = co_await listener.accept();
  if (!stream) co_return Accepted{};
  SSL* const ssl = context.connection();
  Accepted accepted{std::make_unique<TlsStream>(std::move(*stream), ssl, nullptr), ssl};
  const Result<> done = co_await accepted.stream->handshake(MonotonicTime::max());
  if (!done) co_return Accepted{};
  co_return std::move(accepted);
}

}  // namespace stint::net
