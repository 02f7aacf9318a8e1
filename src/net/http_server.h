// SPDX-License-Identifier: Apache-2.0
// An HTTP/1.1 server over streams: keep-alive, pipelining, Content-Length and chunked bodies, Expect: 100-continue.
// A Content-Length body is received where it will lie: the slice handed to the service shares the block that the kernel
// wrote into. Limits are refused here, before a service sees the request.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/block.h"
#include "base/counters.h"
#include "base/limits.h"
#include "net/acceptor.h"
#include "net/cors.h"
#include "net/tls_server.h"
#include "runtime/channel.h"
#include "runtime/scope.h"
#include "runtime/stream.h"
#include "wire/http1.h"

namespace stint::net {

struct HttpRequest {
  const wire::RequestHead& head;  // valid until the reply is returned
  Slice body;                     // whole; still in its Content-Encoding. Keep it as long as you like
};

/// What a server does with its requests.
class HttpService {
 public:
  virtual ~HttpService() = default;
  /// Asked as soon as the head is there, before any of the body: a reply refuses the request.
  virtual std::optional<HttpReply> refuse(const wire::RequestHead& head) {
    (void)head;
    return std::nullopt;
  }
  /// Suspends: as long as it likes; requests of one connection are served one after the other.
  virtual Task<HttpReply> serve(HttpRequest request) = 0;
  /// The reply to a request that broke a limit or the protocol: `status` is 400, 408, 413, 431, 501, 503 or 505.
  virtual HttpReply failure(const wire::RequestHead* head, int status, std::string_view message);
};

struct HttpServerSettings {
  std::size_t body_bytes_max = limits::http_body_bytes_max;
  int body_too_large_status = 413;
  std::size_t connections_max = limits::connections_max;
  bool keep_alive = true;  // a connection serves more than one request
  Nanoseconds idle_max = limits::idle_connection_max;
  Nanoseconds silence_max = limits::request_silence_max;
  Nanoseconds head_max = limits::request_head_time_max;  // of a whole head, and of a TLS handshake
  Nanoseconds request_max = forever;                     // of a whole request, from its first byte
  Nanoseconds send_silence_max = limits::request_silence_max;
  std::span<const std::pair<std::string, std::string>> extra_headers;  // of every reply that does not say them itself
  const Cors* cors = nullptr;                                          // null: off
  TlsServer* tls = nullptr;                                            // null: plain
};

class HttpServer final : private ConnectionServer {
 public:
  /// Borrows: all of them and what the settings point to, which outlive the server.
  HttpServer(Runtime& runtime, BlockPool& pool, CopyCounters& copies, HttpService& service,
             HttpServerSettings settings);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  /// Requires: stop() was awaited, or nothing was started.
  ~HttpServer() override;

  /// Takes a bound listener; connections are accepted from now on.
  void serve(Listener listener) { acceptor_.add(std::move(listener)); }
  void serve(Stream stream) override;
  /// No new connections; requests under way are finished until `grace` has passed, then everything is closed.
  Task<> stop(Nanoseconds grace);

  std::size_t connections() const { return connections_; }
  std::size_t connections_refused() const { return refused_; }
  /// Idle connections that were closed for new ones.
  std::size_t connections_evicted() const { return evicted_; }

 private:
  class Connection;
  friend class Connection;
  static Task<> serve_connection(std::unique_ptr<Connection> connection);
  Task<Result<bool>> make_room() override;
  bool evict();

  Runtime& runtime_;
  BlockPool& pool_;
  CopyCounters& copies_;
  HttpService& service_;
  HttpServerSettings settings_;
  Acceptor acceptor_;
  Scope serving_;
  Connection* first_ = nullptr;  // all open connections, so that idle ones can be closed
  Notifier connection_ended_;
  std::size_t connections_ = 0;
  std::size_t refused_ = 0;
  std::size_t evicted_ = 0;
  bool stopping_ = false;
};

}  // namespace stint::net
