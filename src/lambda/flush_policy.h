// SPDX-License-Identifier: Apache-2.0
// When data goes out, as a pure function of what is known when an invocation begins. It looks at no clock and does
// nothing: the life cycle carries out what it says.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "config/service.h"

namespace stint::lambda {

/// What is known when an INVOKE arrives.
struct InvocationFacts {
  bool has_telemetry = false;     // platform.runtimeDone will tell the function's end
  std::uint64_t invocations = 0;  // before this one
  EpochTime now{};
  EpochTime previous{};  // when the last one arrived; epoch 0: there was none
  Deadline deadline;
};

/// What the life cycle does with an invocation.
struct InvocationPlan {
  bool flush_at_begin = false;      // what is left from before goes out beside the function; nobody waits for it
  bool hold_until_flushed = false;  // `next` waits for the function's end and then for what is there to be sent

  friend bool operator==(const InvocationPlan&, const InvocationPlan&) = default;
};

/// Policies other than `end` are treated as `end` for now. Nothing tells the function's end without a Telemetry API:
/// then `next` is asked for at once, and leftovers go out at the beginning of the next invocation.
constexpr InvocationPlan plan_invocation(config::FlushPolicy policy, const InvocationFacts& facts) {
  (void)policy;
  if (!facts.has_telemetry) return {.flush_at_begin = true};
  return {.hold_until_flushed = true};
}

/// Whether some invocation may have to be held, so that a subscription to platform events is worth its round trip.
/// Managed instances have no INVOKE and no freeze: there nothing is ever held.
constexpr bool needs_runtime_done(config::FlushPolicy policy, bool managed_instances) {
  (void)policy;
  return !managed_instances;
}

}  // namespace stint::lambda
