// SPDX-License-Identifier: Apache-2.0
// What the TLS connections of one component have in common (`TlsClient`), and those to one back end (`TlsPeer`).
// Nothing of OpenSSL runs before the first connection: neither at start nor when these are made.
#pragma once

#include <memory>
#include <string>

#include "config/provider.h"
#include "net/byte_stream.h"
#include "net/tls_config.h"
#include "net/tls_roots.h"
#include "net/tls_stream.h"
#include "runtime/stream.h"

struct ssl_ctx_st;
struct ssl_session_st;

namespace stint::net {

/// What a connection offers by ALPN, in the order of preference.
enum class TlsProtocols : std::uint8_t { http1, http2, http2_or_http1 };

class TlsClient {
 public:
  /// No file is looked at. Borrows: environment.
  TlsClient(TlsClientConfig config, const config::Environment& environment);
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;
  ~TlsClient();

  const TlsClientConfig& config() const { return config_; }
  /// Certificates of the bundle that were decoded; 0 before the first connection.
  std::size_t roots_decoded() const { return roots_ ? roots_->decoded() : 0; }
  bool used() const { return context_ != nullptr; }
  /// True when no certificate is trusted, because none was found.
  bool trusts_nobody() const { return roots_ && roots_->empty(); }

 private:
  friend class TlsPeer;
  /// The context, made or made anew when reload_interval has passed. Fails: as TlsPlace says.
  Result<ssl_ctx_st*> context(Runtime& runtime);
  Result<> make_context();
  static void set_sessions(ssl_ctx_st* context);
  Result<> set_trust(ssl_ctx_st* context);

  TlsClientConfig config_;
  const config::Environment& environment_;
  std::unique_ptr<TrustedCertificates> roots_;
  ssl_ctx_st* context_ = nullptr;
  MonotonicTime made_{};
  std::uint64_t generation_ = 0;  // of the context
};

/// One back end: the name in its certificate, and the session that the next connection resumes.
class TlsPeer {
 public:
  /// `host`: a name or a literal without brackets. Borrows: client.
  TlsPeer(TlsClient& client, std::string host);
  TlsPeer(const TlsPeer&) = delete;
  TlsPeer& operator=(const TlsPeer&) = delete;
  ~TlsPeer();

  /// The name that the certificate is checked for.
  const std::string& name() const { return name_; }
  bool has_session() const { return session_ != nullptr; }
  /// Connections whose handshake resumed a session.
  std::size_t resumed() const { return resumed_; }

  /// A sentence for a person. Requires: is_tls(error).
  std::string explain(Error error) const;

  /// Makes the handshake over a connected stream. Suspends: until done or `end`.
  /// Fails: timed_out, cancelled, memory_full, and what TlsPlace names.
  Task<Result<std::unique_ptr<TlsStream>>> secure(ByteStream stream, TlsProtocols protocols, MonotonicTime end);

  /// For the next connection, in place of an earlier one. Takes the ownership of the session.
  void keep(ssl_session_st* session);

 private:
  Result<ssl_st*> make_connection(Runtime& runtime, TlsProtocols protocols);

  TlsClient& client_;
  std::string name_;
  bool is_literal_;
  ssl_session_st* session_ = nullptr;
  std::uint64_t generation_ = 0;  // of the context that the session came from
  std::size_t resumed_ = 0;
};

}  // namespace stint::net
