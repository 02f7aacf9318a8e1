// SPDX-License-Identifier: Apache-2.0
#include "pipeline/fan_out.h"

#include <optional>

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

Task<Result<>> FanOut::consume(Batch batch) {
  std::optional<Error> worst;
  Scope scope(runtime_);
  for (std::size_t i = 0; i < consumers_.size(); ++i) {
    scope.spawn(consume_one(*consumers_[i], i + 1 < consumers_.size() ? batch.share() : std::move(batch), worst));
  }
  co_await scope.join();
  if (worst) co_return *worst;
  co_return Result<>();
}

Activity FanOut::activity() const {
  Activity all = Activity::idle;
  for (const Consumer* consumer : consumers_) {
    const Activity one = consumer->activity();
    if (one == Activity::working) return one;
    if (one == Activity::waiting) all = one;
  }
  return all;
}

}  // namespace stint
