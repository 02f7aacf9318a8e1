// SPDX-License-Identifier: Apache-2.0
// Scenarios of the end: of an invocation, told by the SDK's span before the platform tells it; and of the environment.
#include <gtest/gtest.h>

#include "sim/scenario_steps.h"

namespace stint::sim {
namespace {

void prepare_end_by_span(WorldSettings& settings) {
  defaults(settings);
  settings.environment = {{"STINT_END_BY_SPAN", "3ms"}};
  Export span{otlp::Signal::traces, 4};
  span.tells_end = true;
  settings.function.invocations = {
      with_exports({{otlp::Signal::logs, 2}, span, {otlp::Signal::metrics, 3, Milliseconds(1)}})};
}

// The platform tells the function's end after up to 25 ms, the function's span at once.
void end_by_span(World& world) {
  initialise(world);
  Nanoseconds overhead{};
  for (int i = 0; i < 4; ++i) {
    const platform::InvocationOutcome* const outcome = world.invoke();
    expect_success(world, outcome);
    if (!world.has_fault()) {
      overhead = std::max(overhead, outcome->extension_overhead);
      EXPECT_EQ(world.ledger().missing(), 0u) << "held back over the freeze, though the policy is `end`";
    }
    world.end_connections(Death::reset);
    world.pass(Seconds(300));
  }
  EXPECT_LT(overhead, Milliseconds(15)) << "held until the platform has told the end";
  shut_down_at_once(world);
  expect_all_delivered(world);
}

void prepare_data_after_span(WorldSettings& settings) {
  prepare_end_by_span(settings);
  settings.function.invocations.front().exports.push_back({otlp::Signal::traces, 5, Milliseconds(40)});
}

// A function that goes on after its span: what it sends late is late, and not lost.
void data_after_span(World& world) {
  initialise(world);
  invoke(world, 3, Seconds(300));
  shut_down(world);
  expect_all_delivered(world);
}

void prepare_termination(WorldSettings& settings) {
  defaults(settings);
  settings.platform.function.timeout = Seconds(10);
  settings.function.invocations = {
      with_exports({{otlp::Signal::traces, 4}, {otlp::Signal::logs, 2, Milliseconds(60)}})};
}

// In the middle of an invocation: all that is there goes out, and the environment starts anew.
void terminated(World& world) {
  initialise(world);
  expect_success(world, world.invoke());
  world.terminate_collector(Milliseconds(30));
  (void)world.invoke();
  EXPECT_TRUE(world.has_fault() || world.said("ended: SIGTERM"));
  invoke(world, 1, Seconds(1));
  shut_down(world);
  expect_nothing_lost(world);
}

// It waits in the frozen process until the thaw.
void terminated_while_frozen(World& world) {
  initialise(world);
  world.terminate_collector(Seconds(1));
  world.pass(Seconds(20));
  (void)world.invoke();
  invoke(world, 1, Seconds(1));
  shut_down(world);
  expect_nothing_lost(world);
}

// A back end that hangs has all of the time that an end has, unless it is asked for a second time.
void terminated_twice(World& world) {
  world.back_end().always.delay = std::chrono::hours(1);
  initialise(world);
  const MonotonicTime began = world.network().now();
  world.terminate_collector(Milliseconds(30));
  world.terminate_collector(Milliseconds(130));
  (void)world.invoke();
  if (!world.has_fault()) {
    EXPECT_TRUE(world.said("ended: SIGTERM"));
    EXPECT_LT(world.network().now() - began, Milliseconds(900)) << "the second signal was not heard";
    EXPECT_GT(world.dropped(), 0u);
    EXPECT_EQ(world.journalled().size(), world.dropped());
  }
  world.back_end().always.delay = {};
  invoke(world, 1, Seconds(1));
  shut_down(world);
  if (world.has_fault()) return;
  EXPECT_EQ(world.ledger().missing(), 0u) << "the journal has not kept it";
}

// What an invocation has left for later is tried until the back end has time, not once.
void busy_at_the_end(World& world) {
  initialise(world);
  world.back_end().reactions.assign(6, Reaction{Reaction::Kind::answer, 503, {}, {}});
  invoke(world, 1, Seconds(1));
  shut_down(world);
  expect_all_delivered(world);
}

constexpr Scenario scenarios_of_end[] = {
    {"EndByTheSpan", prepare_end_by_span, end_by_span},
    {"DataAfterTheSpanThatEnds", prepare_data_after_span, data_after_span},
    {"TerminatedInAnInvocation", prepare_termination, terminated},
    {"TerminatedWhileFrozen", prepare_termination, terminated_while_frozen},
    {"TerminatedTwice", prepare_termination, terminated_twice, true},  // what the first life has sent may arrive
    {"BackEndIsBusyAtTheEnd", defaults, busy_at_the_end},
};

}  // namespace

std::span<const Scenario> end_scenarios() { return scenarios_of_end; }

}  // namespace stint::sim
