// SPDX-License-Identifier: Apache-2.0
// A scope owns the tasks spawned in it; no task is detached. Whoever opened the scope joins it before it ends, so that
// what the tasks refer to outlives them.
#pragma once

#include <cstddef>
#include <exception>
#include <optional>

#include "runtime/runtime.h"
#include "runtime/task.h"

namespace stint {

namespace detail {

/// One spawned root coroutine: its cancellation and what happens at its end.
class Root {
 public:
  Root() = default;
  Root(const Root&) = delete;
  Root& operator=(const Root&) = delete;
  /// Asks the task to end: its present operation and all later ones fail with ErrorCode::cancelled. A task that has not
  /// begun yet still runs its first step. Nothing happens when it has ended.
  void cancel() {
    cancelled_ = true;
    if (begun_) signal_.emit(boost::asio::cancellation_type::terminal);
  }

  // For spawn_root. Before its first step Asio would throw into a cancelled root, where nobody catches.
  void begin() {
    begun_ = true;
    if (cancelled_) signal_.emit(boost::asio::cancellation_type::terminal);
  }
  boost::asio::cancellation_slot slot() { return signal_.slot(); }

 private:
  boost::asio::cancellation_signal signal_;
  bool begun_ = false;
  bool cancelled_ = false;
};

/// Starts `task` as a root; `ended(context)` is called from the ready queue when it is over.
/// An exception is a bug: a failed check.
void spawn_root(Runtime& runtime, Root& root, Task<> task, void (*ended)(void* context), void* context);

}  // namespace detail

/// One task at a time that lies in its owner and can be asked alone to end. The owner outlives it.
class OwnedTask {
 public:
  OwnedTask() = default;
  OwnedTask(const OwnedTask&) = delete;
  OwnedTask& operator=(const OwnedTask&) = delete;
  /// Requires: !running().
  ~OwnedTask();

  bool running() const { return ended_ != nullptr; }
  /// The task starts in the next round. `ended(context)` is called from the ready queue when it is over; this object
  /// may be used again or end from then on. Requires: !running().
  void start(Runtime& runtime, Task<> task, void (*ended)(void* context), void* context);
  /// As detail::Root::cancel.
  void cancel();

 private:
  static void task_ended(void* self);
  std::optional<detail::Root> root_;
  void (*ended_)(void* context) = nullptr;
  void* context_ = nullptr;
};

class Scope {
 public:
  explicit Scope(Runtime& runtime) : runtime_(runtime) {}
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  /// Requires: empty(), so join() was awaited.
  ~Scope();

  /// One task of the scope.
  struct Member;

  /// The task starts in the next round. Its frame lies in the scope until it has ended.
  /// Valid until: the task has ended.
  Member* spawn(Task<> task);
  /// Asks all present tasks to end, or one; does not wait.
  void cancel();
  static void cancel(Member& one);
  bool empty() const { return first_ == nullptr; }
  std::size_t size() const { return size_; }
  /// Suspends: until no task is left. One joiner at a time. A cancellation of the joiner is passed on to the tasks.
  Task<> join();

 private:
  class Joiner;
  static void member_ended(void* context);

  Runtime& runtime_;
  Member* first_ = nullptr;
  std::size_t size_ = 0;
  Joiner* joiner_ = nullptr;
};

}  // namespace stint
