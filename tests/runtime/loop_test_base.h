// SPDX-License-Identifier: Apache-2.0
// The fixture of all tests of the runtime: each runs on every loop, starts and ends with the same descriptors, and
// leaves no operation in flight. A loop that the kernel refuses is skipped, which is counted.
#pragma once

#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <memory>
#include <optional>

#include "runtime/epoll_loop.h"
#include "runtime/runtime.h"
#include "runtime/stream.h"
#include "runtime/uring_loop.h"
#include "sim/simulated_loop.h"

namespace stint {

enum class LoopKind { epoll, io_uring, io_uring_plain, simulated };

inline std::string loop_name(const testing::TestParamInfo<LoopKind>& info) {
  constexpr const char* names[] = {"epoll", "io_uring", "io_uring_plain", "simulated"};
  return names[static_cast<int>(info.param)];
}

inline Result<std::unique_ptr<Loop>> open_loop(LoopKind kind) {
  if (kind == LoopKind::epoll) return std::unique_ptr<Loop>(std::make_unique<EpollLoop>());
  if (kind == LoopKind::simulated) return sim::make_lone_loop(1);
  auto ring = UringLoop::open(kind == LoopKind::io_uring ? UringLoop::Mode::deferred : UringLoop::Mode::plain);
  if (!ring) return ring.error();
  return std::unique_ptr<Loop>(std::move(*ring));
}

inline std::size_t open_descriptors() {
  DIR* const directory = ::opendir("/proc/self/fd");
  std::size_t count = 0;
  while (::readdir(directory) != nullptr) ++count;
  ::closedir(directory);
  return count;
}

/// The end of this connection will be a reset: thousands of tests' connections must not linger in TIME_WAIT.
inline void end_by_reset(int descriptor) {
  const linger none{1, 0};
  ::setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &none, sizeof none);
}

/// The same on every loop.
inline void end_by_reset(Stream& stream) {
  auto* const simulated = dynamic_cast<sim::SimulatedLoop*>(&stream.runtime().loop());
  simulated != nullptr ? simulated->reset(stream.handle()) : end_by_reset(stream.handle());
}

class LoopTest : public testing::TestWithParam<LoopKind> {
 protected:
  void SetUp() override {
    descriptors_before_ = open_descriptors();
    Result<std::unique_ptr<Loop>> opened = open_loop(GetParam());
    if (!opened) GTEST_SKIP() << "the kernel refuses this loop: " << to_string(opened.error());
    loop_ = std::move(*opened);
    runtime_.emplace(*loop_);
  }
  void TearDown() override {
    if (loop_ == nullptr) return;
    EXPECT_EQ(loop_->operations_in_flight(), 0u);
    runtime_.reset();
    loop_.reset();
    EXPECT_EQ(open_descriptors(), descriptors_before_);
  }

  Loop& loop() { return *loop_; }
  Runtime& runtime() { return *runtime_; }
  void run(Task<> task) {
    runtime_->run(std::move(task));
    EXPECT_EQ(loop_->operations_in_flight(), 0u);
  }

 private:
  std::size_t descriptors_before_ = 0;
  std::unique_ptr<Loop> loop_;
  std::optional<Runtime> runtime_;
};

}  // namespace stint

/// Once per fixture class.
#define STINT_ON_EVERY_LOOP(Fixture) \
  INSTANTIATE_TEST_SUITE_P(          \
      Loops, Fixture,                \
      testing::Values(LoopKind::epoll, LoopKind::io_uring, LoopKind::io_uring_plain, LoopKind::simulated), loop_name)
/// The same for tests that give the loop descriptors of their own.
#define STINT_ON_EVERY_LOOP_OF_THE_KERNEL(Fixture) \
  INSTANTIATE_TEST_SUITE_P(Loops, Fixture,         \
                           testing::Values(LoopKind::epoll, LoopKind::io_uring, LoopKind::io_uring_plain), loop_name)
