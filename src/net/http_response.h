// SPDX-License-Identifier: Apache-2.0
// Reading the answer to an HTTP/1.1 request from a connection that somebody else drives: the client's part that the
// life cycle's one connection shares with it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "net/receive_buffer.h"
#include "wire/http1.h"

namespace stint::net {

struct HttpResponse {
  int status = 0;
  std::string content_type;
  std::string retry_after;                                   // the header's value, if any
  std::vector<std::pair<std::string, std::string>> headers;  // only those that were asked for
  Slice body;  // as far as kept (response_body_bytes_max); empty when it was longer
};

/// How far a failed request came; decides whether it may be sent again.
enum class RequestProgress : std::uint8_t { not_connected, not_answered, answer_begun };

/// A connection on which requests are answered one after the other. 3 KiB: lives on the heap or in its owner.
struct HttpConnection {
  /// Borrows: both.
  HttpConnection(ByteStream opened, BlockPool& pool, CopyCounters& copies)
      : stream(std::move(opened)), buffer(pool, copies) {}
  ByteStream stream;
  ReceiveBuffer buffer;
  wire::ResponseHead head;
  bool keep = false;  // usable for another request
};

/// The time from now to `end`, at least a nanosecond; forever when there is no end.
Nanoseconds time_left(Runtime& runtime, MonotonicTime end);

/// Reads one answer, passing over informational ones, and says in connection.keep whether another request may follow.
/// `wanted`: names of headers to hand back; they outlive the call. `progress` becomes answer_begun with the first byte.
/// Fails: timed_out, cancelled, closed, malformed, memory_full, system.
Task<Result<HttpResponse>> read_response(HttpConnection& connection, MonotonicTime end,
                                         std::span<const std::string_view> wanted, RequestProgress& progress,
                                         BlockPool& pool, CopyCounters& copies);

}  // namespace stint::net
