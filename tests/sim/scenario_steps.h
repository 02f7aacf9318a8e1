// SPDX-License-Identifier: Apache-2.0
// What the scenarios have in common: how their worlds are prepared, and the steps that they are made of. A step expects
// its outcome only where the world has no fault.
#pragma once

#include <span>
#include <string_view>

#include "sim/scenarios.h"

namespace stint::sim {

Invoked with_exports(std::vector<Export> exports);
void defaults(WorldSettings& settings);
void expect_success(World& world, const platform::InvocationOutcome* outcome);
void initialise(World& world);
void invoke(World& world, std::size_t count, Nanoseconds pause);
/// One invocation that succeeds and is held by the extension for less than `bound`; `wrong` says what it means if not.
void invoke_held_less(World& world, Nanoseconds bound, std::string_view wrong);
/// Four of them before something that never answers: patience with it ends.
void invoke_held_less_each_time(World& world);
void shut_down(World& world);
void shut_down_at_once(World& world);
/// Nothing that was accepted is missing or dropped.
void expect_nothing_lost(World& world);
/// Nothing is lost, and every export was accepted.
void expect_all_delivered(World& world);
/// What was accepted could not be delivered: it was dropped at the end, and counted.
void expect_all_dropped(World& world);
void prepare_time_out(WorldSettings& settings);
void prepare_crash(WorldSettings& settings);
void prepare_refusing(WorldSettings& settings);

/// Those of data that survives its process.
std::span<const Scenario> journal_scenarios();
/// Those of the end: of an invocation, told otherwise than by the platform, and of the environment.
std::span<const Scenario> end_scenarios();
/// Those of the way to the back end.
std::span<const Scenario> reach_scenarios();

}  // namespace stint::sim
