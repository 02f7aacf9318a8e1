// SPDX-License-Identifier: Apache-2.0
// Batches that their senders count as accepted, on the way to one consumer. A few are under way at one time, so that a
// slow answer does not hold up the rest; data points go one after the other, because back ends refuse older ones.
// Owns the batches until the consumer takes them; what it refuses is counted as dropped.
#pragma once

#include <deque>

#include "pipeline/component.h"
#include "runtime/scope.h"

namespace stint {

class DeliveryQueue {
 public:
  /// Borrows: context, next.
  DeliveryQueue(ComponentContext& context, Consumer& next, otlp::Signal signal);

  /// Never waits: the bound is the caller's business.
  void push(Batch batch);
  /// Batches that are not yet under way.
  std::size_t queued() const { return queue_.size(); }
  /// Suspends: until one fewer is queued. Fails: cancelled.
  Task<Result<>> wait_taken() { return taken_.wait(); }
  Activity activity() const;

  /// Suspends: until nothing is left, or what is left waits for a retry, or `deadline`.
  /// Fails: retryable, timed_out, cancelled.
  Task<Result<>> settle(Deadline deadline);
  /// Wakes who waits for room; they see that the end has come.
  void wake() { taken_.notify_all(); }
  /// Suspends: until nothing is left, or `deadline`; the rest is counted as dropped then.
  Task<> stop(Deadline deadline);

 private:
  bool idle() const { return queue_.empty() && under_way_ == 0; }
  void start_next();
  Task<> deliver(Batch batch);

  ComponentContext& context_;
  Consumer& next_;
  std::size_t under_way_max_;
  std::deque<Batch> queue_;
  std::size_t under_way_ = 0;
  std::size_t not_begun_ = 0;  // of those under way
  Notifier taken_;
  Scope deliveries_;
};

}  // namespace stint
