// SPDX-License-Identifier: Apache-2.0
// Scenarios of the way to the back end: its name resolves late, never, or not at first; a snapshot is taken while a
// request is under way. Nobody is held for any of this beyond the policy, and nothing is lost.
#include <gtest/gtest.h>

#include "sim/scenario_steps.h"

namespace stint::sim {
namespace {

void by_name(WorldSettings& settings) {
  const std::string address = "10.0.0.9", name = "back-end.example";
  settings.configuration.replace(settings.configuration.find(address), address.size(), name);
}

void prepare_name(WorldSettings& settings) {
  defaults(settings);
  by_name(settings);
}

void late_name(World& world) {
  world.names().delay = Milliseconds(700);
  initialise(world);
  invoke(world, 3, Seconds(5));
  if (!world.has_fault()) EXPECT_EQ(world.ledger().missing(), 0u);
  shut_down(world);
  expect_all_delivered(world);
}

// As a back end that never answers: the first invocation pays a little, the next ones hardly anything. When the name
// server is back everything goes out.
void silent_name_server(World& world) {
  world.names().is_silent = true;
  initialise(world);
  invoke_held_less_each_time(world);
  world.names().is_silent = false;
  invoke(world, 3, Seconds(20));
  shut_down(world);
  expect_all_delivered(world);
}

void unknown_name(World& world) {
  world.names().failures = 3;
  initialise(world);
  for (int i = 0; i < 4; ++i) {
    invoke_held_less(world, Milliseconds(60), "held for a name that nobody knows");
    world.pass(Seconds(10));
  }
  shut_down(world);
  expect_all_delivered(world);
}

void prepare_snapshot_under_way(WorldSettings& settings) {
  defaults(settings);
  settings.platform.mode = platform::Mode::snap_start;
  settings.clock_stops_in_freeze = true;
  settings.function.at_init = {{otlp::Signal::logs, 2}, {otlp::Signal::traces, 3, Milliseconds(300)}};
  settings.platform.function.timeout = Seconds(10);
  settings.function.invocations.front().work = Seconds(2);  // the exporter's time-out passes while something runs
}

// The back end has not answered the init's requests when the snapshot is taken; where it wakes up, a day later, nobody
// will. They have their time-out, which counts the time in which the environment runs, and are sent again then.
void snapshot_under_way(World& world) {
  world.back_end().always.delay = Seconds(2);
  initialise(world);
  world.end_connections(Death::silence);
  world.pass(std::chrono::hours(24));
  world.back_end().always.delay = {};
  invoke_held_less(world, Milliseconds(2040), "held for longer than the policy says");
  invoke(world, 3, Seconds(10));
  shut_down(world);
  expect_all_delivered(world);
}

constexpr Scenario scenarios_of_reach[] = {
    {"NameResolvesLate", prepare_name, late_name},
    {"SilentNameServer", prepare_name, silent_name_server},
    {"UnknownNameAtFirst", prepare_name, unknown_name},
    // The request may have arrived before.
    {"SnapshotWithARequestUnderWay", prepare_snapshot_under_way, snapshot_under_way, true},
};

}  // namespace

std::span<const Scenario> reach_scenarios() { return scenarios_of_reach; }

}  // namespace stint::sim
