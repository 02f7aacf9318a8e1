// SPDX-License-Identifier: Apache-2.0
// One batch to several consumers: each gets a share of the same blocks, all at once. Before anything that accepts, the
// answer is the worst of theirs: the sender may then send again, and some will see items twice. Behind `batch` or
// `decouple` each consumer has a queue of its own, so that one's trouble does not delay another.
#pragma once

#include <memory>
#include <vector>

#include "pipeline/component.h"
#include "pipeline/delivery_queue.h"

namespace stint {

class FanOut : public Consumer {
 public:
  /// Borrows: context, and the consumers; at least two.
  FanOut(ComponentContext& context, std::vector<Consumer*> consumers)
      : context_(context), consumers_(std::move(consumers)) {}
  /// From now on consume() accepts at once. To be called before the first batch.
  void accept_at_once(otlp::Signal signal);
  Task<Result<>> consume(Batch batch) override;
  Activity activity() const override;

  /// Of the queues; see Component.
  Task<Result<>> flush(Deadline deadline);
  Task<> stop(Deadline deadline);

 private:
  ComponentContext& context_;
  std::vector<Consumer*> consumers_;
  std::vector<std::unique_ptr<DeliveryQueue>> queues_;  // one each, or none
};

}  // namespace stint
