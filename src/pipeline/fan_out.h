// SPDX-License-Identifier: Apache-2.0
// One batch to several consumers: each gets a share of the same blocks, all at once, so that one's trouble does not
// delay another. The answer is the worst of theirs: the sender may then send again, and some will see items twice.
#pragma once

#include <vector>

#include "pipeline/component.h"

namespace stint {

class FanOut : public Consumer {
 public:
  /// Borrows: the consumers; at least two.
  FanOut(Runtime& runtime, std::vector<Consumer*> consumers) : runtime_(runtime), consumers_(std::move(consumers)) {}
  Task<Result<>> consume(Batch batch) override;
  Activity activity() const override;

 private:
  Runtime& runtime_;
  std::vector<Consumer*> consumers_;
};

}  // namespace stint
