// SPDX-License-Identifier: Apache-2.0
// How many frames that bring no call on (resets, settings, pings, windows) a peer may still send: an allowance that
// grows with time and with what is done together.
#pragma once

#include <algorithm>

#include "base/limits.h"
#include "base/time.h"

namespace stint::net {

class FrameAllowance {
 public:
  explicit FrameAllowance(MonotonicTime now) : at_(now) {}

  /// One such frame has come. False: it is one too many.
  bool take(MonotonicTime now) {
    const double seconds = std::chrono::duration<double>(now - at_).count();
    used_ = std::max(0.0, used_ - seconds * static_cast<double>(limits::http2_idle_frames_per_second)) + 1;
    at_ = now;
    return used_ <= static_cast<double>(limits::http2_idle_frames_max);
  }
  void give(std::size_t frames) { used_ = std::max(0.0, used_ - static_cast<double>(frames)); }

 private:
  MonotonicTime at_;
  double used_ = 0;
};

}  // namespace stint::net
