// SPDX-License-Identifier: Apache-2.0
#include "net/receive_buffer.h"

#include <algorithm>
#include <cstring>

namespace stint::net {

Result<> ReceiveBuffer::reserve(std::size_t total) {
  const std::size_t pending = filled_ - start_;
  if (block_ && pending == 0) {
    if (block_.unique()) {
      start_ = filled_ = 0;
    } else if (block_.capacity() - filled_ < std::max({total, largest_, room_min})) {
      block_.reset();
    }
  }
  largest_ = std::max(total, largest_ - largest_ / 8);  // forgets one giant after a while
  if (!block_) {
    start_ = filled_ = 0;
    Result<Block> block = pool_.allocate(std::max(total, std::min(largest_, BlockPool::smallest_bytes * 64)));
    if (!block) block = pool_.allocate(total);
    if (!block) return block.error();
    block_ = std::move(*block);
    return {};
  }
  if (block_.capacity() - start_ >= total && block_.capacity() > filled_) return {};
  if (block_.unique()) return block_.grow(start_ + std::max(total, pending + room_min));
  Result<Block> block = pool_.allocate(std::max(total, pending + room_min));
  if (!block) return block.error();
  std::memcpy(block->data(), block_.data() + start_, pending);
  copies_.compact_bytes += pending;
  ++copies_.compacts;
  block_ = std::move(*block);
  start_ = 0;
  filled_ = pending;
  return {};
}

Task<Result<std::size_t>> ReceiveBuffer::receive(ByteStream& stream, Nanoseconds timeout) {
  Result<std::size_t> received = co_await stream.receive(block_.data() + filled_, block_.capacity() - filled_, timeout);
  if (received) filled_ += *received;
  co_return received;
}

std::size_t ReceiveBuffer::put(std::string_view bytes) {
  const std::size_t taken = bytes.copy(block_.data() + filled_, block_.capacity() - filled_);
  filled_ += taken;
  return taken;
}

}  // namespace stint::net
