// SPDX-License-Identifier: Apache-2.0
#include "processors/decouple.h"

namespace stint {

DecoupleProcessor::DecoupleProcessor(ComponentContext& context, std::string, Config config, otlp::Signal,
                                     Consumer* next)
    : context_(context),
      config_(config),
      next_(*next),
      filled_(context.runtime),
      emptied_(context.runtime),
      worker_(context.runtime) {}

Task<Result<>> DecoupleProcessor::start() {
  worker_.spawn(hand_on());
  co_return Result<>();
}

Task<Result<>> DecoupleProcessor::consume(Batch batch) {
  while (queue_.size() >= config_.max_queue_size && !stopping_) {
    const Result<> waited = co_await emptied_.wait();
    if (!waited) co_return waited.error();
  }
  if (stopping_) co_return Error{ErrorCode::stopping};
  queue_.push_back(std::move(batch));
  filled_.notify_one();
  co_return Result<>();
}

Activity DecoupleProcessor::activity() const {
  if (!busy()) return Activity::idle;
  return sending_ && next_.activity() == Activity::waiting ? Activity::waiting : Activity::working;
}

Task<> DecoupleProcessor::hand_on() {
  for (;;) {
    while (queue_.empty()) {
      if (!co_await filled_.wait()) co_return;
    }
    Batch batch = std::move(queue_.front());
    queue_.pop_front();
    emptied_.notify_one();
    sending_ = true;
    const std::size_t items = batch.items;
    const Result<> consumed = co_await next_.consume(std::move(batch));
    sending_ = false;
    if (!consumed) context_.data.drop(consumed.error(), items);
    context_.changed.notify_all();
  }
}

Task<Result<>> DecoupleProcessor::flush(Deadline deadline) {
  while (busy()) {
    if (activity() == Activity::waiting) co_return Error{ErrorCode::retryable};
    const Result<> waited = co_await context_.changed.wait(context_.runtime.monotonic(deadline));
    if (!waited) co_return waited.error();
  }
  co_return Result<>();
}

Task<> DecoupleProcessor::stop(Deadline deadline) {
  stopping_ = true;
  emptied_.notify_all();
  while (busy()) {
    if (!co_await context_.changed.wait(context_.runtime.monotonic(deadline))) break;
  }
  worker_.cancel();
  co_await worker_.join();
  for (const Batch& batch : queue_) context_.data.drop(DropReason::environment_end, batch.items);
  queue_.clear();
}

}  // namespace stint
