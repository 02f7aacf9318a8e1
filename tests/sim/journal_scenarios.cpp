// SPDX-License-Identifier: Apache-2.0
// Scenarios in which data outlives the process that has accepted it: kills and resets with a journal, and what holds
// without one.
#include <gtest/gtest.h>

#include "sim/scenario_steps.h"

namespace stint::sim {
namespace {

// Whatever has happened before: everything that was accepted has arrived.
void expect_all_arrived(World& world) {
  if (world.has_fault()) return;
  EXPECT_EQ(world.ledger().missing(), 0u);
  EXPECT_EQ(world.ledger().confirmed(), world.ledger().made()) << "an export was not taken";
  EXPECT_FALSE(world.disk().bytes) << "a journal is left though all is done";
}

void collector_killed(World& world) {
  initialise(world);
  invoke(world, 1, Seconds(5));
  world.kill_collector();
  world.pass(Seconds(5));
  invoke(world, 2, Seconds(5));
  shut_down(world);
  expect_all_arrived(world);
}

// The back end comes back when the collector that has accepted the data is gone.
void killed_with_data_inside(World& world) {
  initialise(world);
  invoke(world, 2, Seconds(10));
  world.kill_collector();
  world.pass(Seconds(1));
  world.start_back_end();
  invoke(world, 2, Seconds(10));
  shut_down(world);
  expect_all_arrived(world);
  EXPECT_TRUE(world.has_fault() || world.said("recovered from before the start"));
}

void prepare_dead_then_time_out(WorldSettings& settings) {
  prepare_time_out(settings);
  settings.back_end_listens = false;
}

void prepare_dead_then_crash(WorldSettings& settings) {
  prepare_crash(settings);
  settings.back_end_listens = false;
}

// The environment is reset while nothing can be delivered, and lives on.
void reset_with_data_inside(World& world) {
  initialise(world);
  expect_success(world, world.invoke());
  const platform::InvocationOutcome* const failed = world.invoke();
  if (!world.has_fault()) {
    ASSERT_NE(failed, nullptr);
    EXPECT_NE(failed->status, "success");
    EXPECT_GT(world.ledger().missing(), 0u);
  }
  world.start_back_end();
  expect_success(world, world.invoke());
  shut_down(world);
  expect_all_arrived(world);
  EXPECT_TRUE(world.has_fault() || world.said("recovered from before the start"));
}

// Nothing is there to take the rest: it is in the last line, and in the file that ends with the environment.
void reset_and_never_delivered(World& world) {
  initialise(world);
  expect_success(world, world.invoke());
  (void)world.invoke();
  expect_success(world, world.invoke());
  shut_down(world);
  if (world.has_fault()) return;
  EXPECT_EQ(world.ledger().received(), 0u);
  EXPECT_EQ(world.journalled().size(), world.ledger().confirmed());
  EXPECT_EQ(world.collector().data().journalled, world.ledger().confirmed());
}

void prepare_without_journal(WorldSettings& settings) {
  defaults(settings);
  settings.environment = {{"STINT_JOURNAL", "off"}};
  settings.journal_works = false;
}

void prepare_full_disk(WorldSettings& settings) {
  defaults(settings);
  settings.journal_works = false;
}

void without_journal(World& world) {
  initialise(world);
  invoke(world, 2, Seconds(5));
  shut_down(world);
  EXPECT_FALSE(world.disk().bytes);
  expect_all_delivered(world);
}

// No room for a journal, or for one record only: telemetry goes on.
void full_disk(World& world) {
  world.disk().file_bytes_max = journal::file_head_bytes + 200;
  initialise(world);
  invoke(world, 2, Seconds(5));
  world.disk().file_bytes_max = 10;
  invoke(world, 2, Seconds(5));
  shut_down(world);
  expect_all_delivered(world);
}

constexpr Scenario scenarios_of_journal[] = {
    {"CollectorKilled", defaults, collector_killed},
    {"CollectorKilledWithDataInside", prepare_refusing, killed_with_data_inside},
    {"FunctionTimesOutWithADeadBackEnd", prepare_dead_then_time_out, reset_with_data_inside},
    {"FunctionCrashesWithADeadBackEnd", prepare_dead_then_crash, reset_with_data_inside},
    {"ResetAndNeverDelivered", prepare_dead_then_crash, reset_and_never_delivered},
    {"WithoutJournal", prepare_without_journal, without_journal},
    {"FullDisk", prepare_full_disk, full_disk},
};

}  // namespace

std::span<const Scenario> journal_scenarios() { return scenarios_of_journal; }

}  // namespace stint::sim
