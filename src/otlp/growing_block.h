// SPDX-License-Identifier: Apache-2.0
// One block that grows while it is written, up to a limit. Owns the block; positions that are kept are offsets, for the
// block moves when it grows.
#pragma once

#include <algorithm>
#include <cstring>

#include "base/block.h"

namespace stint::otlp::detail {

class GrowingBlock {
 public:
  GrowingBlock(BlockPool& pool, std::size_t bytes_max) : pool_(pool), bytes_max_(bytes_max) {}

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
  char* at(std::uint32_t offset) const { return block_.data() + offset; }
  /// Requires: room.
  void put(std::string_view bytes) {
    std::memcpy(next_, bytes.data(), bytes.size());
    next_ += bytes.size();
  }

  /// What was written. The output is empty afterwards. Fails: too_large.
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
