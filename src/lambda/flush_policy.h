// SPDX-License-Identifier: Apache-2.0
// When data goes out, as a pure function of what is known when an invocation begins. It looks at no clock and does
// nothing: the life cycle carries out what it says.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.h"
#include "config/flush_policy.h"

namespace stint::lambda {

/// When the last invocations began.
class InvocationHistory {
 public:
  /// So many must have come before one may be let go with its data.
  static constexpr std::size_t size_max = 20;
  /// Between calls in the mean: at more than this the environment is as likely to be gone before the next one.
  static constexpr Nanoseconds busy_gap = Seconds(60);
  /// After such a pause the count starts anew: what was learned before says nothing.
  static constexpr Nanoseconds forgotten_after = Seconds(300);

  constexpr void add(EpochTime begin) {
    if (size_ > 0 && begin - latest() >= forgotten_after) size_ = 0;
    begins_[next_] = begin;
    next_ = (next_ + 1) % size_max;
    if (size_ < size_max) ++size_;
  }
  /// Whether invocations come so fast that the next one may take the data of this one, which begins at `now`.
  constexpr bool is_busy(EpochTime now) const {
    if (size_ < size_max || now - latest() >= forgotten_after) return false;
    const EpochTime oldest = begins_[next_];
    return now - oldest <= busy_gap * static_cast<std::int64_t>(size_max);
  }

 private:
  constexpr EpochTime latest() const { return begins_[(next_ + size_max - 1) % size_max]; }

  std::array<EpochTime, size_max> begins_{};
  std::size_t size_ = 0;
  std::size_t next_ = 0;
};

/// What is known when an INVOKE arrives.
struct InvocationFacts {
  bool has_telemetry = false;  // platform.runtimeDone will tell the function's end
  bool is_busy = false;        // InvocationHistory
  bool is_behind = false;      // so much data waits that the senders may soon be refused
  EpochTime now{};
  EpochTime flushed{};  // when the last flush began; epoch 0: there was none
};

/// What the life cycle does with an invocation.
enum class InvocationPlan : std::uint8_t {
  pass,          // `next` at once
  flush_beside,  // `next` at once; what is left from before goes out beside the function, nobody waits for it
  flush_first,   // the same, but `next` waits for it: the function runs meanwhile
  flush_at_end,  // `next` waits for the function's end and then for what is there to be sent
};

/// Nothing tells the function's end without a Telemetry API: then nothing is held, and leftovers go out at the
/// beginning of the next invocation.
constexpr InvocationPlan plan_invocation(config::FlushPolicy policy, const InvocationFacts& facts) {
  using enum InvocationPlan;
  const bool due = facts.now < facts.flushed || facts.now - facts.flushed >= policy.interval;
  switch (policy.kind) {
    case config::FlushKind::continuous: return due ? flush_beside : pass;
    case config::FlushKind::periodic: return due ? flush_first : pass;
    case config::FlushKind::end:
      if (!due) return pass;
      break;
    case config::FlushKind::adaptive:
      if (facts.is_busy && !facts.is_behind) return flush_beside;
      break;
  }
  return facts.has_telemetry ? flush_at_end : flush_beside;
}

/// Whether some invocation may have to be held, so that a subscription to platform events is worth its round trip.
/// Managed instances have no INVOKE and no freeze: there nothing is ever held.
constexpr bool needs_runtime_done(config::FlushPolicy policy, bool managed_instances) {
  if (managed_instances) return false;
  return policy.kind == config::FlushKind::adaptive || policy.kind == config::FlushKind::end;
}

}  // namespace stint::lambda
