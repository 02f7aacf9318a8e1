// SPDX-License-Identifier: Apache-2.0
// Time values. Two clocks that cannot be mixed: monotonic (timers) and epoch (deadlines that the platform gives,
// timestamps). Values only: who reads a clock is the loop (runtime/loop.h), so that a simulated world can own time.
#pragma once

#include <chrono>
#include <cstdint>

namespace stint {

using Nanoseconds = std::chrono::nanoseconds;
using Milliseconds = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;

struct MonotonicClockTag {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = Nanoseconds;
};
struct EpochClockTag : MonotonicClockTag {};

/// Nanoseconds since an arbitrary start; never goes back. Timers use it.
using MonotonicTime = std::chrono::time_point<MonotonicClockTag, Nanoseconds>;
/// Nanoseconds since 1970-01-01 UTC. May jump (a restored snapshot); deadlines of the platform use it.
using EpochTime = std::chrono::time_point<EpochClockTag, Nanoseconds>;

/// `delay` later than `from`, or the end of time when it is beyond that.
constexpr MonotonicTime after(MonotonicTime from, Nanoseconds delay) {
  return delay > MonotonicTime::max() - from ? MonotonicTime::max() : from + delay;
}

/// A point in epoch time until which something may take. A freeze moves the epoch on, so a deadline stays true.
struct Deadline {
  EpochTime at = EpochTime::max();

  static constexpr Deadline never() { return Deadline{}; }
  static constexpr Deadline from_epoch_ms(std::int64_t ms) { return Deadline{EpochTime(Milliseconds(ms))}; }
  constexpr bool is_never() const { return at == EpochTime::max(); }
  /// Time left at `now`; zero when passed, Nanoseconds::max() when there is no deadline.
  constexpr Nanoseconds remaining(EpochTime now) const {
    if (is_never()) return Nanoseconds::max();
    return at > now ? at - now : Nanoseconds::zero();
  }
};

}  // namespace stint
