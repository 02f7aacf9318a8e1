// SPDX-License-Identifier: Apache-2.0
// An HTTP/2 client for one origin: many requests at one time on one connection, which is opened when it is needed and
// replaced when it has gone. A request that a back end certainly did not look at, and one whose kept connection died
// before any byte of an answer (as in a freeze), is sent once more in silence. Two tasks per connection: one reads, one
// writes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/connector.h"
#include "net/http2_requests.h"
#include "runtime/channel.h"
#include "runtime/scope.h"

namespace stint::net {

struct Http2ClientSettings {
  KeepaliveSettings keepalive{.ping_after = KeepaliveSettings::never};
  bool wait_for_ready = false;     // a connection that cannot be made is tried again until the request's time is over
  Nanoseconds idle_max = forever;  // a connection that rested longer is not used again
};

class Http2Client {
 public:
  /// Borrows: connector, answers (for their bodies), copies.
  Http2Client(Connector& connector, BlockPool& answers, CopyCounters& copies, Http2ClientSettings settings);
  Http2Client(const Http2Client&) = delete;
  Http2Client& operator=(const Http2Client&) = delete;
  /// Requires: close() was awaited, or nothing was requested.
  ~Http2Client();

  /// Sends a request and waits for its answer. Suspends: until then, or `end`. Borrows: what `request` points to, until
  /// it returns. Fails: as Connector::open(), memory_full, and what Http2Place names; not_offered: take_other() has the
  /// connection.
  Task<Result<HttpResponse>> request(Http2Request request, MonotonicTime end);
  /// The connection in which something else than HTTP/2 was chosen, once.
  std::optional<ByteStream> take_other() { return std::exchange(other_, std::nullopt); }
  /// A failed request's error as a sentence.
  std::string explain(Error error) const {
    return is_http2_error(error) ? http2_text(error) : connector_.explain(error);
  }

  /// The back end is told; requests under way end, and none follow: they fail with stopping. Suspends: for as long as
  /// it does not read, at most `timeout`.
  Task<> close(Nanoseconds timeout);
  std::size_t connections() const { return connections_.size(); }
  std::size_t silent_retries() const { return silent_retries_; }

 private:
  class Connection;
  class Waiting;
  Task<Result<Connection*>> ready_connection(MonotonicTime end);
  Task<Result<>> open(MonotonicTime end);
  Task<Result<>> wait_for_change(MonotonicTime end);
  Task<> serve(Connection& connection);
  Connection* find_usable();
  void retire_all();

  Connector& connector_;
  Runtime& runtime_;
  BlockPool& answers_;
  CopyCounters& copies_;
  Http2ClientSettings settings_;
  Http2Memory memory_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::optional<ByteStream> other_;
  Scope serving_;
  Notifier changed_;  // a connection came, went, or has room
  bool opening_ = false;
  bool closed_ = false;
  std::size_t failures_ = 0;  // to open
  Error last_failure_{ErrorCode::closed};
  std::size_t silent_retries_ = 0;
};

}  // namespace stint::net
