// SPDX-License-Identifier: Apache-2.0
// Which loop the program runs on. The decision is a function of what was asked for and what the kernel says, so that
// every case can be tested; make_loop() asks the kernel. Behind a seccomp filter, as on Lambda, the ring is not tried.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/loop.h"

namespace stint {

/// What io_uring_setup said.
struct RingAnswer {
  int error_number = 0;        // 0: there is a ring
  std::uint32_t features = 0;  // IORING_FEAT_* of that ring
  bool defer_taskrun = false;  // the ring has DEFER_TASKRUN
};

struct LoopDecision {
  enum class Step {
    epoll,
    ask_deferred,  // try io_uring_setup with DEFER_TASKRUN, then decide again
    ask_plain,     // the same without it
    io_uring,      // take the ring that was answered
    refuse,        // say why and end
  };
  Step step = Step::epoll;
  std::string_view reason;  // a literal
  int error_number = 0;     // the kernel's, where it is the reason
};

/// `wanted`: the text of STINT_IO; empty is auto. `seccomp`: prctl(PR_GET_SECCOMP), -1 where that is unknown.
/// `answer`: nothing until the kernel was asked.
LoopDecision choose_loop(std::string_view wanted, int seccomp, std::optional<RingAnswer> answer);

/// For the log: "epoll: a seccomp filter is active".
std::string to_string(const LoopDecision& decision);

struct ChosenLoop {
  std::unique_ptr<Loop> loop;  // null: refused, `decision` says why
  LoopDecision decision;
};

/// `wanted`: the text of STINT_IO; empty is auto.
ChosenLoop make_loop(std::string_view wanted);

}  // namespace stint
