// SPDX-License-Identifier: Apache-2.0
// The journal in the data path: what passes a stage is written down until it has arrived, and what a former life has
// left goes in at the stage of its receiver.
#include "pipeline/journal_stage.h"

#include <gtest/gtest.h>

#include "pipeline/consumers.h"
#include "pipeline/journal_world.h"
#include "processors/batch.h"
#include "processors/decouple.h"

namespace stint {
namespace {

constexpr auto traces = otlp::Signal::traces;

class JournalStageTest : public ComponentWorld {
 public:
  /// One life with one receiver, `otlp`, whose stage leads to `next`.
  struct Life {
    Life(JournalStageTest& world, Consumer& behind)
        : journal(world.runtime, world.data,
                  std::make_unique<MemoryJournalFile>(world.disk, [this] { return !killed; }), 8u << 20),
          replay(world.context, journal),
          stage(replay.add_stage("otlp", traces, behind)) {}
    void kill(MemoryDisk& sandbox) {
      killed = true;
      sandbox.locked = false;
    }
    bool killed = false;
    Journal journal;
    JournalReplay replay;
    Consumer& stage;
  };

  /// A former life in which `batches` of so many spans were accepted, and nothing more.
  void live_and_die(std::vector<std::size_t> batches, std::string_view receiver = "otlp") {
    KeepingConsumer nobody(runtime);
    Life life(*this, nobody);
    for (const std::size_t items : batches) {
      Batch batch = spans_batch(pool, items);
      life.journal.append(receiver, batch);
      batch.ticket().keep();
    }
    life.kill(disk);
    data = DataCounters();
  }

  MemoryDisk disk;
  KeepingConsumer next{runtime};
};

Task<> until_items(JournalStageTest& test, const KeepingConsumer& next, std::size_t batches) {
  for (int i = 0; i < 5000 && next.kept.size() < batches; ++i) (void)co_await test.runtime.sleep(Milliseconds(1));
}

Task<> pass(JournalStageTest& test, JournalStageTest::Life& life) {
  Batch batch = spans_batch(test.pool, 3);
  EXPECT_TRUE(co_await life.stage.consume(std::move(batch)));
}

TEST_F(JournalStageTest, WritesDownWhatPassesUntilItHasArrived) {
  Life life(*this, next);
  run(pass(*this, life));
  ASSERT_EQ(next.kept.size(), 1u);
  EXPECT_EQ(next.kept[0].items, 3u);
  EXPECT_TRUE(disk.bytes);
  EXPECT_EQ(data.journalled, 0u);
  life.journal.close();
  EXPECT_FALSE(disk.bytes);
}

Task<> replay(JournalStageTest& test, JournalStageTest::Life& life, std::size_t batches) {
  life.replay.start();
  co_await until_items(test, test.next, batches);
  for (int look = 0; look < 5000 && life.replay.runs(); ++look) (void)co_await test.runtime.sleep(Milliseconds(1));
  EXPECT_FALSE(life.replay.runs());
  co_await life.replay.stop();
  life.journal.close();
}

TEST_F(JournalStageTest, PutsWhatAFormerLifeHasLeftInAtTheStageOfItsReceiver) {
  live_and_die({2, 5});
  const std::uint64_t writes = disk.writes;
  Life life(*this, next);
  run(replay(*this, life, 2));
  ASSERT_EQ(next.kept.size(), 2u);
  EXPECT_EQ(next.kept[0].items, 2u);
  EXPECT_EQ(next.kept[1].bytes, spans_request(5));
  EXPECT_EQ(disk.writes, writes + 2) << "two ends, and nothing is written down again";
  EXPECT_EQ(data.recovered, 7u);
  EXPECT_FALSE(disk.bytes);
  EXPECT_EQ(said("2 requests with 7 items recovered"), 1u) << whole_log();
}

TEST_F(JournalStageTest, DropsAndCountsWhatNoReceiverOfNowHasWritten) {
  live_and_die({2, 5}, "otlp/gone");
  Life life(*this, next);
  next.kept.push_back({});
  run(replay(*this, life, 1));
  EXPECT_EQ(next.kept.size(), 1u);
  EXPECT_EQ(data.recovered, 7u);
  EXPECT_EQ(data.dropped_total(), 7u);
  EXPECT_FALSE(disk.bytes);
  EXPECT_EQ(said("no receiver of that name"), 1u) << whole_log();
}

TEST_F(JournalStageTest, HandsOnNothingThatIsNoRequestThoughItsChecksumIsRight) {
  {
    KeepingConsumer nobody(runtime);
    Life life(*this, nobody);
    Batch forged(traces, slice_of(pool, "no protobuf"), 1), lie(traces, slice_of(pool, spans_request(3)), 4);
    life.journal.append("otlp", forged);
    life.journal.append("otlp", lie);
    life.kill(disk);
  }
  data = DataCounters();
  Life life(*this, next);
  next.kept.push_back({});
  run(replay(*this, life, 1));
  EXPECT_EQ(next.kept.size(), 1u);
  EXPECT_EQ(data.recovered, 0u);
  EXPECT_EQ(said("2 requests are damaged"), 1u) << whole_log();
}

TEST_F(JournalStageTest, DropsForGoodWhatIsRefusedForGood) {
  live_and_die({2});
  Life life(*this, next);
  next.errors = {Error{ErrorCode::permanent}};
  next.kept.push_back({});
  run(replay(*this, life, 1));
  EXPECT_EQ(data.dropped[static_cast<std::size_t>(DropReason::permanent)], 2u);
  EXPECT_FALSE(disk.bytes);
}

Task<> replay_with_little_memory(JournalStageTest& test, JournalStageTest::Life& life) {
  Block much = *test.pool.allocate(15u << 20);
  life.replay.start();
  for (int i = 0; i < 20; ++i) (void)co_await test.runtime.sleep(Milliseconds(1));
  EXPECT_TRUE(test.next.kept.empty()) << "memory is full";
  much.reset();
  co_await replay(test, life, 1);
}

TEST_F(JournalStageTest, LaysSmallRequestsBehindEachOther) {
  live_and_die(std::vector<std::size_t>(100, 1));
  Life life(*this, next);
  ASSERT_TRUE(life.journal.look_for_former_life());
  std::vector<Journal::Recovered> all;
  for (auto one = life.journal.recover_next(pool); one; one = life.journal.recover_next(pool)) {
    EXPECT_EQ(one->batch.slices.front().view(), spans_request(1));
    all.push_back(std::move(*one));
  }
  EXPECT_EQ(all.size(), 100u);
  EXPECT_EQ(pool.blocks_in_use(), 1u);
}

TEST_F(JournalStageTest, WaitsForMemoryAsASenderWould) {
  live_and_die({2000});
  Life life(*this, next);
  run(replay_with_little_memory(*this, life));
  ASSERT_EQ(next.kept.size(), 1u);
  EXPECT_EQ(next.kept[0].items, 2000u);
}

TEST_F(JournalStageTest, ComesAgainWhenTooMuchIsInside) {
  live_and_die({3});
  Life life(*this, next);
  next.errors = {Error{ErrorCode::memory_full}};
  run(replay(*this, life, 1));
  ASSERT_EQ(next.kept.size(), 1u);
  EXPECT_EQ(next.kept[0].bytes, spans_request(3));
  EXPECT_EQ(data.dropped_total(), 0u);
  EXPECT_FALSE(disk.bytes);
}

Task<> stop_while_refused(JournalStageTest& test, JournalStageTest::Life& life) {
  test.next.errors.assign(1000, Error{ErrorCode::memory_full});
  life.replay.start();
  for (int i = 0; i < 20; ++i) (void)co_await test.runtime.sleep(Milliseconds(1));
  co_await life.replay.stop();
  life.journal.close();
}
TEST_F(JournalStageTest, KeepsForTheNextLifeWhatIsRefusedUntilTheEnd) {
  live_and_die({3});
  Life life(*this, next);
  run(stop_while_refused(*this, life));
  EXPECT_TRUE(disk.bytes);
  EXPECT_EQ(data.journalled, 3u);
  EXPECT_EQ(data.dropped[static_cast<std::size_t>(DropReason::environment_end)], data.recovered);
}

Task<> replay_in_parts(JournalStageTest& test, DecoupleProcessor& decouple, JournalStageTest::Life& life) {
  test.next.held = true;
  life.replay.start();
  bool more = co_await life.replay.put_in_more(0, Deadline::never());
  EXPECT_TRUE(more && life.replay.runs()) << "half of the memory is less than there is";
  EXPECT_LE(test.pool.bytes_in_use(), test.pool.bytes_max() / 2);
  more = co_await life.replay.put_in_more(life.replay.requests(), Deadline::never());
  EXPECT_FALSE(more) << "nobody is held while no memory comes free";
  test.next.release();
  for (int i = 0; i < 100 && life.replay.runs(); ++i) {
    const std::uint64_t before = life.replay.requests();
    EXPECT_TRUE(co_await decouple.flush(Deadline::never()));
    (void)co_await life.replay.put_in_more(before, Deadline::never());
  }
  EXPECT_FALSE(life.replay.runs());
  EXPECT_TRUE(co_await decouple.flush(Deadline::never()));
  co_await decouple.stop(Deadline::never());
  co_await life.replay.stop();
}

TEST_F(JournalStageTest, PutsInWhatIsMoreThanMemoryAsItComesFree) {
  live_and_die(std::vector<std::size_t>(100, 2000));
  DecoupleProcessor decouple(context, "decouple", {}, traces, &next);
  Life life(*this, decouple);
  run(replay_in_parts(*this, decouple, life));
  EXPECT_EQ(next.kept.size(), 100u);
  EXPECT_EQ(data.recovered, 200'000u);
}

// What is inside at the end of the environment, wherever it is, is found by the next life.
template <typename Part>
Task<> stop_with_data_inside(JournalStageTest& test, Part& part, JournalStageTest::Life& life) {
  test.next.held = true;
  (void)co_await part.start();
  for (std::size_t i = 1; i <= 8; ++i) {
    Batch batch = spans_batch(test.pool, i);
    EXPECT_TRUE(co_await life.stage.consume(std::move(batch)));
    (void)co_await test.runtime.sleep(Milliseconds(1));
  }
  EXPECT_EQ(test.data.journalled, 36u);
  co_await part.stop(Deadline{test.runtime.epoch_now()});
  EXPECT_EQ(test.data.dropped[static_cast<std::size_t>(DropReason::environment_end)], 36u);
  EXPECT_EQ(test.data.journalled, 36u);
  life.journal.close();
}

TEST_F(JournalStageTest, KeepsWhatDecoupleGivesUpAtTheEnd) {
  DecoupleProcessor decouple(context, "decouple", {}, traces, &next);
  {
    Life life(*this, decouple);
    run(stop_with_data_inside(*this, decouple, life));
  }
  next.release();
  data = DataCounters();
  Life life(*this, next);
  run(replay(*this, life, 8));
  EXPECT_EQ(data.recovered, 36u);
  EXPECT_EQ(next.kept.size(), 8u);
}

TEST_F(JournalStageTest, KeepsWhatBatchGivesUpAtTheEnd) {
  BatchProcessor::Config config;
  config.timeout = Milliseconds(2);
  config.send_batch_size = 1000;  // so that it goes by time, and nobody waits
  BatchProcessor batch(context, "batch", config, traces, &next);
  {
    Life life(*this, batch);
    run(stop_with_data_inside(*this, batch, life));
  }
  next.release();
  data = DataCounters();
  Life life(*this, next);
  run(replay(*this, life, 8));
  EXPECT_EQ(data.recovered, 36u);
}

Task<> deliver(JournalStageTest& test, DecoupleProcessor& decouple, JournalStageTest::Life& life) {
  for (std::size_t i = 1; i <= 5; ++i) {
    Batch batch = spans_batch(test.pool, i);
    EXPECT_TRUE(co_await life.stage.consume(std::move(batch)));
  }
  EXPECT_TRUE(co_await decouple.flush(Deadline::never()));
  EXPECT_EQ(test.data.journalled, 0u);
  co_await decouple.stop(Deadline::never());
  life.journal.close();
}

TEST_F(JournalStageTest, LeavesNothingOfWhatWasDeliveredOrRefusedForGood) {
  DecoupleProcessor decouple(context, "decouple", {}, traces, &next);
  next.errors = {Error{ErrorCode::permanent}, Error{ErrorCode::retryable}};
  Life life(*this, decouple);
  run(deliver(*this, decouple, life));
  EXPECT_EQ(next.kept.size(), 3u);
  EXPECT_FALSE(disk.bytes);
}

}  // namespace
}  // namespace stint
