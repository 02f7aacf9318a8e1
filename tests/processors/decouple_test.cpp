// SPDX-License-Identifier: Apache-2.0
// `decouple`: accepts at once, keeps the order and its bound, and says what it could not hand on.
#include "processors/decouple.h"

#include <gtest/gtest.h>

#include "pipeline/component_world.h"
#include "pipeline/consumers.h"

namespace stint {
namespace {

class DecoupleTest : public ComponentWorld {
 protected:
  DecoupleProcessor& make(std::uint64_t queue, otlp::Signal signal = otlp::Signal::traces) {
    DecoupleProcessor::Config config;
    config.max_queue_size = queue;
    processor_.emplace(context, "decouple", config, signal, &next);
    return *processor_;
  }
  KeepingConsumer next{runtime};

 private:
  std::optional<DecoupleProcessor> processor_;
};

Task<> accept(DecoupleTest& test, DecoupleProcessor& decouple, KeepingConsumer& next) {
  next.held = true;
  (void)co_await decouple.start();
  for (std::size_t i = 1; i <= 3; ++i) {
    Batch batch = spans_batch(test.pool, i);
    EXPECT_TRUE(co_await decouple.consume(std::move(batch)));
  }
  EXPECT_TRUE(next.kept.empty());
  EXPECT_EQ(decouple.activity(), Activity::working);
  next.release();
  EXPECT_TRUE(co_await decouple.flush(Deadline::never()));
  EXPECT_EQ(decouple.activity(), Activity::idle);
  co_await decouple.stop(Deadline::never());
}
TEST_F(DecoupleTest, AcceptsAtOnceAndHandsOnInOrder) {
  run(accept(*this, make(10), next));
  ASSERT_EQ(next.kept.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(next.kept[i].bytes, spans_request(i + 1));
  EXPECT_EQ(copies.copies + copies.gathers + copies.compacts, 0u);
}

Task<> fill(DecoupleTest& test, DecoupleProcessor& decouple, KeepingConsumer& next) {
  next.held = true;
  (void)co_await decouple.start();
  for (std::size_t i = 0; i < limits::deliveries_max + 1; ++i) {
    Batch batch = spans_batch(test.pool, 1);
    EXPECT_TRUE(co_await decouple.consume(std::move(batch)));
    (void)co_await test.runtime.sleep(Milliseconds(1));
  }
  std::optional<Result<>> last;
  Scope scope(test.runtime);
  scope.spawn(store_result(decouple.consume(spans_batch(test.pool, 1)), last));
  (void)co_await test.runtime.sleep(Milliseconds(5));
  EXPECT_FALSE(last.has_value()) << "some are under way, one is queued: the queue of one is full";
  next.release();
  co_await scope.join();
  EXPECT_TRUE(last && *last);
  co_await decouple.stop(Deadline::never());
}
TEST_F(DecoupleTest, LetsTheSenderWaitWhenItsQueueIsFull) {
  run(fill(*this, make(1), next));
  EXPECT_EQ(next.kept.size(), limits::deliveries_max + 2);
}

Task<> deadlines(DecoupleTest& test, DecoupleProcessor& decouple, KeepingConsumer& next) {
  next.held = true;
  (void)co_await decouple.start();
  for (std::size_t i = 1; i <= 3; ++i) {
    Batch batch = spans_batch(test.pool, i);
    EXPECT_TRUE(co_await decouple.consume(std::move(batch)));
  }
  const Result<> flushed = co_await decouple.flush(Deadline{test.runtime.epoch_now() + Milliseconds(5)});
  EXPECT_EQ(flushed.error().code, ErrorCode::timed_out);
  next.waiting = true;
  const Result<> again = co_await decouple.flush(Deadline::never());
  EXPECT_EQ(again.error().code, ErrorCode::retryable) << "nobody is held for a retry";
  co_await decouple.stop(Deadline{test.runtime.epoch_now() + Milliseconds(5)});
  Batch late = spans_batch(test.pool, 1);
  const Result<> refused = co_await decouple.consume(std::move(late));
  EXPECT_EQ(refused.error().code, ErrorCode::stopping);
}
TEST_F(DecoupleTest, KeepsItsDeadlinesAndCountsWhatIsLeft) {
  run(deadlines(*this, make(10), next));
  EXPECT_EQ(data.dropped[static_cast<std::size_t>(DropReason::environment_end)], 6u);
}

}  // namespace
}  // namespace stint
