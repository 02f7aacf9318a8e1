// SPDX-License-Identifier: Apache-2.0
// Protobuf written forwards into one growing block. The length before a message is not known when the message begins:
// room for a guess is left, and the message moved when the guess was wrong, so that lengths are as short as can be.
// Owns the block; positions are offsets, for the block moves when it grows.
#pragma once

#include <algorithm>
#include <cstring>

#include "base/block.h"
#include "otlp/cursor.h"

namespace stint::otlp::detail {

class JsonOutput {
 public:
  JsonOutput(BlockPool& pool, std::size_t bytes_max) : pool_(pool), bytes_max_(bytes_max) {}

  /// The first block, for about `size` bytes. Fails: memory_full.
  Result<> start(std::size_t size) {
    Result<Block> block = pool_.allocate(std::min(size, bytes_max_));
    if (!block) return block.error();
    block_ = std::move(*block);
    set(0);
    return {};
  }

  /// Makes room for `size` more bytes; false when there is none (error() says why).
  bool ensure(std::size_t size) { return static_cast<std::size_t>(end_ - next_) >= size || grow(size); }
  Error error() const { return error_; }

  /// Where the next byte goes. Valid until: ensure().
  char* next() const { return next_; }
  void set_next(char* next) { next_ = next; }
  std::uint32_t offset() const { return static_cast<std::uint32_t>(next_ - block_.data()); }

  /// Leaves `guess` bytes for a length. Requires: ensured.
  std::uint32_t open_length(std::uint32_t guess) {
    const std::uint32_t at = offset();
    next_ += guess;
    return at;
  }
  /// Writes the length of what was written since, at `at`, where `guess` bytes were left. The length's own size, or 0:
  /// no room.
  std::uint32_t close_length(std::uint32_t at, std::uint32_t guess) {
    const std::size_t size = offset() - at - guess;
    const auto wanted = static_cast<std::uint32_t>(varint_size(size));
    if (wanted != guess) [[unlikely]] {
      if (wanted > guess && !ensure(wanted - guess)) return 0;
      char* const begin = block_.data() + at;
      std::memmove(begin + wanted, begin + guess, size);
      next_ = begin + wanted + size;
    }
    write_varint(block_.data() + at, size);
    return wanted;
  }

  /// The same in exactly `guess` bytes, longer than need be: legal, and nothing moves.
  void close_fixed_length(std::uint32_t at, std::uint32_t guess) {
    std::size_t size = offset() - at - guess;
    char* p = block_.data() + at;
    for (std::uint32_t i = 1; i < guess; ++i, size >>= 7) *p++ = static_cast<char>(size | 0x80);
    *p = static_cast<char>(size);
  }

  /// What was written. The output is empty afterwards.
  Result<Slice> finish() {
    const std::size_t size = offset();
    if (size > bytes_max_) return Error{ErrorCode::too_large};
    if (size == 0) return Slice();
    const std::string_view view(block_.data(), size);
    return Slice(std::move(block_), view);
  }

 private:
  // Room is asked for in round figures: what is written decides in finish(), a little more may be asked for before.
  static constexpr std::size_t slack = 64;

  void set(std::size_t used) {
    next_ = block_.data() + used;
    end_ = block_.data() + std::min(block_.capacity(), bytes_max_ + slack);
  }
  [[gnu::noinline]] bool grow(std::size_t size) {
    const std::size_t used = offset(), wanted = used + size;
    if (wanted > bytes_max_ + slack) {
      error_ = Error{ErrorCode::too_large};
      return false;
    }
    // Twice the room, if there is so much memory.
    Result<> grown = block_.grow(std::min(std::max(wanted, 2 * block_.capacity()), bytes_max_ + slack));
    if (!grown) grown = block_.grow(wanted);
    if (!grown) {
      error_ = grown.error();
      return false;
    }
    set(used);
    return true;
  }

  BlockPool& pool_;
  std::size_t bytes_max_;
  Block block_;
  char* next_ = nullptr;
  char* end_ = nullptr;
  Error error_{};
};

}  // namespace stint::otlp::detail
