// SPDX-License-Identifier: Apache-2.0
// Signals as something to await: SIGTERM and SIGINT come as bytes of a signalfd, in the loop's own time.
#pragma once

#include <string_view>

#include "runtime/stream.h"

namespace stint {

/// Requests to end, one by one.
class Signals {
 public:
  virtual ~Signals() = default;
  /// Suspends: until one came. Its number. Fails: cancelled, system.
  virtual Task<Result<int>> wait() = 0;
};

/// "SIGTERM", "SIGINT".
std::string_view signal_name(int number);

/// Runs `stop`, which ends what was begun; one more signal cancels it, so that it waits for nothing any more.
/// Suspends: until `stop` has ended. Borrows: both references.
Task<> run_until_signal(Runtime& runtime, Task<> stop, Signals& signals);

/// Blocks SIGTERM and SIGINT for the process and hands them out. SIGPIPE is ignored from now on.
class TerminationSignals final : public Signals {
 public:
  /// Fails: system.
  static Result<TerminationSignals> open(Runtime& runtime);
  Task<Result<int>> wait() override;

 private:
  explicit TerminationSignals(Stream stream) : stream_(std::move(stream)) {}
  Stream stream_;
};

}  // namespace stint
