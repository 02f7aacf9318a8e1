// SPDX-License-Identifier: Apache-2.0
#include "pipeline/journal_stage.h"

#include <algorithm>
#include <optional>

#include "base/log.h"
#include "otlp/walk.h"

namespace stint {
namespace {

// Enough for `next` to be in flight.
constexpr Nanoseconds start_delay = Milliseconds(1);
// Memory comes free without a notification, too.
constexpr Nanoseconds memory_look_again = Milliseconds(100);

}  // namespace

Consumer& JournalReplay::add_stage(std::string receiver, otlp::Signal signal, Consumer& next) {
  stages_.push_back(std::make_unique<JournalStage>(journal_, std::move(receiver), signal, next));
  return *stages_.back();
}

JournalStage* JournalReplay::find_stage(std::string_view receiver, otlp::Signal signal) const {
  for (const auto& stage : stages_) {
    if (stage->is_of(receiver, signal)) return stage.get();
  }
  return nullptr;
}

Task<> JournalReplay::run() {
  const Result<> slept = co_await context_.runtime.sleep(start_delay);
  if (slept && journal_.look_for_former_life()) co_await put_in_all();
  runs_ = false;
  context_.changed.notify_all();
}

Task<> JournalReplay::put_in_all() {
  for (;;) {
    Result<Journal::Recovered> recovered = journal_.recover_next(context_.pool);
    if (recovered) {
      co_await put_in(std::move(*recovered));
      co_await context_.runtime.yield();
      continue;
    }
    if (recovered.error().code == ErrorCode::not_found) break;
    if (recovered.error().code == ErrorCode::malformed) {
      ++damaged_;
      continue;
    }
    rests_ = true;
    context_.changed.notify_all();
    const Result<> waited = co_await context_.changed.wait(context_.runtime.now() + memory_look_again);
    rests_ = false;
    if (!waited && waited.error().code == ErrorCode::cancelled) co_return;
  }
  log_end();
}

Task<bool> JournalReplay::put_in_more(std::uint64_t requests, Deadline deadline) {
  const MonotonicTime end = context_.runtime.monotonic(deadline);
  std::optional<MonotonicTime> patience;
  while (runs_ && (requests_ == requests || !rests_)) {
    // The memory may be others' now: nobody is held for long only to see whether it comes free.
    if (rests_ && !patience) patience = std::min(end, context_.runtime.now() + memory_look_again);
    const Result<> waited = co_await context_.changed.wait(requests_ == requests ? patience.value_or(end) : end);
    if (!waited) break;
  }
  co_return requests_ != requests;
}

// The bytes lay where others can write, so they are looked at as those of a sender.
Task<> JournalReplay::put_in(Journal::Recovered recovered) {
  Batch& batch = recovered.batch;
  const Result<otlp::Counts> walked = otlp::walk(batch.signal, batch.slices.front().view());
  if (!walked || walked->items != batch.items || walked->invalid_utf8 > 0) {
    ++damaged_;
    co_return;
  }
  ++requests_;
  const std::size_t items = batch.items;
  context_.data.recovered += items;
  JournalStage* const stage = find_stage(recovered.receiver, batch.signal);
  if (stage == nullptr) {
    ++homeless_;
    context_.data.drop(DropReason::permanent, items);
    co_return;
  }
  Ticket ticket = batch.ticket();
  rests_ = true;  // while it waits for room, if it does
  const Result<> consumed = co_await consume_in_time(stage->next(), std::move(batch));
  rests_ = false;
  if (!consumed) give_up(context_, consumed.error(), items, ticket);
}

// A sender that finds too much inside comes again, and so do we.
Task<Result<>> JournalReplay::consume_in_time(Consumer& next, Batch batch) {
  for (;;) {
    Batch share = batch.share();
    const Result<> consumed = co_await next.consume(std::move(share));
    if (consumed || consumed.error().code != ErrorCode::memory_full) co_return consumed;
    context_.changed.notify_all();  // for who waits until we rest
    const Result<> waited = co_await context_.changed.wait(context_.runtime.now() + memory_look_again);
    if (!waited && waited.error().code == ErrorCode::cancelled) co_return waited;
  }
}

void JournalReplay::log_end() const {
  if (requests_ > 0) {
    log(LogLevel::info, "journal: ", requests_, " requests with ", context_.data.recovered,
        " items recovered from before the start");
  }
  if (damaged_ > 0) log(LogLevel::warn, "journal: ", damaged_, " requests are damaged and lost");
  if (homeless_ > 0) {
    log(LogLevel::warn, "journal: ", homeless_, " of the requests dropped: no receiver of that name has a pipeline");
  }
}

Task<> JournalReplay::stop() {
  scope_.cancel();
  co_await scope_.join();
}

}  // namespace stint
