// SPDX-License-Identifier: Apache-2.0
// What the official library wrote, counted by the walk and repaired byte for byte as the official library would.
#include "otlp/golden.h"
#include "otlp/repair.h"

namespace stint::otlp {
namespace {

TEST(GoldenRequests, HoldWhatTheOfficialLibraryPutThere) {
  for (const Golden& golden_request : all_golden()) {
    const auto counts = walk(golden_request.signal, golden(golden_request.name));
    ASSERT_TRUE(counts) << golden_request.name << ": " << describe(counts.error());
    EXPECT_EQ(*counts, golden_request.counts) << golden_request.name;
  }
}

TEST(GoldenRequests, AreRepairedToTheOfficialLibrarysBytes) {
  int repairs = 0;
  for (const Golden& golden_request : all_golden()) {
    if (golden_request.counts.invalid_utf8 == 0) continue;
    World world;
    const auto repaired = repair(golden_request.signal, world.slice(golden(golden_request.name)), world.arena);
    ASSERT_TRUE(repaired);
    EXPECT_EQ(repaired->strings, golden_request.counts.invalid_utf8) << golden_request.name;
    EXPECT_TRUE(bytes_of(repaired->slices) == golden(golden_request.name + "-repaired")) << golden_request.name;
    ++repairs;
  }
  EXPECT_EQ(repairs, 4);
}

TEST(GoldenRequests, AreNotReadAsAnotherSignalUnlessTheyFit) {
  EXPECT_FALSE(walk(Signal::metrics, golden("traces-full")));
  EXPECT_FALSE(walk(Signal::logs, golden("traces-full")));
  EXPECT_FALSE(walk(Signal::traces, golden("metrics-full")));
}

}  // namespace
}  // namespace stint::otlp
