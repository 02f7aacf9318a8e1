// SPDX-License-Identifier: Apache-2.0
// `batch`: what is merged, when it is sent, and that nothing is lost on the way.
#include "processors/batch.h"

#include <gtest/gtest.h>

#include "config/yaml.h"
#include "pipeline/component_world.h"
#include "pipeline/consumers.h"

namespace stint {
namespace {

class BatchTest : public ComponentWorld {
 protected:
  BatchProcessor& make(BatchProcessor::Config config) {
    processor_.emplace(context, "batch", std::move(config), otlp::Signal::traces, &next);
    return *processor_;
  }
  BatchProcessor::Config config(Nanoseconds timeout, std::uint32_t size, std::uint32_t max = 0) {
    BatchProcessor::Config made;
    made.timeout = timeout;
    made.send_batch_size = size;
    made.send_batch_max_size = max;
    return made;
  }
  std::size_t kept_items() const {
    std::size_t items = 0;
    for (const auto& one : next.kept) items += one.items;
    return items;
  }
  KeepingConsumer next{runtime};

 private:
  std::optional<BatchProcessor> processor_;
};

// g++ 12 takes no list in braces within a co_await.
template <typename... Sizes>
std::vector<std::size_t> sizes_of(Sizes... sizes) {
  return {static_cast<std::size_t>(sizes)...};
}
Task<> feed(BatchTest& test, BatchProcessor& batch, std::vector<std::size_t> sizes) {
  (void)co_await batch.start();
  for (const std::size_t size : sizes) {
    Batch one = spans_batch(test.pool, size);
    EXPECT_TRUE(co_await batch.consume(std::move(one)));
  }
}

Task<> merge(BatchTest& test, BatchProcessor& batch) {
  co_await feed(test, batch, sizes_of(2, 3, 4));
  EXPECT_TRUE(co_await batch.flush(Deadline::never()));
  co_await batch.stop(Deadline::never());
}
TEST_F(BatchTest, MergesRequestsByPuttingOneBehindTheOther) {
  run(merge(*this, make(config(Seconds(60), 8192))));
  ASSERT_EQ(next.kept.size(), 1u);
  EXPECT_EQ(next.kept[0].bytes, spans_request(2) + spans_request(3) + spans_request(4));
  EXPECT_EQ(copies.copies + copies.gathers + copies.compacts, 0u);
}

Task<> wait_for_kept(BatchTest& test, KeepingConsumer& next, std::size_t count) {
  for (int i = 0; i < 2000 && next.kept.size() < count; ++i) (void)co_await test.runtime.sleep(Milliseconds(1));
}
Task<> by_size(BatchTest& test, BatchProcessor& batch, KeepingConsumer& next) {
  co_await feed(test, batch, sizes_of(2, 3));
  co_await wait_for_kept(test, next, 1);
  EXPECT_EQ(next.kept.size(), 1u);
  Batch rest = spans_batch(test.pool, 4);
  EXPECT_TRUE(co_await batch.consume(std::move(rest)));
  co_await batch.stop(Deadline::never());
}
TEST_F(BatchTest, SendsAtOnceWhenThereAreEnoughItemsAndTheRestAtTheEnd) {
  run(by_size(*this, make(config(Seconds(60), 5)), next));
  ASSERT_EQ(next.kept.size(), 2u);
  EXPECT_EQ(next.kept[0].items, 5u);
  EXPECT_EQ(next.kept[1].items, 4u);
}

Task<> by_time(BatchTest& test, BatchProcessor& batch, KeepingConsumer& next) {
  co_await feed(test, batch, sizes_of(2));
  co_await wait_for_kept(test, next, 1);
  EXPECT_EQ(next.kept.size(), 1u);
  co_await batch.stop(Deadline::never());
}
TEST_F(BatchTest, SendsWhatIsThereWhenItsTimeIsOver) { run(by_time(*this, make(config(Milliseconds(5), 100)), next)); }

Task<> cut(BatchTest& test, BatchProcessor& batch) {
  co_await feed(test, batch, sizes_of(7, 7, 7));
  co_await batch.stop(Deadline::never());
}
TEST_F(BatchTest, CutsWhatIsLargerThanTheMost) {
  run(cut(*this, make(config(Seconds(60), 5, 5))));
  for (const auto& one : next.kept) {
    EXPECT_LE(one.items, 5u);
    const auto counts = otlp::walk(otlp::Signal::traces, one.bytes);
    ASSERT_TRUE(counts);
    EXPECT_EQ(counts->items, one.items);
  }
  EXPECT_EQ(kept_items(), 21u);
  EXPECT_GT(copies.copies, 0u);
}

Task<> push_back(BatchTest& test, BatchProcessor& batch, KeepingConsumer& next) {
  next.held = true;
  co_await feed(test, batch, sizes_of(5));  // is being sent
  (void)co_await test.runtime.sleep(Milliseconds(2));
  Batch second = spans_batch(test.pool, 5);
  EXPECT_TRUE(co_await batch.consume(std::move(second)));  // is next
  std::optional<Result<>> third;
  Scope scope(test.runtime);
  scope.spawn(store_result(batch.consume(spans_batch(test.pool, 5)), third));
  (void)co_await test.runtime.sleep(Milliseconds(5));
  EXPECT_FALSE(third.has_value()) << "the sender must wait";
  next.release();
  co_await scope.join();
  EXPECT_TRUE(third && *third);
  co_await batch.stop(Deadline::never());
}
TEST_F(BatchTest, LetsTheSenderWaitWhileTheNextBatchIsFull) {
  run(push_back(*this, make(config(Seconds(60), 5)), next));
  EXPECT_EQ(kept_items(), 15u);
}

Task<> lose(BatchTest& test, BatchProcessor& batch, KeepingConsumer& next) {
  next.errors = {Error{ErrorCode::permanent}, Error{ErrorCode::retryable}};
  co_await feed(test, batch, sizes_of(4));
  (void)co_await batch.flush(Deadline::never());
  Batch second = spans_batch(test.pool, 3);
  EXPECT_TRUE(co_await batch.consume(std::move(second)));
  co_await batch.stop(Deadline::never());
}
TEST_F(BatchTest, CountsWhatItsConsumerRefusesByReason) {
  run(lose(*this, make(config(Seconds(60), 100)), next));
  EXPECT_EQ(data.dropped[static_cast<std::size_t>(DropReason::permanent)], 4u);
  EXPECT_EQ(data.dropped[static_cast<std::size_t>(DropReason::retries_ended)], 3u);
}

Task<> stop_held(BatchTest& test, BatchProcessor& batch, KeepingConsumer& next) {
  next.held = true;
  co_await feed(test, batch, sizes_of(5, 2));
  (void)co_await test.runtime.sleep(Milliseconds(2));
  co_await batch.stop(Deadline{test.runtime.epoch_now() + Milliseconds(10)});
}
TEST_F(BatchTest, EndsAtItsDeadlineAndCountsWhatIsLeft) {
  run(stop_held(*this, make(config(Seconds(60), 5)), next));
  EXPECT_EQ(data.dropped[static_cast<std::size_t>(DropReason::environment_end)], 7u);
}

Task<> flush_waiting(BatchTest& test, BatchProcessor& batch, KeepingConsumer& next) {
  next.held = next.waiting = true;
  co_await feed(test, batch, sizes_of(5));
  (void)co_await test.runtime.sleep(Milliseconds(2));
  const Result<> flushed = co_await batch.flush(Deadline::never());
  EXPECT_EQ(flushed.error().code, ErrorCode::retryable);
  next.release();
  co_await batch.stop(Deadline::never());
}
TEST_F(BatchTest, DoesNotHoldAFlushForDataThatWaitsForARetry) {
  run(flush_waiting(*this, make(config(Seconds(60), 5)), next));
}

TEST(BatchConfig, RefusesAMostThatIsLessThanEnough) {
  BatchProcessor::Config config;
  config::Diagnostics diagnostics;
  config::TreeBudget budget;
  const auto node = config::parse_yaml("send_batch_size: 10\nsend_batch_max_size: 5\n", 0, budget, diagnostics);
  ASSERT_TRUE(node);
  EXPECT_FALSE(config::decode(*node, config, config::Path{}, diagnostics));
}

}  // namespace
}  // namespace stint
