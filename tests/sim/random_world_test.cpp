// SPDX-License-Identifier: Apache-2.0
// Worlds drawn from seeds: short reads and writes, resets, freezes and pauses between any two turns, connections that
// are dead after the thaw, slow, busy, broken and hanging back ends, kills at any point with a restart on the same
// disk. Guaranteed in each: what world_checks.cpp says, and that nothing is left on the heap. STINT_SIM_SEED=N plays
// that one alone, N-M all of these; STINT_TEST_FULL=1 plays 1,000 instead of 50.
#include <gtest/gtest.h>

#include <charconv>
#include <cstring>

#include "sim/random_world.h"
#include "sim/sweep.h"

namespace stint::sim {
namespace {

constexpr std::uint64_t seeds = 50, seeds_in_full = 1000;

struct Seeds {
  std::uint64_t first = 1;
  std::uint64_t last = in_full() ? seeds_in_full : seeds;
};

Seeds chosen_seeds() {
  const char* const text = std::getenv("STINT_SIM_SEED");
  Seeds chosen;
  if (text == nullptr) return chosen;
  const char* const end = text + std::strlen(text);
  const auto first = std::from_chars(text, end, chosen.first);
  EXPECT_EQ(first.ec, std::errc()) << "STINT_SIM_SEED: " << text;
  chosen.last = chosen.first;
  if (first.ptr != end) (void)std::from_chars(first.ptr + 1, end, chosen.last);
  return chosen;
}

std::string last_of(const std::string& story) {
  constexpr std::size_t told_max = 20'000;
  return story.substr(story.size() - std::min(story.size(), told_max));
}

void play_and_tell(std::uint64_t seed) {
  const RandomPlay played = play_random(seed);
  if (!testing::Test::HasFailure()) return;
  ADD_FAILURE() << "this world again: STINT_SIM_SEED=" << seed << " unit-sim --gtest_filter='RandomWorld.*Seed*'\n"
                << played.description << last_of(played.story);
}

TEST(RandomWorld, HoldsWithEverySeed) {
  const auto [first, last] = chosen_seeds();
  for (std::uint64_t seed = first; seed <= last && !HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    bool failed = false;
    const bool left = leaves_something_behind([&] {
      if (failed) return;
      play_and_tell(seed);
      failed = HasFailure();
    });
    EXPECT_TRUE(failed || !left) << "something is left on the heap each time";
  }
}

TEST(RandomWorld, IsTheSameTwiceWithOneSeed) {
  for (const std::uint64_t seed : {3u, 14u, 15u, 92u}) {
    const RandomPlay first = play_random(seed), second = play_random(seed);
    EXPECT_EQ(first.calls, second.calls);
    EXPECT_EQ(first.story, second.story) << "seed " << seed;
  }
}

// That the seeds bring about what they are for.
TEST(RandomWorld, HasEverythingThatCanHappenInSomeSeed) {
  std::size_t again = 0, unconfirmed = 0, lost_at_the_end = 0;
  std::string stories;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const RandomPlay played = play_random(seed);
    again += played.collectors > 1 ? 1 : 0;
    unconfirmed += played.confirmed < played.made ? 1 : 0;
    lost_at_the_end += played.received < played.confirmed ? 1 : 0;
    stories += played.story;
  }
  EXPECT_GE(again, seeds / 10);
  EXPECT_GE(unconfirmed, seeds / 20);
  EXPECT_GE(lost_at_the_end, seeds / 20);
  for (const char* const text : {"collector: is killed", "recovered from before the start", "permanent",
                                 "environment_end", "nothing in the sandbox runs", "timeout", "will be tried again"}) {
    EXPECT_NE(stories.find(text), stories.npos) << text;
  }
}

}  // namespace
}  // namespace stint::sim
