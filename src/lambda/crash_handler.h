// SPDX-License-Identifier: Apache-2.0
// Our own bug must not fail the customer's function: a failed check, std::terminate or a signal of a crash replaces the
// process by inert mode (inert_mode.h). What the handler does is async-signal-safe: no allocation, no lock, and nothing
// of what may be damaged but the counters of items.
#pragma once

#include "lambda/handover.h"

namespace stint::lambda {

struct CrashHandlerSettings {
  const char* program = "";                   // argv[0], which stays the process's name
  const char* executable = "/proc/self/exe";  // what takes our place
};

/// While one exists, crashes end in inert mode. One at a time. Costs seven system calls and touches no memory.
class CrashHandler {
 public:
  /// Borrows: handover and the settings' texts.
  CrashHandler(const Handover& handover, const CrashHandlerSettings& settings);
  CrashHandler(const CrashHandler&) = delete;
  CrashHandler& operator=(const CrashHandler&) = delete;
  /// From now on a crash ends the process.
  ~CrashHandler();
};

}  // namespace stint::lambda
