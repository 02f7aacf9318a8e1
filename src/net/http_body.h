// SPDX-License-Identifier: Apache-2.0
// Reading one message body after its head, for server and client alike.
#pragma once

#include <cstdint>
#include <optional>

#include "net/receive_buffer.h"
#include "wire/http1.h"

namespace stint::net {

/// Where a body ends and how it is read.
struct BodyPlan {
  wire::BodyFraming framing = wire::BodyFraming::none;
  std::size_t content_length = 0;
  std::size_t bytes_max = 0;
  Nanoseconds silence_max = forever;
  MonotonicTime end = MonotonicTime::max();  // the whole body must be there
};

/// Reads the body that follows `head_size` bytes of head in `buffer`, then consumes both. A body with a length is
/// received behind its head and shared, never copied; a chunked one is compacted once into a block of its own.
/// The views of the head stay valid if its bytes were shared (ReceiveBuffer::slice) after room for the body was
/// reserved. Fails: closed (the peer ended within), timed_out, cancelled, too_large, memory_full, malformed (chunks),
/// system.
Task<Result<Slice>> read_body(ByteStream& stream, ReceiveBuffer& buffer, std::size_t head_size, BodyPlan plan,
                              BlockPool& pool, CopyCounters& copies);

}  // namespace stint::net
