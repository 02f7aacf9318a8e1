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
  for (Consumer* const consumer : consumers_) scope.spawn(consume_one(*consumer, batch.share(), worst));
  batch = Batch();  // the shares are all there is
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
