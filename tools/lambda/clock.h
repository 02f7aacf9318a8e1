// SPDX-License-Identifier: Apache-2.0
// The clock for measurements. The loop's time stands still within a turn; a measurement wants the moment itself.
#pragma once

#include <ctime>

#include "base/time.h"

namespace stint::platform {

/// CLOCK_MONOTONIC.
inline MonotonicTime clock_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return MonotonicTime(Seconds(now.tv_sec) + Nanoseconds(now.tv_nsec));
}

}  // namespace stint::platform
