// SPDX-License-Identifier: Apache-2.0
// The journal from one life of the process to the next: what was not done is found again, what was done is not, and no
// damage to the file costs more than what it hit.
#include "pipeline/journal.h"

#include <gtest/gtest.h>

#include "base/arena.h"
#include "pipeline/journal_world.h"

namespace stint {
namespace {

using Found = std::map<std::string, int>;

class JournalTest : public ComponentWorld {
 protected:
  MemoryDisk disk;
};

TEST_F(JournalTest, OpensNothingUntilARequestIsAccepted) {
  JournalLife life(*this, disk);
  EXPECT_FALSE(life->look_for_former_life());
  EXPECT_FALSE(disk.bytes);
  const Batch batch = life.accept("one");
  EXPECT_TRUE(disk.bytes);
}

TEST_F(JournalTest, WritesEachRequestWithOneWriteAndItsEndWithAnother) {
  JournalLife life(*this, disk);
  Batch first = life.accept("first");
  const std::uint64_t before = disk.writes;
  Batch batch = life.accept("one");
  EXPECT_EQ(disk.writes, before + 1);
  batch = Batch();
  EXPECT_EQ(disk.writes, before + 2);
}

TEST_F(JournalTest, FindsAfterAKillWhatWasNotDone) {
  {
    JournalLife life(*this, disk);
    Batch one = life.accept("one"), two = life.accept("two"), three = life.accept("three", 0, "otlp/second");
    EXPECT_EQ(life.data.journalled, 3u);
    two = Batch();
    EXPECT_EQ(life.data.journalled, 2u);
    life.kill();
  }
  JournalLife next(*this, disk);
  EXPECT_EQ(next.recover(), (Found{{"one", 1}, {"three", 1}}));
  EXPECT_EQ(next.receivers, (std::vector<std::string>{"otlp", "otlp/second"})) << "in the order of writing";
  EXPECT_EQ(next.data.journalled, 0u);
}

TEST_F(JournalTest, FindsWhatWasRecoveredAndNotDoneOnceMore) {
  {
    JournalLife life(*this, disk);
    Batch one = life.accept("one");
    life.kill();
  }
  for (int i = 0; i < 3; ++i) {
    JournalLife next(*this, disk);
    EXPECT_EQ(next.recover(/*keep=*/true), (Found{{"one", 1}}));
    EXPECT_EQ(next.data.journalled, 1u);
    next->close();
  }
  JournalLife done(*this, disk);
  EXPECT_EQ(done.recover(), (Found{{"one", 1}}));
  done->close();
  EXPECT_FALSE(disk.bytes);
}

TEST_F(JournalTest, RemovesTheFileAtACleanEndAndKeepsItWhenSomethingWasKept) {
  JournalLife life(*this, disk);
  Batch one = life.accept("one"), two = life.accept("two");
  one = Batch();
  two.ticket().keep();
  two = Batch();
  life->close();
  ASSERT_TRUE(disk.bytes);
  JournalLife next(*this, disk);
  EXPECT_EQ(next.recover(), (Found{{"two", 1}}));
  next->close();
  EXPECT_FALSE(disk.bytes);
}

TEST_F(JournalTest, HoldsARequestUntilTheLastShareOfAnyPartOfItEnds) {
  JournalLife life(*this, disk);
  Batch one = life.accept("one");
  Slice part = one.slices.front().part(one.slices.front().view().substr(1));
  Batch shared = one.share();
  one = Batch();
  shared = Batch();
  EXPECT_EQ(life.data.journalled, 1u);
  part = Slice();
  EXPECT_EQ(life.data.journalled, 0u);
}

TEST_F(JournalTest, HoldsAllRequestsOfWhatWasGatheredFromThem) {
  JournalLife life(*this, disk);
  Batch one = life.accept("one"), two = life.accept("two"), three = life.accept("three");
  one.append(std::move(two));
  one.append(std::move(three));
  one.append(one.share());
  Arena arena(pool, copies);
  Slice gathered = *arena.gather(one.slices);
  Ticket ticket = one.ticket();
  one = Batch();
  EXPECT_EQ(life.data.journalled, 3u);
  gathered = Slice();
  EXPECT_EQ(life.data.journalled, 3u);
  ticket.keep();
  ticket.reset();
  EXPECT_EQ(life.data.journalled, 3u);
  life.kill();
  JournalLife next(*this, disk);
  EXPECT_EQ(next.recover(), (Found{{"one", 1}, {"two", 1}, {"three", 1}}));
}

TEST_F(JournalTest, UsesTheFirstSegmentAgainAndAgain) {
  JournalLife life(*this, disk);
  for (int i = 0; i < 100; ++i) Batch batch = life.accept("x", 100'000);
  EXPECT_LE(disk.bytes->size(), journal::file_head_bytes + journal::segment_bytes);
}

TEST_F(JournalTest, FindsOldAndNewRecordsOfAFileThatHasTurnedOverManyTimes) {
  std::deque<std::pair<std::string, Batch>> held;
  {
    JournalLife life(*this, disk);
    for (int i = 0; i < 300; ++i) {
      const std::string text = std::to_string(i);
      held.emplace_back(text, life.accept(text, 1000 + static_cast<std::size_t>(i) * 7919 % 200'000));
      if (i == 7 || i == 100) continue;
      // Others are done in another order than they came.
      if (held.size() > 9) held.erase(held.begin() + (i * 31) % 9);
    }
    life.kill();
    Found expected;
    for (const auto& [text, batch] : held) {
      if (batch.ticket()) expected[text] = 1;
    }
    held.clear();
    JournalLife next(*this, disk);
    EXPECT_EQ(next.recover(), expected);
    EXPECT_EQ(next.damaged, 0u);
  }
}

TEST_F(JournalTest, TakesSegmentsInARowForALargeRequest) {
  JournalLife life(*this, disk);
  Batch small = life.accept("small"), large = life.accept("large", 3u << 20), other = life.accept("other");
  EXPECT_EQ(life.data.journalled, 3u);
  life.kill();
  JournalLife next(*this, disk);
  EXPECT_EQ(next.recover(/*keep=*/true), (Found{{"small", 1}, {"large", 1}, {"other", 1}}));
  Batch more = next.accept("more", (1u << 20) + 1), much = next.accept("much", 4u << 20);
  EXPECT_EQ(next.data.journalled, 4u) << "what does not fit is not in it";
  EXPECT_EQ(said("it is full"), 1u);
  EXPECT_FALSE(much.ticket());
}

TEST_F(JournalTest, UsesAllSegmentsOfALargeRequestAgain) {
  JournalLife life(*this, disk);
  for (int i = 0; i < 10; ++i) {
    Batch large = life.accept("large", 5u << 20);
    EXPECT_TRUE(large.ticket());
  }
  Batch small = life.accept("small"), large = life.accept("large", (5u << 20));
  EXPECT_EQ(life.data.journalled, 2u);
}

TEST_F(JournalTest, GoesOnWithoutWhenFullAndIsSafeAgainWhenThereIsRoom) {
  JournalLife life(*this, disk, 2u << 20);
  Batch one = life.accept("one", 1'000'000), two = life.accept("two", 1'000'000), three = life.accept("three", 100'000);
  Batch four = life.accept("four", 100'000);
  EXPECT_EQ(life.data.journalled, 2u);
  EXPECT_EQ(said("it is full"), 1u);
  one = Batch();
  Batch five = life.accept("five", 100'000);
  EXPECT_TRUE(five.ticket());
}

TEST_F(JournalTest, TakesATenthOfTheFreeSpaceAndNothingOfALittle) {
  disk.free_bytes = 25u << 20;
  {
    JournalLife life(*this, disk);
    Batch one = life.accept("one", 1'000'000), two = life.accept("two", 1'000'000), three = life.accept("3", 1'000'000);
    EXPECT_EQ(life.data.journalled, 2u);
    for (Batch* const batch : {&one, &two, &three}) *batch = Batch();
    life->close();
  }
  disk.free_bytes = 5u << 20;
  JournalLife life(*this, disk);
  Batch one = life.accept("one"), two = life.accept("two");
  EXPECT_EQ(life.data.journalled, 0u);
  EXPECT_EQ(said("too little free space"), 1u);
  EXPECT_FALSE(disk.bytes);
}

TEST_F(JournalTest, LosesOneRequestAtMostToAnyDamagedByte) {
  std::string whole;
  {
    JournalLife life(*this, disk);
    Batch one = life.accept("one", 90), two = life.accept("two", 30), three = life.accept("three", 200);
    life.kill();
    whole = *disk.bytes;
  }
  std::size_t lost_in_all = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    // What is between head and first segment says nothing.
    if (i == journal::file_head().size()) i = journal::file_head_bytes;
    for (const int change : {0xff, 0x01, 0x80}) {
      disk.bytes = whole;
      (*disk.bytes)[i] = static_cast<char>((*disk.bytes)[i] ^ change);
      JournalLife life(*this, disk);
      const Found found = life.recover();
      EXPECT_GE(found.size(), 2u) << "byte " << i;
      for (const auto& [text, count] : found) EXPECT_EQ(count, 1) << "byte " << i << ": " << text;
      lost_in_all += 3 - found.size();
      life->close();
      EXPECT_FALSE(disk.bytes) << "byte " << i;
    }
  }
  EXPECT_GT(lost_in_all, 300u) << "damage is noticed";
}

TEST_F(JournalTest, FindsWhatIsWholeInAFileOfAnyLength) {
  std::string whole;
  std::vector<std::size_t> ends;
  {
    JournalLife life(*this, disk);
    std::vector<Batch> batches;
    for (const char* const text : {"one", "two", "three"}) {
      batches.push_back(life.accept(text, 100));
      ends.push_back(disk.bytes->size());
    }
    life.kill();
    whole = *disk.bytes;
  }
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    if (length == 300) length = journal::file_head_bytes - 10;
    disk.bytes = whole.substr(0, length);
    JournalLife life(*this, disk);
    const auto expected = std::count_if(ends.begin(), ends.end(), [&](std::size_t end) { return end <= length; });
    EXPECT_EQ(life.recover().size(), static_cast<std::size_t>(expected)) << length << " bytes";
    const Batch batch = life.accept("new");
    EXPECT_TRUE(batch.ticket()) << length << " bytes: it goes on";
  }
}

TEST_F(JournalTest, IsNotMisledByARequestThatHoldsRecordsOfALaterTime) {
  // A record begins there at a place where one may begin, and the next ones do not write over it.
  std::string text(4 * journal::record_alignment - sizeof(journal::RecordHead) - 4, '.');
  journal::RecordHead forged{.generation = 1000, .body_bytes = 4};
  forged.content_crc = journal::crc32(0, "fake");
  journal::seal(forged);
  text.append(reinterpret_cast<const char*>(&forged), sizeof forged).append("fake");
  {
    JournalLife life(*this, disk);
    {
      const Batch misleading = life.accept(text);
    }
    const Batch one = life.accept("one"), two = life.accept("two");
    life.kill();
  }
  ASSERT_NE(disk.bytes->find("two"), std::string::npos);
  JournalLife next(*this, disk);
  EXPECT_EQ(next.recover(), (Found{{"one", 1}, {"two", 1}}));
}

TEST_F(JournalTest, GoesOnWhenTheFileIsCutWhileInUse) {
  JournalLife life(*this, disk);
  Batch one = life.accept("one", 500), two = life.accept("two", 500);
  disk.bytes->clear();
  loop.freeze(Seconds(1));
  Batch three = life.accept("three", 500), four = life.accept("four", 500);
  EXPECT_EQ(said("truncated while in use"), 1u);
  for (Batch* const batch : {&two, &four}) *batch = Batch();
  life.kill();
  JournalLife next(*this, disk);
  EXPECT_EQ(next.recover(), (Found{{"three", 1}}));
}

TEST_F(JournalTest, FindsWhatWasWrittenAfterACutThatNobodyNoticed) {
  JournalLife life(*this, disk);
  Batch one = life.accept("one", 500), two = life.accept("two", 500);
  disk.bytes->replace(0, journal::file_head_bytes + 100, journal::file_head_bytes + 100, '\0');
  life.kill();
  JournalLife next(*this, disk);
  EXPECT_EQ(next.recover(), (Found{{"two", 1}}));
  EXPECT_EQ(said("damaged or truncated"), 1u);
}

TEST_F(JournalTest, GoesOnWithoutAFileThatWasRemoved) {
  JournalLife life(*this, disk);
  Batch one = life.accept("one");
  disk.bytes.reset();
  loop.freeze(Seconds(1));
  Batch two = life.accept("two"), three = life.accept("three");
  EXPECT_EQ(said("it was removed"), 1u);
  EXPECT_EQ(life.data.journalled, 0u);
  for (Batch* const batch : {&one, &two, &three}) *batch = Batch();
  life->close();
}

TEST_F(JournalTest, LeavesAFileOfAnotherKindAlone) {
  disk.bytes = "a text of somebody else, and long enough that nobody could take it for the beginning of a journal";
  const std::string before = *disk.bytes;
  JournalLife life(*this, disk);
  EXPECT_TRUE(life.recover().empty());
  Batch one = life.accept("one");
  one = Batch();
  life->close();
  EXPECT_EQ(disk.bytes, before);
  EXPECT_EQ(said("a file of another kind"), 1u);
}

TEST_F(JournalTest, SaysOnceThatTheDiskIsFullAndTriesAgainLater) {
  JournalLife life(*this, disk);
  Batch one = life.accept("one", 500);
  disk.file_bytes_max = disk.bytes->size() + 100;
  Batch two = life.accept("two", 500), three = life.accept("three", 500);
  EXPECT_EQ(life.data.journalled, 1u);
  EXPECT_EQ(said("would not survive a kill"), 1u) << whole_log();
  disk.file_bytes_max = UINT64_MAX;
  loop.freeze(limits::journal_retry_after);
  Batch four = life.accept("four", 500);
  life.kill();
  JournalLife next(*this, disk);
  EXPECT_EQ(next.recover(), (Found{{"one", 1}, {"four", 1}}));
}

TEST_F(JournalTest, LeavesAFileAloneThatAnotherProcessHolds) {
  JournalLife first(*this, disk);
  Batch one = first.accept("one");
  {
    JournalLife second(*this, disk);
    EXPECT_TRUE(second.recover().empty());
    Batch two = second.accept("two");
    EXPECT_FALSE(two.ticket());
    EXPECT_EQ(said("another process holds it"), 1u);
    second->close();
  }
  EXPECT_TRUE(disk.bytes);
  Batch three = first.accept("three");
  EXPECT_TRUE(three.ticket());
}

TEST_F(JournalTest, WaitsWithWhatIsThereForMemory) {
  {
    JournalLife life(*this, disk);
    Batch one = life.accept("one", 700'000);
    life.kill();
  }
  const Block much = *pool.allocate(15u << 20);
  JournalLife next(*this, disk);
  ASSERT_TRUE(next->look_for_former_life());
  const auto recovered = next->recover_next(pool);
  ASSERT_FALSE(recovered);
  EXPECT_EQ(recovered.error().code, ErrorCode::memory_full);
  BlockPool room(16u << 20);
  EXPECT_TRUE(next->recover_next(room));
}

TEST_F(JournalTest, GivesUpARecordThatNoMemoryCouldHold) {
  {
    JournalLife life(*this, disk);
    Batch one = life.accept("one", 2u << 20), two = life.accept("two");
    life.kill();
  }
  BlockPool small(1u << 20);
  JournalLife next(*this, disk);
  ASSERT_TRUE(next->look_for_former_life());
  EXPECT_EQ(next->recover_next(small).error().code, ErrorCode::malformed);
  EXPECT_TRUE(next->recover_next(small));
  EXPECT_EQ(next->recover_next(small).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace stint
