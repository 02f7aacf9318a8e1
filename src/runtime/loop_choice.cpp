// SPDX-License-Identifier: Apache-2.0
#include "runtime/loop_choice.h"

#include <linux/seccomp.h>
#include <sys/prctl.h>

#include <cerrno>

#include "base/log.h"
#include "runtime/epoll_loop.h"
#include "runtime/uring_loop.h"

namespace stint {
namespace {

using Step = LoopDecision::Step;

// Without these a completion could be lost, a message header would have to live longer, a wait would cost a thread.
constexpr std::uint32_t features_needed = IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_FAST_POLL;

bool has_features(const RingAnswer& answer) { return (answer.features & features_needed) == features_needed; }

LoopDecision choose_auto(int seccomp, std::optional<RingAnswer> answer) {
  if (seccomp == SECCOMP_MODE_FILTER) return {Step::epoll, "a seccomp filter is active"};
  if (!answer) return {Step::ask_deferred, "not asked yet"};
  if (answer->error_number == EINVAL) return {Step::epoll, "the kernel's io_uring has no DEFER_TASKRUN", EINVAL};
  if (answer->error_number != 0) return {Step::epoll, "the kernel refuses io_uring", answer->error_number};
  // With few connections a ring without it was measured to be slower than epoll.
  if (!answer->defer_taskrun) return {Step::epoll, "the ring has no DEFER_TASKRUN"};
  if (!has_features(*answer)) return {Step::epoll, "the kernel's io_uring is too old"};
  return {Step::io_uring, "with DEFER_TASKRUN"};
}

LoopDecision choose_ring(std::optional<RingAnswer> answer) {
  if (!answer) return {Step::ask_deferred, "not asked yet"};
  // An older kernel does not know the flag: it may have a plain ring.
  if (answer->error_number == EINVAL && answer->defer_taskrun) return {Step::ask_plain, "no DEFER_TASKRUN", EINVAL};
  if (answer->error_number != 0) {
    return {Step::refuse, "the kernel refuses io_uring", answer->error_number};
  }
  if (!has_features(*answer)) return {Step::refuse, "the kernel's io_uring is too old"};
  return {Step::io_uring, answer->defer_taskrun ? "asked for, with DEFER_TASKRUN" : "asked for, without DEFER_TASKRUN"};
}

RingAnswer ask(UringLoop::Mode mode, std::unique_ptr<UringLoop>& ring) {
  RingAnswer answer;
  answer.defer_taskrun = mode == UringLoop::Mode::deferred;
  Result<std::unique_ptr<UringLoop>> opened = UringLoop::open(mode);
  if (!opened) {
    answer.error_number = opened.error().detail;
    return answer;
  }
  ring = std::move(*opened);
  answer.features = ring->features();
  return answer;
}

}  // namespace

LoopDecision choose_loop(std::string_view wanted, int seccomp, std::optional<RingAnswer> answer) {
  if (wanted.empty() || wanted == "auto") return choose_auto(seccomp, answer);
  if (wanted == "io_uring") return choose_ring(answer);
  if (wanted == "epoll") return {Step::epoll, "asked for"};
  return {Step::refuse, "must be auto, io_uring or epoll"};
}

std::string to_string(const LoopDecision& decision) {
  std::string text;
  if (decision.step == Step::epoll) text = "epoll: ";
  if (decision.step == Step::io_uring) text = "io_uring: ";
  text += decision.reason;
  if (decision.error_number != 0) text += concat(" (", to_string(system_error(decision.error_number)), ")");
  return text;
}

ChosenLoop make_loop(std::string_view wanted) {
  const int seccomp = ::prctl(PR_GET_SECCOMP);
  std::unique_ptr<UringLoop> ring;
  LoopDecision decision = choose_loop(wanted, seccomp, std::nullopt);
  while (decision.step == Step::ask_deferred || decision.step == Step::ask_plain) {
    const auto mode = decision.step == Step::ask_deferred ? UringLoop::Mode::deferred : UringLoop::Mode::plain;
    decision = choose_loop(wanted, seccomp, ask(mode, ring));
  }
  switch (decision.step) {
    case Step::epoll: return {std::make_unique<EpollLoop>(), decision};
    case Step::io_uring: return {std::move(ring), decision};
    default: return {nullptr, decision};
  }
}

}  // namespace stint
