// SPDX-License-Identifier: Apache-2.0
// What a component under test is given: a real loop whose clock can be moved on as a freeze does, memory, counters, and
// the log as lines. Nothing may be left behind: the pool and the loop are checked at the end.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/taken_log.h"
#include "pipeline/component_parts.h"
#include "runtime/epoll_loop.h"
#include "runtime/scope.h"

namespace stint {

/// epoll with a clock that can be moved on.
class FreezableLoop final : public Loop {
 public:
  void freeze(Nanoseconds duration) { frozen_ += duration; }
  /// As a snapshot does: the epoch alone moves on.
  void jump(Nanoseconds duration) { jumped_ += duration; }

  const char* name() const override { return "freezable"; }
  MonotonicTime monotonic_now() override { return loop_.monotonic_now() + frozen_; }
  EpochTime epoch_now() override { return loop_.epoch_now() + frozen_ + jumped_; }
  void fill_entropy(std::span<char> bytes) override { loop_.fill_entropy(bytes); }
  Result<Handle> listen(const Address& address, int backlog) override { return loop_.listen(address, backlog); }
  Result<Address> local_address(Handle handle) override { return loop_.local_address(handle); }
  Result<Handle> open_stream(const Address& peer) override { return loop_.open_stream(peer); }
  void shutdown_send(Handle handle) override { loop_.shutdown_send(handle); }
  void close(Handle handle) override { loop_.close(handle); }
  void forget(Handle handle) override { loop_.forget(handle); }
  bool submit(Operation& operation) override { return loop_.submit(operation); }
  void cancel(Operation& operation) override { loop_.cancel(operation); }
  void turn(Nanoseconds wait_max, CompletionList& done) override { loop_.turn(wait_max, done); }
  std::size_t operations_in_flight() const override { return loop_.operations_in_flight(); }

 private:
  EpollLoop loop_;
  Nanoseconds frozen_{};
  Nanoseconds jumped_{};
};

class ComponentWorld : public testing::Test, public ComponentParts<FreezableLoop> {
 public:
  ComponentWorld() { set_log_level(LogLevel::info); }

  void run(Task<> task) {
    runtime.run(std::move(task));
    EXPECT_EQ(loop.operations_in_flight(), 0u);
    EXPECT_EQ(pool.blocks_in_use(), 0u);
  }
  /// How many lines hold `text`.
  std::size_t said(std::string_view text) const { return log_.count(text); }
  std::string whole_log() const { return log_.text(); }

 private:
  TakenLog log_;
};

inline Task<> store_result(Task<Result<>> task, std::optional<Result<>>& result) {
  result.emplace(co_await std::move(task));
}

/// Waits until `activity` is what is wanted; gives up after some seconds.
template <typename Subject>
Task<bool> reaches(ComponentWorld& world, const Subject& subject, Activity wanted) {
  const MonotonicTime end = world.runtime.now() + Seconds(20);
  while (subject.activity() != wanted) {
    const Result<> waited = co_await world.changed.wait(end);
    if (!waited) co_return false;
  }
  co_return true;
}

}  // namespace stint
