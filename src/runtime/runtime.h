// SPDX-License-Identifier: Apache-2.0
// The runtime: one loop, its timers and the queue of ready coroutines, turned by one thread. Everything that awaits is
// given a Runtime& and outlived by it. Time stands still within a turn.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "runtime/loop.h"
#include "runtime/task.h"
#include "runtime/timer.h"

namespace stint {

/// Turns a host name into addresses. Behind the seam, because resolvers read clocks and sockets of their own.
class Resolver {
 public:
  virtual ~Resolver() = default;
  /// Suspends: until answered or `timeout`. Fails: not_found, timed_out, cancelled, system.
  virtual Task<Result<std::vector<Address>>> resolve(std::string host, std::uint16_t port, Nanoseconds timeout) = 0;
};

class Runtime {
 public:
  /// Borrows: the loop, which outlives the runtime.
  explicit Runtime(Loop& loop);
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;
  ~Runtime();

  Loop& loop() { return loop_; }
  Executor executor() { return Executor(ready_); }
  ReadyQueue& ready() { return ready_; }
  TimerHeap& timers() { return timers_; }
  MonotonicTime now() { return loop_.monotonic_now(); }
  EpochTime epoch_now() { return loop_.epoch_now(); }
  /// The deadline as seen by timers that are armed now.
  MonotonicTime monotonic(Deadline deadline) { return after(now(), deadline.remaining(epoch_now())); }

  /// Borrows: `resolver`. Without one, only address literals and localhost resolve.
  void set_resolver(Resolver* resolver) { resolver_ = resolver; }
  /// Literals and localhost (127.0.0.1, then ::1) are answered without the resolver.
  Task<Result<std::vector<Address>>> resolve(std::string host, std::uint16_t port, Nanoseconds timeout);

  /// Suspends: until `at`. Fails: cancelled.
  Task<Result<>> sleep_until(MonotonicTime at);
  Task<Result<>> sleep(Nanoseconds duration);
  /// Lets everything else that is ready go first.
  Task<> yield();

  /// Runs turns until `main` ended. Everything it spawned has been joined by its scopes then.
  void run(Task<> main);

  // The same in parts, for a world that turns several runtimes in one thread.
  /// `main` starts with the next turn. Requires: no other main runs.
  void begin(Task<> main);
  /// What is ready and due, then the loop's completions, awaited up to `wait_max`. True: main has ended; nothing was
  /// awaited then. Requires: begin() before; not from within another runtime's loop.
  bool turn(Nanoseconds wait_max);
  /// When the next turn has something to do at the latest: now, at the first timer, or only after a completion.
  std::optional<MonotonicTime> next_due();

 private:
  class FrameCache;
  struct Main;
  void run_ready();
  void wait(Nanoseconds wait_max);

  Loop& loop_;
  ReadyQueue ready_;
  TimerHeap timers_;
  Resolver* resolver_ = nullptr;
  std::unique_ptr<Main> main_;
};

}  // namespace stint
