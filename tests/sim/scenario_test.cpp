// SPDX-License-Identifier: Apache-2.0
// Every scenario in worlds of several seeds, and with operation 0, 1, 2, ... of the collector failed in turn.
// Guaranteed: every accepted item is delivered or counted as dropped, nothing is held past its deadline, nothing is
// left behind. STINT_TEST_FULL=1 takes more seeds and operations.
#include <gtest/gtest.h>

#include "sim/scenarios.h"
#include "sim/sweep.h"

namespace stint::sim {
namespace {

// How far apart the failing operations of one scenario are. In the full tier each one fails, but for the scenarios with
// dozens of invocations, which repeat themselves.
std::uint64_t stride_of(std::uint64_t calls) {
  if (in_full() && calls <= 1000) return 1;
  return 1 + calls / 100;
}

std::uint64_t last_seed() { return in_full() ? 300 : 12; }

class ScenarioTest : public testing::TestWithParam<Scenario> {
 protected:
  // The first failing world is told whole; more of the same would hide it.
  static bool tell(const Played& played) {
    if (!testing::Test::HasFailure()) return false;
    constexpr std::size_t told_max = 12'000;
    const std::size_t from = played.story.size() > told_max ? played.story.size() - told_max : 0;
    ADD_FAILURE() << "hit: " << played.hit << "\n" << played.story.substr(from);
    return true;
  }
};

TEST_P(ScenarioTest, HoldsInEveryWorld) {
  for (std::uint64_t seed = 1; seed <= last_seed(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    if (tell(play(GetParam(), seed))) return;
  }
}

TEST_P(ScenarioTest, IsTheSameTwiceWithOneSeed) {
  const Played first = play(GetParam(), 7);
  const Played second = play(GetParam(), 7);
  EXPECT_EQ(first.calls, second.calls);
  EXPECT_EQ(first.story, second.story);
}

TEST_P(ScenarioTest, HoldsWhateverOperationFails) {
  constexpr Fault::Kind kinds[] = {Fault::Kind::error, Fault::Kind::reset, Fault::Kind::kill};
  std::uint64_t worlds = 0, hits = 0;
  for (std::uint64_t seed = 1; seed <= (in_full() ? 3 : 1); ++seed) {
    const std::uint64_t calls = play(GetParam(), seed).calls;
    const std::uint64_t stride = stride_of(calls);
    for (std::uint64_t call = 0; call < calls; call += stride) {
      // Of a few calls every one fails in every way, else the ways take turns.
      for (std::size_t k = 0; k < std::size(kinds); ++k) {
        const std::uint64_t at = std::min(calls - 1, call + k * stride / std::size(kinds));
        SCOPED_TRACE(testing::Message() << "seed " << seed << ", call " << at << " of " << calls << ", kind " << k);
        const Played played = play(GetParam(), seed, Fault{at, kinds[k]});
        ++worlds;
        hits += played.hit.empty() ? 0 : 1;
        if (tell(played)) return;
      }
    }
  }
  EXPECT_EQ(hits, worlds) << "a fault was planted and did not happen";
}

INSTANTIATE_TEST_SUITE_P(All, ScenarioTest, testing::ValuesIn(scenarios().begin(), scenarios().end()),
                         [](const auto& scenario) { return std::string(scenario.param.name); });

}  // namespace
}  // namespace stint::sim
