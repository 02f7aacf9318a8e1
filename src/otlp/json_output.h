// SPDX-License-Identifier: Apache-2.0
// Protobuf written forwards into one growing block. The length before a message is not known when the message begins:
// room for a guess is left, and the message moved when the guess was wrong, so that lengths are as short as can be.
#pragma once

#include "otlp/cursor.h"
#include "otlp/growing_block.h"

namespace stint::otlp::detail {

class JsonOutput : public GrowingBlock {
 public:
  using GrowingBlock::GrowingBlock;

  /// Leaves `guess` bytes for a length. Requires: ensured.
  std::uint32_t open_length(std::uint32_t guess) {
    const std::uint32_t at = offset();
    set_next(next() + guess);
    return at;
  }
  /// Writes the length of what was written since, at `at`, where `guess` bytes were left. The length's own size, or 0:
  /// no room.
  std::uint32_t close_length(std::uint32_t at, std::uint32_t guess) {
    const std::size_t size = offset() - at - guess;
    const auto wanted = static_cast<std::uint32_t>(varint_size(size));
    if (wanted != guess) [[unlikely]] {
      if (wanted > guess && !ensure(wanted - guess)) return 0;
      char* const begin = this->at(at);
      std::memmove(begin + wanted, begin + guess, size);
      set_next(begin + wanted + size);
    }
    write_varint(this->at(at), size);
    return wanted;
  }

  /// The same in exactly `guess` bytes, longer than need be: legal, and nothing moves.
  void close_fixed_length(std::uint32_t at, std::uint32_t guess) {
    std::size_t size = offset() - at - guess;
    char* p = this->at(at);
    for (std::uint32_t i = 1; i < guess; ++i, size >>= 7) *p++ = static_cast<char>(size | 0x80);
    *p = static_cast<char>(size);
  }
};

}  // namespace stint::otlp::detail
