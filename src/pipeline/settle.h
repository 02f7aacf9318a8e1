// SPDX-License-Identifier: Apache-2.0
// Waiting for what has an activity(): a queue, a retrier, a processor. All of them tell ComponentContext::changed when
// it may have changed; nothing is owned here.
#pragma once

#include <algorithm>

#include "pipeline/component.h"

namespace stint {

/// Of several parts, given by pointers: work for one is work; waiting for one is no reason to wait for all.
template <typename Parts>
Activity joint_activity(const Parts& parts) {
  Activity all = Activity::idle;
  for (const auto& part : parts) {
    const Activity one = part->activity();
    if (one == Activity::working) return one;
    if (one == Activity::waiting) all = one;
  }
  return all;
}

/// Suspends: until `part` is idle, or what it has waits for a retry, or `deadline`. Borrows: both, until then.
/// Fails: retryable, timed_out, cancelled.
template <typename Part>
Task<Result<>> await_settled(ComponentContext& context, const Part& part, Deadline deadline) {
  for (Activity now = part.activity(); now != Activity::idle; now = part.activity()) {
    if (now == Activity::waiting) co_return Error{ErrorCode::retryable};
    const Result<> waited = co_await context.changed.wait(context.runtime.monotonic(deadline));
    if (!waited) co_return waited.error();
  }
  co_return Result<>();
}

/// Suspends: until `part` is idle, or `deadline`, or a cancellation. Borrows: both, until then.
template <typename Part>
Task<> await_idle(ComponentContext& context, const Part& part, Deadline deadline) {
  while (part.activity() != Activity::idle) {
    const Result<> waited = co_await context.changed.wait(context.runtime.monotonic(deadline));
    if (!waited) co_return;
  }
}

/// For telling back ends goodbye when all that `deadline` was for is done.
inline Nanoseconds farewell_time(const ComponentContext& context, Deadline deadline) {
  constexpr Nanoseconds farewell_max = Milliseconds(100);
  return std::min(farewell_max, deadline.remaining(context.runtime.epoch_now()));
}

}  // namespace stint
