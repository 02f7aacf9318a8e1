// SPDX-License-Identifier: Apache-2.0
// The choice between the loops: the decision as a table, then make_loop() in children under real seccomp filters.
#include "runtime/loop_choice.h"

#include <gtest/gtest.h>
#include <liburing.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace stint {
namespace {

using Step = LoopDecision::Step;

constexpr std::uint32_t good = IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_FAST_POLL;

struct Case {
  const char* wanted;
  int seccomp;
  std::optional<RingAnswer> answer;
  Step step;
  const char* text;
};

TEST(LoopChoice, IsThisTable) {
  const Case cases[] = {
      // Nothing asked for.
      {"", 2, {}, Step::epoll, "epoll: a seccomp filter is active"},
      {"auto", 2, {}, Step::epoll, "epoll: a seccomp filter is active"},
      {"auto", 2, RingAnswer{0, good, true}, Step::epoll, "epoll: a seccomp filter is active"},
      {"", 0, {}, Step::ask_deferred, "not asked yet"},
      {"auto", 0, {}, Step::ask_deferred, "not asked yet"},
      {"auto", -1, {}, Step::ask_deferred, "not asked yet"},
      {"auto", 0, RingAnswer{0, good, true}, Step::io_uring, "io_uring: with DEFER_TASKRUN"},
      {"auto", -1, RingAnswer{ENOSYS, 0, true}, Step::epoll,
       "epoll: the kernel refuses io_uring (Function not implemented)"},
      {"auto", 0, RingAnswer{EPERM, 0, true}, Step::epoll,
       "epoll: the kernel refuses io_uring (Operation not permitted)"},
      {"auto", 0, RingAnswer{ENOMEM, 0, true}, Step::epoll,
       "epoll: the kernel refuses io_uring (Cannot allocate memory)"},
      {"auto", 0, RingAnswer{EINVAL, 0, true}, Step::epoll,
       "epoll: the kernel's io_uring has no DEFER_TASKRUN (Invalid argument)"},
      {"auto", 0, RingAnswer{0, good, false}, Step::epoll, "epoll: the ring has no DEFER_TASKRUN"},
      {"auto", 0, RingAnswer{0, good & ~IORING_FEAT_NODROP, true}, Step::epoll,
       "epoll: the kernel's io_uring is too old"},
      // The ring asked for.
      {"io_uring", 0, {}, Step::ask_deferred, "not asked yet"},
      {"io_uring", 2, {}, Step::ask_deferred, "not asked yet"},
      {"io_uring", -1, {}, Step::ask_deferred, "not asked yet"},
      {"io_uring", 2, RingAnswer{0, good, true}, Step::io_uring, "io_uring: asked for, with DEFER_TASKRUN"},
      {"io_uring", 0, RingAnswer{EINVAL, 0, true}, Step::ask_plain, "no DEFER_TASKRUN (Invalid argument)"},
      {"io_uring", 0, RingAnswer{0, good, false}, Step::io_uring, "io_uring: asked for, without DEFER_TASKRUN"},
      {"io_uring", 0, RingAnswer{EINVAL, 0, false}, Step::refuse, "the kernel refuses io_uring (Invalid argument)"},
      {"io_uring", 2, RingAnswer{EPERM, 0, true}, Step::refuse,
       "the kernel refuses io_uring (Operation not permitted)"},
      {"io_uring", -1, RingAnswer{ENOSYS, 0, true}, Step::refuse,
       "the kernel refuses io_uring (Function not implemented)"},
      {"io_uring", 0, RingAnswer{0, good & ~IORING_FEAT_FAST_POLL, false}, Step::refuse,
       "the kernel's io_uring is too old"},
      // epoll asked for: nobody is asked.
      {"epoll", 0, {}, Step::epoll, "epoll: asked for"},
      {"epoll", 2, {}, Step::epoll, "epoll: asked for"},
      // Something else.
      {"uring", 0, {}, Step::refuse, "must be auto, io_uring or epoll"},
      {"EPOLL", 2, {}, Step::refuse, "must be auto, io_uring or epoll"},
      {" ", -1, {}, Step::refuse, "must be auto, io_uring or epoll"},
  };
  for (const Case& each : cases) {
    const LoopDecision decision = choose_loop(each.wanted, each.seccomp, each.answer);
    SCOPED_TRACE(std::string(each.wanted) + ", seccomp " + std::to_string(each.seccomp));
    EXPECT_EQ(decision.step, each.step) << to_string(decision);
    EXPECT_EQ(to_string(decision), each.text);
  }
}

TEST(LoopChoice, EveryAnswerEndsInALoopOrARefusalAfterAtMostTwoQuestions) {
  for (const char* wanted : {"", "auto", "io_uring", "epoll", "other"}) {
    for (const int seccomp : {-1, 0, 1, 2}) {
      for (const int error : {0, EINVAL, EPERM, ENOSYS, ENOMEM, EMFILE}) {
        for (const std::uint32_t features : {0u, good}) {
          LoopDecision decision = choose_loop(wanted, seccomp, std::nullopt);
          int asked = 0;
          while (decision.step == Step::ask_deferred || decision.step == Step::ask_plain) {
            ASSERT_LE(++asked, 2);
            decision = choose_loop(wanted, seccomp, RingAnswer{error, features, decision.step == Step::ask_deferred});
          }
          EXPECT_FALSE(decision.reason.empty());
          EXPECT_TRUE(decision.step != Step::io_uring || (error == 0 && features == good));
        }
      }
    }
  }
}

TEST(LoopChoice, GivesEpollWhenAskedAndNothingForAnUnknownName) {
  EXPECT_STREQ(make_loop("epoll").loop->name(), "epoll");
  EXPECT_EQ(make_loop("kqueue").loop, nullptr);
}

TEST(LoopChoice, GivesTheRingWhereTheKernelHasOne) {
  io_uring ring{};
  if (::io_uring_queue_init(2, &ring, 0) != 0) GTEST_SKIP() << "the kernel refuses io_uring";
  ::io_uring_queue_exit(&ring);
  const ChosenLoop chosen = make_loop("io_uring");
  ASSERT_NE(chosen.loop, nullptr) << to_string(chosen.decision);
  EXPECT_STREQ(chosen.loop->name(), "io_uring");
}

// From now on io_uring_setup of this process ends with `action`.
bool forbid_io_uring(std::uint32_t action) {
  sock_filter instructions[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, action),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{sizeof instructions / sizeof *instructions, instructions};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

enum Outcome { got_epoll = 10, got_ring, refused_eperm, refused_enosys, refused_otherwise, no_filter };

Outcome outcome(const ChosenLoop& chosen) {
  if (chosen.loop != nullptr) return std::string_view(chosen.loop->name()) == "epoll" ? got_epoll : got_ring;
  if (chosen.decision.error_number == EPERM) return refused_eperm;
  return chosen.decision.error_number == ENOSYS ? refused_enosys : refused_otherwise;
}

// What make_loop(wanted) gives in a child under the filter: an Outcome, or the negated signal that ended it.
int outcome_in_child(std::uint32_t action, const char* wanted) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (!forbid_io_uring(action)) ::_exit(no_filter);
    ::_exit(outcome(make_loop(wanted)));
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(LoopChoiceUnderSeccomp, AutoTakesEpollAndAForcedRingIsRefused) {
  const struct {
    int error_number;
    Outcome forced;
  } filters[] = {{EPERM, refused_eperm}, {ENOSYS, refused_enosys}};
  for (const auto& [error_number, forced] : filters) {
    const std::uint32_t action = SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error_number);
    const int automatic = outcome_in_child(action, "auto");
    if (automatic == no_filter) GTEST_SKIP() << "no seccomp filter can be set here";
    EXPECT_EQ(automatic, got_epoll);
    EXPECT_EQ(outcome_in_child(action, ""), got_epoll);
    EXPECT_EQ(outcome_in_child(action, "epoll"), got_epoll);
    EXPECT_EQ(outcome_in_child(action, "io_uring"), forced);
  }
}

TEST(LoopChoiceUnderSeccomp, AutoDoesNotTouchTheRing) {
  const int automatic = outcome_in_child(SECCOMP_RET_KILL_PROCESS, "auto");
  if (automatic == no_filter) GTEST_SKIP() << "no seccomp filter can be set here";
  EXPECT_EQ(automatic, got_epoll) << "a process that asks for a ring is killed by this filter";
  EXPECT_EQ(outcome_in_child(SECCOMP_RET_KILL_PROCESS, "io_uring"), -SIGSYS) << "the filter does not bite";
}

TEST(LoopChoiceUnderSeccomp, AFilterThatAllowsTheRingStillMeansEpollUnlessItIsForced) {
  const int automatic = outcome_in_child(SECCOMP_RET_ALLOW, "auto");
  if (automatic == no_filter) GTEST_SKIP() << "no seccomp filter can be set here";
  EXPECT_EQ(automatic, got_epoll);
  if (make_loop("io_uring").loop == nullptr) GTEST_SKIP() << "the kernel refuses io_uring";
  EXPECT_EQ(outcome_in_child(SECCOMP_RET_ALLOW, "io_uring"), got_ring);
}

}  // namespace
}  // namespace stint
