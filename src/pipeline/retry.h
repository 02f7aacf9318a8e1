// SPDX-License-Identifier: Apache-2.0
// Trying again with back-off, shared by all exporters. It owns no data: what is tried belongs to the caller's frame.
// A freeze is no elapsed time: planned waits and bounded attempts count, so that thawed data is tried before it is
// given up.
#pragma once

#include <cstddef>
#include <string>

#include "pipeline/component.h"
#include "runtime/scope.h"

namespace stint {

struct RetryConfig {
  bool enabled = true;
  Nanoseconds initial_interval = Seconds(5);
  double randomization_factor = 0.5;
  double multiplier = 1.5;
  Nanoseconds max_interval = Seconds(30);
  Nanoseconds max_elapsed_time = Seconds(300);

  void validate(const config::Report& report);
};

/// For `checked<>`.
std::string check_randomization_factor(const double& value);
std::string check_multiplier(const double& value);

constexpr auto fields_of(RetryConfig*) {
  using namespace config;
  return fields(
      field<&RetryConfig::enabled>("enabled", "false: one attempt, then the sender is told to come again"),
      field<&RetryConfig::initial_interval>("initial_interval", "wait before the second attempt"),
      field<&RetryConfig::randomization_factor>("randomization_factor", "each wait varies by this part of it, 0 to 1",
                                                checked<&check_randomization_factor>),
      field<&RetryConfig::multiplier>("multiplier", "each wait is longer by this factor", checked<&check_multiplier>),
      field<&RetryConfig::max_interval>("max_interval", "the longest wait, variation aside"),
      field<&RetryConfig::max_elapsed_time>("max_elapsed_time", "then the data is dropped; 0: never"));
}

/// Something that may be tried several times.
class Attempts {
 public:
  virtual ~Attempts() = default;
  /// One attempt. Fails: retryable (detail: wait at least so many ms); anything else is final.
  virtual Task<Result<>> attempt() = 0;
};

class Retrier {
 public:
  /// `attempt_max`: the most that one attempt counts towards max_elapsed_time; its own time-out.
  /// Borrows: `context`.
  Retrier(ComponentContext& context, RetryConfig config, Nanoseconds attempt_max);

  /// Suspends: until an attempt ends well or for good. Several may run at once. Borrows: `attempts`, until then.
  /// Fails: as the last attempt; retryable also when retrying is off or max_elapsed_time is over;
  /// stopping (nothing but a later try would help, and there is none); cancelled.
  Task<Result<>> run(Attempts& attempts);

  /// The end is near: whatever waits is tried at once, and again with short pauses for half of the time until
  /// `deadline`, limits::last_tries_max at most; what comes later, once. Only the first call counts.
  void hurry(Deadline deadline);
  /// `working` while something is tried for the first time (in a hurry: for the last); `waiting` when all has failed
  /// before or takes longer than our patience, which is short with a back end that was waited for in vain.
  Activity activity() const;
  /// Suspends: until there is nothing to wait for, or `deadline`; what is under way goes on.
  /// Fails: retryable (something is left), timed_out, cancelled.
  Task<Result<>> settle(Deadline deadline);
  /// Suspends: until nothing is under way, or `deadline`. To be awaited before the end.
  Task<> stop(Deadline deadline);
  bool idle() const { return first_ == nullptr; }

 private:
  class Presence;
  /// `interval` with its variation. Never zero, so that nothing spins.
  Nanoseconds varied(Nanoseconds interval);
  Nanoseconds next_interval(Nanoseconds interval) const;
  Task<Result<>> wait(Nanoseconds duration);
  Task<Result<>> wait_in_hurry(Nanoseconds duration);
  bool is_waited_for(const Presence& presence) const;
  void lose_patience_if_late();
  Task<> look_again(MonotonicTime when);

  ComponentContext& context_;
  RetryConfig config_;
  Nanoseconds attempt_max_;
  Nanoseconds patience_;
  bool hurried_ = false;
  MonotonicTime last_tries_end_{};
  Presence* first_ = nullptr;  // of all that run
  Notifier hurry_;
  Scope looks_;
};

}  // namespace stint
