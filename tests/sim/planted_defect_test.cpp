// SPDX-License-Identifier: Apache-2.0
// The worlds' own eyes: for each thing that must hold in every world there is a defect planted here, which has to be
// told.
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include "sim/scenario_steps.h"
#include "sim/sweep.h"

namespace stint::sim {
namespace {

class PlantedDefectTest : public testing::Test {
 protected:
  void SetUp() override { defaults(settings); }

  /// Plays some invocations; what was told.
  std::string played() {
    testing::TestPartResultArray results;
    {
      const testing::ScopedFakeTestPartResultReporter reporter(
          testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &results);
      World world(settings);
      if (prepare) prepare(world);
      (void)world.initialise();
      for (int i = 0; i < invocations; ++i) {
        (void)world.invoke();
        if (afterwards) afterwards(world);
        world.pass(Seconds(3));
      }
      (void)world.shut_down();
      world.finish();
    }
    std::string told;
    for (int i = 0; i < results.size(); ++i) told.append(results.GetTestPartResult(i).message()).append("\n");
    return told;
  }

  void expect_told(std::string_view what) {
    const std::string told = played();
    EXPECT_NE(told.find(what), told.npos) << "told was: " << told;
  }

  WorldSettings settings;
  std::function<void(World&)> prepare;
  std::function<void(World&)> afterwards;  // after each invocation
  int invocations = 2;
};

TEST_F(PlantedDefectTest, NothingIsToldWithoutADefect) { EXPECT_EQ(played(), ""); }

TEST_F(PlantedDefectTest, ItemsThatAreNowhere) {
  prepare = [](World& world) { world.back_end().loses = true; };
  expect_told("accepted, not delivered and not in the journal");
  expect_told("items are lost without being counted");
  expect_told("counted as delivered and never received");
}

TEST_F(PlantedDefectTest, ItemsThatNobodyMade) {
  prepare = [](World& world) { world.ledger().receive({1'000'000}); };
  expect_told("the back end was sent what nobody made");
}

TEST_F(PlantedDefectTest, AJournalThatForgets) {
  // Killed with data inside; the disk has lost it.
  settings.back_end_listens = false;
  afterwards = [](World& world) {
    world.kill_collector();
    world.disk().bytes.reset();
  };
  expect_told("accepted, not delivered and not in the journal");
}

TEST_F(PlantedDefectTest, AnInvocationThatIsHeldLongerThanItsPolicyAllows) {
  // As `end` does it, where nobody is told an invocation's end, so that none may be held.
  prepare = [](World& world) { world.expect_held_at_most(Milliseconds(10)); };
  expect_told("was held past what its policy allows");
}

TEST_F(PlantedDefectTest, AnEnvironmentThatDoesNotEndInTime) {
  settings.defect = Defect::stands_still_at_the_end;
  expect_told("the collector was not done in time");
}

TEST_F(PlantedDefectTest, MemoryBeyondItsLimit) {
  settings.memory_bytes_max = 1u << 20;
  settings.defect = Defect::takes_more_memory;
  settings.function.invocations = {with_exports(std::vector<Export>(60, {otlp::Signal::metrics, 200}))};
  prepare = [](World& world) { world.back_end().always.delay = std::chrono::hours(1); };
  invocations = 4;
  expect_told("memory for data went beyond its limit");
}

TEST_F(PlantedDefectTest, ABlockThatDoesNotComeBack) {
  settings.defect = Defect::keeps_a_block;
  expect_told("the collector left blocks behind");
}

TEST_F(PlantedDefectTest, ASocketThatStaysOpen) {
  settings.defect = Defect::keeps_a_socket;
  expect_told("the collector left sockets open");
}

Task<> never_begun() { co_return; }

TEST_F(PlantedDefectTest, AFrameThatIsNotGivenBack) {
  if (!heap_is_counted) GTEST_SKIP() << "the heap is counted in builds with the address sanitizer only";
  EXPECT_FALSE(leaves_something_behind([this] { (void)played(); }));
  std::vector<Task<>> frames;
  frames.reserve(8);
  EXPECT_TRUE(leaves_something_behind([&] {
    (void)played();
    frames.push_back(never_begun());
  }));
}

}  // namespace
}  // namespace stint::sim
