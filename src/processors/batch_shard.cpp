// SPDX-License-Identifier: Apache-2.0
#include "processors/batch_shard.h"

#include "base/log.h"
#include "processors/batch.h"

namespace stint {

BatchShard::BatchShard(ComponentContext& context, const BatchConfig& config, otlp::Signal signal, Consumer& next,
                       std::shared_ptr<const Metadata> metadata)
    : context_(context),
      config_(config),
      signal_(signal),
      next_(next),
      metadata_(std::move(metadata)),
      filled_(context.runtime),
      taken_(context.runtime),
      worker_(context.runtime) {
  pending_.signal = signal;
  worker_.spawn(send_when_due());
}

Task<Result<>> BatchShard::consume(Batch batch) {
  ++consumers_;
  const Result<> room = co_await wait_for_room();
  --consumers_;
  if (!room) co_return room.error();
  if (pending_.empty()) send_at_ = context_.runtime.now() + config_.timeout;
  pending_.append(std::move(batch));
  filled_.notify_one();
  co_return Result<>();
}

// What is next to be sent is enough and cannot go yet: the sender waits.
Task<Result<>> BatchShard::wait_for_room() {
  while (sending_ && !pending_.empty() && full() && !stopping_) {
    const Result<> waited = co_await taken_.wait();
    if (!waited) co_return waited.error();
  }
  if (stopping_) co_return Error{ErrorCode::stopping};
  co_return Result<>();
}

bool BatchShard::full() const { return pending_.items >= config_.send_batch_size; }

void BatchShard::set_flushing(bool flushing) {
  flushing_ = flushing;
  if (flushing) filled_.notify_one();
}

void BatchShard::begin_stop() {
  stopping_ = true;
  taken_.notify_all();
  set_flushing(true);
}

Task<std::size_t> BatchShard::end() {
  worker_.cancel();
  co_await worker_.join();
  const std::size_t left = pending_.items;
  pending_.ticket().keep();
  pending_ = Batch();
  co_return left;
}

Activity BatchShard::activity() const {
  if (pending_.empty() && !sending_) return Activity::idle;
  return sending_ && next_.activity() == Activity::waiting ? Activity::waiting : Activity::working;
}

bool BatchShard::due() const {
  return !pending_.empty() && (full() || flushing_ || context_.runtime.now() >= send_at_);
}

Task<> BatchShard::send_when_due() {
  for (;;) {
    while (!due()) {
      const Result<> waited = co_await filled_.wait(pending_.empty() ? MonotonicTime::max() : send_at_);
      if (!waited && waited.error().code == ErrorCode::cancelled) co_return;
    }
    const bool everything = flushing_ || context_.runtime.now() >= send_at_;
    Batch batch = std::move(pending_);
    pending_ = Batch();
    pending_.signal = signal_;
    sending_ = true;
    taken_.notify_all();
    co_await send(std::move(batch), everything);
    sending_ = false;
    taken_.notify_all();
    context_.changed.notify_all();
  }
}

Task<> BatchShard::send(Batch batch, bool everything) {
  if (config_.send_batch_max_size == 0 || batch.items <= config_.send_batch_max_size) {
    co_return co_await hand_on(std::move(batch));
  }
  Arena arena(context_.pool, context_.copies);
  std::size_t items_left = batch.items;
  otlp::Splitter splitter(signal_, std::move(batch.slices), arena);
  while (!splitter.done()) {
    otlp::SplitLimits limits;
    const bool rest = !everything && items_left < config_.send_batch_size;
    if (!rest) limits.items_max = config_.send_batch_max_size;
    Result<otlp::Part> part = splitter.next(limits);
    Result<> put = part ? Result<>() : part.error();
    if (part && rest) {
      put = put_back(std::move(*part), arena);
    } else if (part) {
      Batch piece;
      piece.signal = signal_;
      piece.slices = std::move(part->slices);
      piece.items = part->items;
      piece.bytes = part->bytes;
      items_left -= std::min(items_left, piece.items);
      co_await hand_on(std::move(piece));
    }
    if (!put) {
      log(LogLevel::error, "batch: ", items_left, " ", names(signal_).items, " lost: ", to_string(put.error()));
      context_.data.drop(put.error(), items_left);
      co_return;
    }
  }
}

// What is too little for a request of its own goes before what has come meanwhile. Only together are its slices a
// request, so it is gathered: it will be merged and perhaps cut again.
Result<> BatchShard::put_back(otlp::Part part, Arena& arena) {
  Result<Slice> whole = arena.gather(part.slices);
  if (!whole) return whole.error();
  Batch rest(signal_, std::move(*whole), part.items);
  rest.append(std::move(pending_));
  pending_ = std::move(rest);
  send_at_ = context_.runtime.now() + config_.timeout;
  return {};
}

Task<> BatchShard::hand_on(Batch batch) {
  const std::size_t items = batch.items;
  batch.metadata = metadata_;
  Ticket ticket = batch.ticket();
  const Result<> consumed = co_await next_.consume(std::move(batch));
  if (!consumed) give_up(context_, consumed.error(), items, ticket);
}

}  // namespace stint
