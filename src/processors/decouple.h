// SPDX-License-Identifier: Apache-2.0
// `decouple`: accepts at once and hands on from a bounded queue, so that the function's response never waits for a back
// end. The queue is drained whenever there is something in it; `flush` waits for that.
#pragma once

#include <string>

#include "base/limits.h"
#include "pipeline/component.h"
#include "pipeline/delivery_queue.h"

namespace stint {

class DecoupleProcessor final : public Processor {
 public:
  struct Config {
    std::uint64_t max_queue_size = limits::decouple_queue_requests_max;
  };

  DecoupleProcessor(ComponentContext& context, std::string id, Config config, otlp::Signal signal, Consumer* next);

  Task<Result<>> consume(Batch batch) override;
  bool accepts() const override { return true; }
  Activity activity() const override { return queue_.activity(); }
  Task<Result<>> flush(Deadline deadline) override { return queue_.settle(deadline); }
  Task<> stop(Deadline deadline) override;

 private:
  Config config_;
  DeliveryQueue queue_;
  bool stopping_ = false;
};

constexpr auto fields_of(DecoupleProcessor::Config*) {
  return config::fields(config::field<&DecoupleProcessor::Config::max_queue_size>(
      "max_queue_size", "requests that may wait; when it is full, the sender waits", config::range(1, 1'000'000)));
}

}  // namespace stint
