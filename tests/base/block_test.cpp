// SPDX-License-Identifier: Apache-2.0
// Blocks: limits, reuse, growth without a copy, and who owns what.
#include "base/block.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "base/arena.h"

namespace stint {
namespace {

TEST(BlockPool, AllocatesWhatFitsAndRefusesWhatDoesNot) {
  BlockPool pool(64u << 10);
  Result<Block> first = pool.allocate(10'000);
  ASSERT_TRUE(first);
  EXPECT_GE(first->capacity(), 10'000u);
  EXPECT_EQ(pool.bytes_in_use(), 16u << 10);
  Result<Block> too_large = pool.allocate(60'000);
  ASSERT_FALSE(too_large);
  EXPECT_EQ(too_large.error().code, ErrorCode::memory_full);
  first->reset();
  EXPECT_EQ(pool.bytes_in_use(), 0u);
  EXPECT_TRUE(pool.allocate(60'000));
}

TEST(BlockPool, RefusesASizeThatOverflows) {
  BlockPool pool(1u << 20);
  EXPECT_FALSE(pool.allocate(SIZE_MAX));
  EXPECT_FALSE(pool.allocate(SIZE_MAX - 64));
  EXPECT_EQ(pool.bytes_in_use(), 0u);
}

TEST(BlockPool, GivesTheSamePagesAgainAfterRelease) {
  BlockPool pool(1u << 20);
  char* first = nullptr;
  {
    Result<Block> block = pool.allocate(100);
    first = block->data();
  }
  Result<Block> again = pool.allocate(100);
  EXPECT_EQ(again->data(), first);
}

TEST(BlockPool, GivesALargeBlockAgainForNearlyTheSameSizeOnly) {
  BlockPool pool(16u << 20);
  char* first = nullptr;
  {
    Result<Block> block = pool.allocate(2'200'000);
    first = block->data();
  }
  const std::size_t kept = pool.bytes_retained();
  EXPECT_GT(kept, 2'200'000u);
  {
    const Result<Block> larger = pool.allocate(2'300'000);
    const Result<Block> much_smaller = pool.allocate(1'200'000);
    EXPECT_EQ(pool.bytes_retained(), kept);
    EXPECT_NE(larger->data(), first);
    EXPECT_NE(much_smaller->data(), first);
  }
  BlockPool other(16u << 20);
  {
    Result<Block> block = other.allocate(2'200'000);
    first = block->data();
  }
  Result<Block> again = other.allocate(2'100'000);
  EXPECT_EQ(again->data(), first);
  EXPECT_EQ(other.bytes_in_use(), kept);
  EXPECT_EQ(other.bytes_retained(), 0u);
}

TEST(BlockPool, GivesKeptPagesBackBeforeItHoldsMoreThanItsLimit) {
  constexpr std::size_t limit = 2u << 20;
  BlockPool pool(limit, 0, limit);
  const auto release_all = [&pool] {
    std::vector<Block> blocks;
    while (Result<Block> block = pool.allocate(100'000)) blocks.push_back(std::move(*block));
  };
  release_all();
  EXPECT_EQ(pool.bytes_retained(), limit);
  Block small = *pool.allocate(1000);
  EXPECT_LE(pool.bytes_in_use() + pool.bytes_retained(), limit);
  EXPECT_GT(pool.bytes_retained(), limit / 2);
  ASSERT_TRUE(small.grow(1u << 20));
  EXPECT_LE(pool.bytes_in_use() + pool.bytes_retained(), limit);
}

TEST(Block, GrowsWithItsContentAndCountsItsNewSize) {
  BlockPool pool(4u << 20);
  Block block = *pool.allocate(1000);
  std::memset(block.data(), 'x', 1000);
  ASSERT_TRUE(block.grow(3u << 20));
  EXPECT_GE(block.capacity(), 3u << 20);
  EXPECT_EQ(std::string_view(block.data(), 1000), std::string(1000, 'x'));
  block.data()[block.capacity() - 1] = 'y';
  EXPECT_GE(pool.bytes_in_use(), 3u << 20);
  EXPECT_FALSE(block.grow(5u << 20));
  EXPECT_EQ(std::string_view(block.data(), 1000), std::string(1000, 'x'));
  block.reset();
  EXPECT_EQ(pool.bytes_in_use(), 0u);
}

TEST(BlockPool, LetsOneLargeBlockAtATimeGoBeyondTheLimit) {
  BlockPool pool(4u << 20, 20u << 20);
  Result<Block> small = pool.allocate(1u << 20);
  ASSERT_TRUE(small);
  Result<Block> large = pool.allocate(20u << 20);
  ASSERT_TRUE(large);
  EXPECT_GE(pool.bytes_in_use(), 21u << 20);
  EXPECT_FALSE(pool.allocate(5u << 20)) << "a second one";
  EXPECT_TRUE(pool.allocate(1u << 20)) << "small ones have their own account";
  large->reset();
  Block growing = *pool.allocate(3u << 20);
  EXPECT_TRUE(growing.grow(12u << 20)) << "moves from the common account to that of the large one";
  EXPECT_FALSE(growing.grow(22u << 20));
  EXPECT_FALSE(pool.allocate(5u << 20));
  growing.reset();
  small->reset();
  EXPECT_EQ(pool.bytes_in_use(), 0u);
}

TEST(Slice, KeepsItsBlockAliveAfterTheFirstOwnerEnds) {
  BlockPool pool(1u << 20);
  Slice part;
  {
    Block block = *pool.allocate(100);
    std::memcpy(block.data(), "hello world", 11);
    const Slice whole(block.share(), std::string_view(block.data(), 11));
    part = whole.part(whole.view().substr(6));
  }
  EXPECT_EQ(part.view(), "world");
  EXPECT_EQ(pool.blocks_in_use(), 1u);
  part = Slice();
  EXPECT_EQ(pool.blocks_in_use(), 0u);
}

TEST(Arena, GathersSeveralSlicesOnceAndASingleOneNever) {
  BlockPool pool(1u << 20);
  CopyCounters counters;
  Arena arena(pool, counters);
  std::vector<Slice> slices;
  slices.push_back(*arena.copy("abc"));
  Result<Slice> same = arena.gather(slices);
  EXPECT_EQ(same->view().data(), slices[0].view().data());
  EXPECT_EQ(counters.gathers, 0u);
  slices.push_back(*arena.copy("de"));
  Result<Slice> both = arena.gather(slices);
  EXPECT_EQ(both->view(), "abcde");
  EXPECT_EQ(counters.gathers, 1u);
  EXPECT_EQ(counters.gather_bytes, 5u);
  EXPECT_EQ(counters.copy_bytes, 5u);
}

}  // namespace
}  // namespace stint
