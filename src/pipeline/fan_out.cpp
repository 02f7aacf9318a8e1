// SPDX-License-Identifier: Apache-2.0
#include "pipeline/fan_out.h"

#include <optional>

#include "pipeline/settle.h"
#include "runtime/scope.h"

namespace stint {
namespace {

// A permanent refusal counts more than a wish to try later: trying again would not help that consumer.
bool is_worse(Error error, const std::optional<Error>& than) {
  return !than || (than->code == ErrorCode::retryable && error.code != ErrorCode::retryable);
}

Task<> consume_one(Consumer& consumer, Batch batch, std::optional<Error>& worst) {
  const Result<> consumed = co_await consumer.consume(std::move(batch));
  if (!consumed && is_worse(consumed.error(), worst)) worst = consumed.error();
}

}  // namespace

void FanOut::accept_at_once(otlp::Signal signal) {
  queues_.reserve(consumers_.size());
  for (Consumer* const consumer : consumers_) {
    queues_.push_back(std::make_unique<DeliveryQueue>(context_, *consumer, signal));
  }
}

Task<Result<>> FanOut::consume(Batch batch) {
  if (!queues_.empty()) {
    for (std::size_t i = 1; i < queues_.size(); ++i) queues_[i]->push(batch.share());
    queues_[0]->push(std::move(batch));
    co_return Result<>();
  }
  std::optional<Error> worst;
  Scope scope(context_.runtime);
  for (Consumer* const consumer : consumers_) scope.spawn(consume_one(*consumer, batch.share(), worst));
  batch = Batch();  // the shares are all there is
  co_await scope.join();
  if (worst) co_return *worst;
  co_return Result<>();
}

Activity FanOut::activity() const { return queues_.empty() ? joint_activity(consumers_) : joint_activity(queues_); }

Task<Result<>> FanOut::flush(Deadline deadline) {
  Result<> result;
  for (const auto& queue : queues_) {
    const Result<> settled = co_await queue->settle(deadline);
    if (!settled) result = settled;
  }
  co_return result;
}

Task<> FanOut::stop(Deadline deadline) {
  Scope scope(context_.runtime);
  for (const auto& queue : queues_) scope.spawn(queue->stop(deadline));
  co_await scope.join();
}

}  // namespace stint
