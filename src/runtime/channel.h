// SPDX-License-Identifier: Apache-2.0
// Waiting between tasks of one thread: `Notifier` (something has changed: look again) and `Channel` (a bounded queue of
// values with back-pressure).
#pragma once

#include <cerrno>
#include <cstddef>
#include <deque>
#include <utility>

#include "base/check.h"
#include "runtime/runtime.h"

namespace stint {

/// Tasks wait until somebody says that something has changed. There is no memory: a notification without waiters is
/// nothing, so a waiter checks its condition before and after.
class Notifier {
 public:
  explicit Notifier(Runtime& runtime) : runtime_(runtime) {}
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;
  ~Notifier() { STINT_CHECK(first_ == nullptr); }

  void notify_all();
  void notify_one();
  bool has_waiters() const { return first_ != nullptr; }
  /// Suspends: until notified, or until `deadline`. Fails: cancelled, timed_out.
  Task<Result<>> wait(MonotonicTime deadline = MonotonicTime::max());

 private:
  class Waiter;
  Runtime& runtime_;
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

template <typename T>
class Channel {
 public:
  /// Requires: capacity > 0.
  Channel(Runtime& runtime, std::size_t capacity) : capacity_(capacity), readable_(runtime), writable_(runtime) {}

  std::size_t size() const { return values_.size(); }
  std::size_t capacity() const { return capacity_; }
  bool closed() const { return closed_; }
  /// No more values; what is inside can still be received.
  void close() {
    closed_ = true;
    readable_.notify_all();
    writable_.notify_all();
  }
  /// False when full or closed; the value is untouched then.
  bool try_send(T& value) {
    if (closed_ || values_.size() >= capacity_) return false;
    values_.push_back(std::move(value));
    readable_.notify_one();
    return true;
  }
  /// Suspends: while full. Fails: cancelled, stopping (closed); the value is lost then.
  Task<Result<>> send(T value) {
    while (!try_send(value)) {
      if (closed_) co_return Error{ErrorCode::stopping};
      const Result<> waited = co_await writable_.wait();
      if (!waited) co_return waited.error();
    }
    co_return Result<>();
  }
  /// Suspends: while empty. Fails: cancelled, closed (and empty).
  Task<Result<T>> receive() {
    while (values_.empty()) {
      if (closed_) co_return Error{ErrorCode::closed};
      const Result<> waited = co_await readable_.wait();
      if (!waited) co_return waited.error();
    }
    T value = std::move(values_.front());
    values_.pop_front();
    writable_.notify_one();
    co_return std::move(value);
  }

 private:
  std::size_t capacity_;
  bool closed_ = false;
  std::deque<T> values_;
  Notifier readable_;
  Notifier writable_;
};

}  // namespace stint
