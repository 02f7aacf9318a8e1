// SPDX-License-Identifier: Apache-2.0
// An HTTP client for one origin: keeps connections, opens them when needed, and sends a request once more, in silence,
// when a kept connection turns out to have died (as they do in a freeze) before any byte of an answer. It speaks
// HTTP/1.1, or HTTP/2 where that is wanted and the origin chooses it in TLS. Between it and the origin there may be a
// proxy: http requests are then sent to it, https ones through a tunnel that it makes.
#pragma once

#include <sys/uio.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/block.h"
#include "base/counters.h"
#include "base/limits.h"
#include "net/connector.h"
#include "net/http2_client.h"
#include "net/http_response.h"

namespace stint::net {

/// How a client keeps its connections, and what lies before them.
struct HttpClientSettings {
  ProxySource proxy;
  bool keep_alive = true;          // false: a connection for each request
  Nanoseconds idle_max = forever;  // a connection that rested longer is not used again
  bool http2 = false;              // offered in TLS, for post()
  KeepaliveSettings http2_keepalive{.ping_after = KeepaliveSettings::never};
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

  /// The same with a body of slices, sent from where they lie. Over HTTP/2 they go on one connection.
  Task<Result<HttpResponse>> post(std::string_view head, std::span<const Slice> body, Nanoseconds timeout);

  const HttpOrigin& origin() const { return connector_.origin(); }
  bool is_secured() const { return connector_.is_secured(); }
  /// A failed request's error as a sentence.
  std::string explain(Error error) const {
    return is_http2_error(error) ? http2_text(error) : connector_.explain(error);
  }
  /// Takes a connection that somebody else opened (the register connection of the life cycle).
  void adopt(ByteStream stream);
  void close_idle_connections();
  /// The same, and TLS peers are told. To be awaited before the end after a post(). Suspends: for as long as a peer
  /// does not read, at most `timeout`.
  Task<> close(Nanoseconds timeout);
  std::size_t connections_opened() const { return connector_.opened(); }
  std::size_t silent_retries() const { return silent_retries_ + (http2_ ? http2_->silent_retries() : 0); }
  std::size_t sessions_resumed() const { return connector_.sessions_resumed(); }

 private:
  struct Connection : HttpConnection {
    using HttpConnection::HttpConnection;
    bool used = false;            // has answered before
    MonotonicTime rests_since{};  // when it did
  };
  std::unique_ptr<Connection> take_idle();
  void keep(std::unique_ptr<Connection> connection);
  void speak_http1();
  void read_proxy(const Proxy& proxy);
  std::vector<iovec> request_parts(std::string_view head, std::span<const iovec> body);
  Task<Result<HttpResponse>> exchange(Connection& connection, std::string_view head, std::span<const iovec> body,
                                      MonotonicTime end, std::span<const std::string_view> wanted,
                                      RequestProgress& progress);

  Runtime& runtime_;
  BlockPool& pool_;
  CopyCounters& copies_;
  HttpClientSettings settings_;
  Connector connector_;
  std::unique_ptr<Http2Client> http2_;  // from the first post() on, where HTTP/2 is offered
  // Of http requests to a proxy: what stands before the target, and a line more.
  std::string target_prefix_;
  std::string proxy_fields_;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::size_t silent_retries_ = 0;
};

}  // namespace stint::net
