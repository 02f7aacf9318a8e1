// SPDX-License-Identifier: Apache-2.0
// The chunked transfer coding: an incremental decoder that yields views of the bytes it is given and copies nothing,
// and the little that a sender needs. Extensions and trailers are read, bounded and ignored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stint::wire {

class ChunkedDecoder {
 public:
  struct Step {
    std::size_t consumed = 0;  // bytes of the input that are dealt with, the piece's included
    std::string_view piece;    // body bytes, perhaps none. Valid until: the input's bytes move
    bool done = false;         // the body has ended; what follows `consumed` belongs to the next message
  };

  /// Reads on. Call again with the bytes after `consumed` until done; when all are consumed, more are needed.
  /// A step yields at most one piece: one run of one chunk's bytes.
  /// Requires: no step before was done or failed.
  /// Fails: malformed; too_large (chunk size over 64 bits, extensions, trailers over http_head_bytes_max).
  /// Source: RFC 9112, section 7.1.
  Result<Step> next(std::string_view bytes);

  /// Bytes of the present chunk that have not come yet; lets a caller reserve room.
  std::uint64_t chunk_bytes_left() const { return state_ == State::data ? left_ : 0; }

 private:
  enum class State : std::uint8_t {
    size_first,
    size,
    size_space,
    extension,
    size_end,
    data,
    data_return,
    data_end,
    trailer_start,
    trailer,
    trailer_end,
    last_end,
    done,
  };
  Result<> frame(char c);
  Result<> size_digit(char c);
  Result<> count(std::size_t& bytes, std::size_t bytes_max);

  State state_ = State::size_first;
  std::uint64_t left_ = 0;
  std::size_t extension_bytes_ = 0;
  std::size_t trailer_bytes_ = 0;
};

/// One chunk around `bytes`. An empty one is left out, for it would end the body.
void append_chunk(std::string& out, std::string_view bytes);
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

}  // namespace stint::wire
