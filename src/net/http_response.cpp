// SPDX-License-Identifier: Apache-2.0
#include "net/http_response.h"

#include <algorithm>

#include "net/http_body.h"

namespace stint::net {

Nanoseconds time_left(Runtime& runtime, MonotonicTime end) {
  if (end == MonotonicTime::max()) return forever;
  return std::max(end - runtime.now(), Nanoseconds(1));
}

Task<Result<HttpResponse>> read_response(HttpConnection& connection, MonotonicTime end,
                                         std::span<const std::string_view> wanted, RequestProgress& progress,
                                         BlockPool& pool, CopyCounters& copies) {
  connection.keep = false;
  ReceiveBuffer& buffer = connection.buffer;
  wire::ResponseHead& head = connection.head;
  std::size_t head_size = 0;
  for (std::size_t scanned = 0; head_size == 0;) {
    if (!buffer.bytes().empty()) {
      const Result<std::size_t> size = wire::parse_response_head(buffer.bytes(), scanned, head);
      if (!size) co_return size.error();
      head_size = *size;
      if (head_size > 0 && head.informational()) {
        buffer.consume(head_size);
        head_size = scanned = 0;
        continue;
      }
      if (head_size > 0) break;
    }
    if (Result<> room = buffer.reserve(buffer.bytes().size() + 1); !room) co_return room.error();
    const Result<std::size_t> received =
        co_await buffer.receive(connection.stream, time_left(connection.stream.runtime(), end));
    if (!received) co_return received.error();
    if (*received == 0) co_return Error{ErrorCode::closed};
    progress = RequestProgress::answer_begun;
  }
  HttpResponse response;
  response.status = head.status;
  response.content_type = head.content_type();
  response.retry_after = head.headers.value("Retry-After");
  for (const std::string_view name : wanted) {
    if (const auto value = head.headers.find(name)) response.headers.emplace_back(name, *value);
  }
  const bool keep_alive = head.keep_alive;
  const BodyPlan plan{.framing = head.framing,
                      .content_length = static_cast<std::size_t>(head.content_length.value_or(0)),
                      .bytes_max = limits::response_body_bytes_max,
                      .silence_max = time_left(connection.stream.runtime(), end)};
  Result<Slice> body = co_await read_body(connection.stream, buffer, head_size, plan, pool, copies);
  // A body that is too long or breaks off costs the connection, not the answer.
  if (body) {
    response.body = std::move(*body);
    connection.keep = keep_alive && buffer.bytes().empty();
  } else if (body.error().code == ErrorCode::cancelled) {
    co_return body.error();
  }
  co_return std::move(response);
}

}  // namespace stint::net
