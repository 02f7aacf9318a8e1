// SPDX-License-Identifier: Apache-2.0
#include "net/http_body.h"

#include <algorithm>
#include <cstring>

#include "wire/chunked.h"

namespace stint::net {
namespace {

Nanoseconds patience(Runtime& runtime, const BodyPlan& plan) {
  if (plan.end == MonotonicTime::max()) return plan.silence_max;
  return std::clamp(plan.end - runtime.now(), Nanoseconds(1), plan.silence_max);
}

Result<> received_some(const Result<std::size_t>& received) {
  if (!received) return received.error();
  if (*received == 0) return Error{ErrorCode::closed};
  return {};
}

Task<Result<Slice>> read_length(ByteStream& stream, ReceiveBuffer& buffer, std::size_t head_size, BodyPlan plan) {
  const std::size_t total = head_size + plan.content_length;
  while (buffer.bytes().size() < total) {
    if (Result<> room = buffer.reserve(total); !room) co_return room.error();
    const Result<std::size_t> received = co_await buffer.receive(stream, patience(stream.runtime(), plan));
    if (Result<> some = received_some(received); !some) co_return some.error();
  }
  Slice body;
  if (plan.content_length > 0) body = buffer.slice(head_size, plan.content_length);
  buffer.consume(total);
  co_return std::move(body);
}

// The body as it grows in a block of its own.
class Compactor {
 public:
  Compactor(BlockPool& pool, std::size_t bytes_max) : pool_(pool), bytes_max_(bytes_max) {}
  Result<> append(std::string_view piece) {
    if (piece.empty()) return {};
    if (piece.size() > bytes_max_ - size_) return Error{ErrorCode::too_large};
    if (!block_) {
      Result<Block> block = pool_.allocate(piece.size());
      if (!block) return block.error();
      block_ = std::move(*block);
    }
    if (block_.capacity() - size_ < piece.size()) {
      const std::size_t wanted = std::min(bytes_max_, std::max(size_ + piece.size(), size_ * 2));
      if (Result<> grown = block_.grow(wanted); !grown) return grown.error();
    }
    std::memcpy(block_.data() + size_, piece.data(), piece.size());
    size_ += piece.size();
    return {};
  }
  Slice finish(CopyCounters& copies) {
    if (size_ == 0) return Slice();
    copies.compact_bytes += size_;
    ++copies.compacts;
    const std::string_view view(block_.data(), size_);
    return Slice(std::move(block_), view);
  }

 private:
  BlockPool& pool_;
  std::size_t bytes_max_;
  Block block_;
  std::size_t size_ = 0;
};

Task<Result<Slice>> read_chunked(ByteStream& stream, ReceiveBuffer& buffer, BodyPlan plan, BlockPool& pool,
                                 CopyCounters& copies) {
  wire::ChunkedDecoder decoder;
  Compactor body(pool, plan.bytes_max);
  for (;;) {
    while (!buffer.bytes().empty()) {
      const Result<wire::ChunkedDecoder::Step> step = decoder.next(buffer.bytes());
      if (!step) co_return step.error();
      if (Result<> appended = body.append(step->piece); !appended) co_return appended.error();
      buffer.consume(step->consumed);
      if (step->done) co_return body.finish(copies);
    }
    if (Result<> room = buffer.reserve(1); !room) co_return room.error();
    const Result<std::size_t> received = co_await buffer.receive(stream, patience(stream.runtime(), plan));
    if (Result<> some = received_some(received); !some) co_return some.error();
  }
}

Task<Result<Slice>> read_until_close(ByteStream& stream, ReceiveBuffer& buffer, BodyPlan plan) {
  for (;;) {
    if (buffer.bytes().size() > plan.bytes_max) co_return Error{ErrorCode::too_large};
    if (Result<> room = buffer.reserve(buffer.bytes().size() + 1); !room) co_return room.error();
    const Result<std::size_t> received = co_await buffer.receive(stream, patience(stream.runtime(), plan));
    if (!received) co_return received.error();
    if (*received == 0) break;
  }
  const std::size_t size = buffer.bytes().size();
  Slice body = size > 0 ? buffer.slice(0, size) : Slice();
  buffer.consume(size);
  co_return std::move(body);
}

}  // namespace

Task<Result<Slice>> read_body(ByteStream& stream, ReceiveBuffer& buffer, std::size_t head_size, BodyPlan plan,
                              BlockPool& pool, CopyCounters& copies) {
  if (plan.framing == wire::BodyFraming::length) {
    if (plan.content_length > plan.bytes_max) co_return Error{ErrorCode::too_large};
    co_return co_await read_length(stream, buffer, head_size, plan);
  }
  buffer.consume(head_size);
  if (plan.framing == wire::BodyFraming::chunked) co_return co_await read_chunked(stream, buffer, plan, pool, copies);
  if (plan.framing == wire::BodyFraming::until_close) co_return co_await read_until_close(stream, buffer, plan);
  co_return Slice();
}

}  // namespace stint::net
