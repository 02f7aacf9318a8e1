// SPDX-License-Identifier: Apache-2.0
// An arena: bytes written one after the other into blocks of a pool, handed out as slices that keep their block alive.
// Edits, gathered batches and compacted bodies are made here, and here their copies are counted.
#pragma once

#include <cstring>
#include <span>
#include <string_view>

#include "base/block.h"
#include "base/counters.h"

namespace stint {

class Arena {
 public:
  /// Borrows: both, which outlive the arena.
  Arena(BlockPool& pool, CopyCounters& counters) : pool_(pool), counters_(counters) {}

  /// Room for `size` bytes that will be written by the caller. Fails: memory_full.
  /// Valid until: the slice ends, even when the arena ends before.
  Result<std::pair<char*, Slice>> reserve(std::size_t size) {
    if (!block_ || block_.capacity() - used_ < size) {
      Result<Block> block = pool_.allocate(size);
      if (!block) return block.error();
      block_ = std::move(*block);
      used_ = 0;
    }
    char* const start = block_.data() + used_;
    used_ += size;
    return std::pair<char*, Slice>(start, Slice(block_.share(), std::string_view(start, size)));
  }

  /// An edit: `bytes` written anew. Fails: memory_full.
  Result<Slice> copy(std::string_view bytes) {
    auto room = reserve(bytes.size());
    if (!room) return room.error();
    std::memcpy(room->first, bytes.data(), bytes.size());
    counters_.copy_bytes += bytes.size();
    ++counters_.copies;
    return std::move(room->second);
  }

  /// All slices in one run, for a consumer that needs one. A single slice is shared, not copied. Fails: memory_full.
  Result<Slice> gather(std::span<const Slice> slices) {
    if (slices.size() == 1) return slices.front().share();
    std::size_t size = 0;
    for (const Slice& slice : slices) size += slice.size();
    auto room = reserve(size);
    if (!room) return room.error();
    char* out = room->first;
    Ticket ticket;
    for (const Slice& slice : slices) {
      ticket.join(slice.ticket());
      std::memcpy(out, slice.view().data(), slice.size());
      out += slice.size();
    }
    room->second.attach(std::move(ticket));
    counters_.gather_bytes += size;
    ++counters_.gathers;
    return std::move(room->second);
  }

 private:
  BlockPool& pool_;
  CopyCounters& counters_;
  Block block_;
  std::size_t used_ = 0;
};

}  // namespace stint
