// SPDX-License-Identifier: Apache-2.0
// The queue behind an acceptance: how many are under way at one time, and that the others wait in order.
#include "pipeline/delivery_queue.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "pipeline/component_world.h"
#include "pipeline/consumers.h"
#include "pipeline/fan_out.h"

namespace stint {
namespace {

class DeliveryQueueTest : public ComponentWorld {
 protected:
  KeepingConsumer next{runtime};
  KeepingConsumer other{runtime};
};

Task<> push_many(DeliveryQueueTest& world, DeliveryQueue& queue, std::size_t count) {
  for (std::size_t i = 1; i <= count; ++i) queue.push(spans_batch(world.pool, i));
  (void)co_await world.runtime.sleep(Milliseconds(1));
}

Task<> some_at_once(DeliveryQueueTest& world, KeepingConsumer& next) {
  next.held = true;
  DeliveryQueue queue(world.context, next, otlp::Signal::traces);
  co_await push_many(world, queue, limits::deliveries_max + 3);
  EXPECT_EQ(next.inside(), limits::deliveries_max);
  EXPECT_EQ(queue.queued(), 3u);
  next.release();
  EXPECT_TRUE(co_await queue.settle(Deadline::never()));
  EXPECT_EQ(next.kept.size(), limits::deliveries_max + 3);
  co_await queue.stop(Deadline::never());
}
TEST_F(DeliveryQueueTest, HasAFewUnderWayAtOneTime) { run(some_at_once(*this, next)); }

Task<> one_by_one(DeliveryQueueTest& world, KeepingConsumer& next) {
  next.held = true;
  DeliveryQueue queue(world.context, next, otlp::Signal::metrics);
  co_await push_many(world, queue, 3);
  EXPECT_EQ(next.inside(), 1u);
  next.release();
  EXPECT_TRUE(co_await queue.settle(Deadline::never()));
  EXPECT_EQ(next.kept.size(), 3u);
  for (std::size_t i = 0; i < next.kept.size(); ++i) EXPECT_EQ(next.kept[i].items, i + 1);
  co_await queue.stop(Deadline::never());
}
TEST_F(DeliveryQueueTest, SendsDataPointsOneAfterTheOther) { run(one_by_one(*this, next)); }

Task<> many_at_the_end(DeliveryQueueTest& world, KeepingConsumer& next) {
  next.held = true;
  DeliveryQueue queue(world.context, next, otlp::Signal::metrics);
  co_await push_many(world, queue, 3);
  Scope scope(world.runtime);
  scope.spawn(queue.stop(Deadline::never()));
  (void)co_await world.runtime.sleep(Milliseconds(1));
  EXPECT_EQ(next.inside(), 3u);
  next.release();
  co_await scope.join();
  EXPECT_EQ(next.kept.size(), 3u);
}
TEST_F(DeliveryQueueTest, SendsWhatIsLeftAtOnceWhenItStops) { run(many_at_the_end(*this, next)); }

Task<> new_beside_waiting(DeliveryQueueTest& world, KeepingConsumer& next) {
  next.held = true;
  next.waiting = true;
  DeliveryQueue queue(world.context, next, otlp::Signal::traces);
  co_await push_many(world, queue, 1);
  EXPECT_EQ(queue.activity(), Activity::waiting);
  queue.push(spans_batch(world.pool, 1));
  EXPECT_EQ(queue.activity(), Activity::working) << "the new one has not been tried yet";
  co_await queue.stop(Deadline{world.runtime.epoch_now() + Milliseconds(2)});
  EXPECT_EQ(world.data.dropped[static_cast<std::size_t>(DropReason::environment_end)], 2u);
}
TEST_F(DeliveryQueueTest, CountsWhatHasNotBegunAsWork) { run(new_beside_waiting(*this, next)); }

Task<> trouble_beside(DeliveryQueueTest& world, KeepingConsumer& dead, KeepingConsumer& alive) {
  dead.held = true;
  dead.waiting = true;
  FanOut both(world.context, {&dead, &alive});
  both.accept_at_once(otlp::Signal::metrics);
  for (std::size_t i = 1; i <= 5; ++i) {
    Batch batch = spans_batch(world.pool, i);
    EXPECT_TRUE(co_await both.consume(std::move(batch)));
  }
  const Result<> flushed = co_await both.flush(Deadline::never());
  EXPECT_FALSE(flushed);
  if (!flushed) EXPECT_EQ(flushed.error().code, ErrorCode::retryable);
  EXPECT_EQ(alive.kept.size(), 5u);
  EXPECT_EQ(both.activity(), Activity::waiting);
  co_await both.stop(Deadline{world.runtime.epoch_now() + Milliseconds(2)});
  EXPECT_EQ(world.data.dropped_total(), 1u + 2 + 3 + 4 + 5);
  EXPECT_EQ(world.pool.blocks_in_use(), 0u);
}
TEST_F(DeliveryQueueTest, OneConsumersTroubleDoesNotDelayAnother) { run(trouble_beside(*this, next, other)); }

}  // namespace
}  // namespace stint
