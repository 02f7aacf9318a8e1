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
#include "runtime/stream.h"
#include "wire/http1.h"

namespace stint::net {

/// Where the client connects to.
struct HttpOrigin {
  std::string host;  // a name or literal, without brackets
  std::uint16_t port = 80;
  std::string unix_path;  // instead of host and port
};

struct HttpResponse {
  int status = 0;
  std::string content_type;
  std::string retry_after;                                   // the header's value, if any
  std::vector<std::pair<std::string, std::string>> headers;  // only those that were asked for
  Slice body;  // as far as kept (response_body_bytes_max); empty when it was longer
};

/// How far a failed request came; decides whether it may be sent again.
enum class RequestProgress : std::uint8_t { not_connected, not_answered, answer_begun };

class HttpClient {
 public:
  /// Borrows: runtime, pool, copies.
  HttpClient(Runtime& runtime, BlockPool& pool, CopyCounters& copies, HttpOrigin origin);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  /// Sends a complete request (head and body parts) and reads the answer. Several requests may run at once, each on a
  /// connection of its own. Borrows: `head` and what `body` points to, until it returns.
  /// `wanted`: names of headers to hand back. Fails: timed_out, cancelled, system, closed, malformed, not_found.
  Task<Result<HttpResponse>> request(std::string_view head, std::span<const iovec> body, Nanoseconds timeout,
                                     std::span<const std::string_view> wanted = {});

  const HttpOrigin& origin() const { return origin_; }
  /// Takes a connection that somebody else opened (the register connection of the life cycle).
  void adopt(Stream stream);
  void close_idle_connections();
  std::size_t connections_opened() const { return opened_; }
  std::size_t silent_retries() const { return silent_retries_; }

 private:
  struct Connection;
  Task<Result<std::unique_ptr<Connection>>> open(MonotonicTime end);
  Task<Result<HttpResponse>> exchange(Connection& connection, std::string_view head, std::span<const iovec> body,
                                      MonotonicTime end, std::span<const std::string_view> wanted,
                                      RequestProgress& progress);
  Task<Result<HttpResponse>> read_response(Connection& connection, MonotonicTime end,
                                           std::span<const std::string_view> wanted, RequestProgress& progress);
  Nanoseconds left(MonotonicTime end);

  Runtime& runtime_;
  BlockPool& pool_;
  CopyCounters& copies_;
  HttpOrigin origin_;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::vector<Address> addresses_;
  std::size_t opened_ = 0;
  std::size_t silent_retries_ = 0;
};

}  // namespace stint::net
