// SPDX-License-Identifier: Apache-2.0
// An HTTP/1.1 client for one origin: keeps connections, opens them when needed, and sends a request once more, in
// silence, when a kept connection turns out to have died (as they do in a freeze) before any byte of an answer. Between
// it and the origin there may be a proxy: http requests are then sent to it, https ones through a tunnel that it makes.
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
#include "net/proxy.h"
#include "net/tls_client.h"
#include "runtime/stream.h"

namespace stint::net {

/// Where the client connects to.
struct HttpOrigin {
  std::string host;  // a name or literal, without brackets
  std::uint16_t port = 80;
  std::string unix_path;  // instead of host and port
};

/// How a client keeps its connections, and what lies before them.
struct HttpClientSettings {
  ProxySource proxy;
  bool keep_alive = true;          // false: a connection for each request
  Nanoseconds idle_max = forever;  // a connection that rested longer is not used again
};

class HttpClient {
 public:
  /// With `tls` every connection is TLS (https). The proxy is looked for at the first connection: nothing
  /// reads the environment before. Borrows: runtime, pool, copies, tls, what the proxy's source borrows.
  HttpClient(Runtime& runtime, BlockPool& pool, CopyCounters& copies, HttpOrigin origin, TlsClient* tls = nullptr,
             HttpClientSettings settings = {});
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  /// Sends a complete request (head and body parts) and reads the answer. Several requests may run at once, each on a
  /// connection of its own. Borrows: `head` and what `body` points to, until it returns.
  /// `wanted`: names of headers to hand back. Fails: timed_out, cancelled, system, closed, malformed, not_found,
  /// memory_full, and what TlsPlace and ProxyPlace name (explain()).
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
    bool used = false;            // has answered before
    MonotonicTime rests_since{};  // when it did
  };
  Task<Result<std::unique_ptr<Connection>>> open(MonotonicTime end);
  void look_at_clocks();
  std::unique_ptr<Connection> take_idle();
  void keep(std::unique_ptr<Connection> connection);
  Result<> choose_proxy();
  Task<Result<>> look_up(MonotonicTime end);
  Task<Result<ByteStream>> secure(Stream stream, MonotonicTime end);
  Error below(Error error) const;
  std::vector<iovec> request_parts(std::string_view head, std::span<const iovec> body) const;
  Task<Result<HttpResponse>> exchange(Connection& connection, std::string_view head, std::span<const iovec> body,
                                      MonotonicTime end, std::span<const std::string_view> wanted,
                                      RequestProgress& progress);

  Runtime& runtime_;
  BlockPool& pool_;
  CopyCounters& copies_;
  HttpOrigin origin_;
  std::unique_ptr<TlsPeer> peer_;  // null: http
  HttpClientSettings settings_;
  std::optional<Proxy> proxy_;
  bool proxy_chosen_ = false;
  std::string proxy_refusal_;
  std::unique_ptr<TlsPeer> proxy_peer_;  // of an https proxy
  // Of http requests to a proxy: what stands before the target, and a line more.
  std::string target_prefix_;
  std::string proxy_fields_;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::vector<Address> addresses_;
  std::optional<Nanoseconds> clocks_apart_;  // epoch less monotonic, at the last request
  std::size_t opened_ = 0;
  std::size_t silent_retries_ = 0;
};

}  // namespace stint::net
