// SPDX-License-Identifier: Apache-2.0
// The bytes that came in on a stream and are not dealt with yet, contiguous in one block. A slice of them shares the
// block; then the block is never moved or reused, only the free room behind is written on.
#pragma once

#include <string_view>

#include "base/block.h"
#include "base/counters.h"
#include "net/byte_stream.h"

namespace stint::net {

class ReceiveBuffer {
 public:
  /// Borrows: both.
  ReceiveBuffer(BlockPool& pool, CopyCounters& copies) : pool_(pool), copies_(copies) {}

  /// Valid until: the next reserve() or receive().
  std::string_view bytes() const& { return block_ ? std::string_view(block_.data() + start_, filled_ - start_) : ""; }
  std::string_view bytes() const&& = delete;
  /// The first `size` bytes are dealt with.
  void consume(std::size_t size) { start_ += size; }
  /// A share of bytes().substr(offset, size).
  Slice slice(std::size_t offset, std::size_t size) const {
    return Slice(block_.share(), bytes().substr(offset, size));
  }

  /// Makes room so that bytes() can grow to `total`. A block of our own grows without a copy; only what lies in a
  /// shared block (pipelined behind a request that is still in use) has to move, and is counted as a compact.
  /// Fails: memory_full.
  Result<> reserve(std::size_t total);
  /// Receives once into the free room; 0 at the end of the stream. Requires: reserve() made room.
  Task<Result<std::size_t>> receive(ByteStream& stream, Nanoseconds timeout);
  /// As if it had been received; gives how much of it found room. Requires: as receive.
  std::size_t put(std::string_view bytes);

 private:
  // The least room that is worth a receive; the bytes of a usual request's head.
  static constexpr std::size_t room_min = 2048;

  BlockPool& pool_;
  CopyCounters& copies_;
  Block block_;
  std::size_t start_ = 0;
  std::size_t filled_ = 0;
  std::size_t largest_ = 0;  // the largest message so far: the next one may be as large
};

}  // namespace stint::net
