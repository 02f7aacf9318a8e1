// SPDX-License-Identifier: Apache-2.0
#include "processors/decouple.h"

namespace stint {

DecoupleProcessor::DecoupleProcessor(ComponentContext& context, std::string, Config config, otlp::Signal signal,
                                     Consumer* next)
    : config_(config), queue_(context, *next, signal) {}

Task<Result<>> DecoupleProcessor::consume(Batch batch) {
  while (queue_.queued() >= config_.max_queue_size && !stopping_) {
    const Result<> waited = co_await queue_.wait_taken();
    if (!waited) co_return waited.error();
  }
  if (stopping_) co_return Error{ErrorCode::stopping};
  queue_.push(std::move(batch));
  co_return Result<>();
}

Task<> DecoupleProcessor::stop(Deadline deadline) {
  stopping_ = true;
  co_await queue_.stop(deadline);
}

}  // namespace stint
