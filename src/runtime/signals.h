// SPDX-License-Identifier: Apache-2.0
// Signals as something to await: SIGTERM and SIGINT come as bytes of a signalfd, in the loop's own time.
#pragma once

#include "runtime/stream.h"

namespace stint {

/// Blocks SIGTERM and SIGINT for the process and hands them out one by one. SIGPIPE is ignored from now on.
class TerminationSignals {
 public:
  /// Fails: system.
  static Result<TerminationSignals> open(Runtime& runtime);
  /// Suspends: until one came. Its number. Fails: cancelled, system.
  Task<Result<int>> wait();

 private:
  explicit TerminationSignals(Stream stream) : stream_(std::move(stream)) {}
  Stream stream_;
};

}  // namespace stint
