// SPDX-License-Identifier: Apache-2.0
// `decouple`: accepts at once and hands on from a bounded queue, so that the function's response never waits for a back
// end. The queue is drained whenever there is something in it; `flush` waits for that.
#pragma once

#include <deque>
#include <string>

#include "base/limits.h"
#include "pipeline/component.h"
#include "runtime/scope.h"

namespace stint {

class DecoupleProcessor final : public Processor {
 public:
  struct Config {
    std::uint64_t max_queue_size = limits::decouple_queue_requests_max;
  };

  DecoupleProcessor(ComponentContext& context, std::string id, Config config, otlp::Signal signal, Consumer* next);

  Task<Result<>> start() override;
  Task<Result<>> consume(Batch batch) override;
  Activity activity() const override;
  Task<Result<>> flush(Deadline deadline) override;
  Task<> stop(Deadline deadline) override;

 private:
  bool busy() const { return sending_ || !queue_.empty(); }
  Task<> hand_on();

  ComponentContext& context_;
  Config config_;
  Consumer& next_;
  std::deque<Batch> queue_;
  bool sending_ = false;
  bool stopping_ = false;
  Notifier filled_;
  Notifier emptied_;
  Scope worker_;
};

constexpr auto fields_of(DecoupleProcessor::Config*) {
  return config::fields(config::field<&DecoupleProcessor::Config::max_queue_size>(
      "max_queue_size", "requests that may wait; when it is full, the sender waits", config::range(1, 1'000'000)));
}

}  // namespace stint
