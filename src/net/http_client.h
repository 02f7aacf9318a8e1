// SPDX-License-Identifier: Apache-2.0
// An HTTP/1.1 client for one origin: keeps connections, opens them when needed, and sends a request once more, in
// silence, when a kept connection turns out to have died (as they do in a freeze) before any byte of an answer.
#pragma once

#include <sys/uio.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/block.h"
#include "base/counters.h"
#include "base/limits.h"
#include "net/http_response.h"
#include "net/tls_client.h"
#include "runtime/stream.h"

namespace stint::net {

/// Where the client connects to.
struct HttpOrigin {
  std::string host;  // a name or literal, without brackets
  std::uint16_t port = 80;
  std::string unix_path;  // instead of host and port
};

class HttpClient {
 public:
  /// With `tls` every connection is TLS (https). Borrows: runtime, pool, copies, tls.
  HttpClient(Runtime& runtime, BlockPool& pool, CopyCounters& copies, HttpOrigin origin, TlsClient* tls = nullptr);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  /// Sends a complete request (head and body parts) and reads the answer. Several requests may run at once, each on a
  /// connection of its own. Borrows: `head` and what `body` points to, until it returns.
  /// `wanted`: names of headers to hand back. Fails: timed_out, cancelled, system, closed, malformed, not_found,
  /// memory_full, and what TlsPlace names (explain()).
  Task<Result<HttpResponse>> request(std::string_view head, std::span<const iovec> body, Nanoseconds timeout,
                                     std::span<const std::string_view> wanted = {});

  const HttpOrigin& origin() const { return origin_; }
  bool is_secured() const { return peer_ != nullptr; }
  /// A failed request's error as a sentence.
  std::string explain(Error error) const;
  /// Takes a connection that somebody else opened (the register connection of the life cycle).
  void adopt(Stream stream);
  void close_idle_connections();
  /// The same, and TLS peers are told. Suspends: for as long as a peer does not read, at most `timeout`.
  Task<> close(Nanoseconds timeout);
  std::size_t connections_opened() const { return opened_; }
  std::size_t silent_retries() const { return silent_retries_; }
  std::size_t sessions_resumed() const { return peer_ ? peer_->resumed() : 0; }

 private:
  struct Connection : HttpConnection {
    using HttpConnection::HttpConnection;
    bool used = false;  // has answered before
  };
  Task<Result<std::unique_ptr<Connection>>> open(MonotonicTime end);
  Task<Result<HttpResponse>> exchange(Connection& connection, std::string_view head, std::span<const iovec> body,
                                      MonotonicTime end, std::span<const std::string_view> wanted,
                                      RequestProgress& progress);

  Runtime& runtime_;
  BlockPool& pool_;
  CopyCounters& copies_;
  HttpOrigin origin_;
  std::unique_ptr<TlsPeer> peer_;  // null: http
  std::vector<std::unique_ptr<Connection>> idle_;
  std::vector<Address> addresses_;
  std::size_t opened_ = 0;
  std::size_t silent_retries_ = 0;
};

}  // namespace stint::net
