// SPDX-License-Identifier: Apache-2.0
#include "sim/scenario_steps.h"

#include <gtest/gtest.h>

namespace stint::sim {
namespace {

constexpr std::string_view configuration = R"(
receivers:
  otlp:
    protocols:
      http:
        endpoint: localhost:4318
processors:
  batch:
  decouple:
exporters:
  otlphttp:
    endpoint: http://10.0.0.9:4318
    timeout: 5s
    retry_on_failure: {initial_interval: 1s, max_interval: 5s}
service:
  pipelines:
    traces: {receivers: [otlp], processors: [batch, decouple], exporters: [otlphttp]}
    metrics: {receivers: [otlp], processors: [batch, decouple], exporters: [otlphttp]}
    logs: {receivers: [otlp], processors: [batch, decouple], exporters: [otlphttp]}
)";

}  // namespace

Invoked with_exports(std::vector<Export> exports) {
  Invoked invoked;
  invoked.exports = std::move(exports);
  return invoked;
}

void defaults(WorldSettings& settings) {
  settings.configuration = configuration;
  settings.function.at_init = {{otlp::Signal::logs, 2}};
  settings.function.invocations = {
      with_exports({{otlp::Signal::traces, 5}, {otlp::Signal::logs, 3, Milliseconds(2)}, {otlp::Signal::metrics, 4}})};
}

void expect_success(World& world, const platform::InvocationOutcome* outcome) {
  if (world.has_fault()) return;
  ASSERT_NE(outcome, nullptr) << "the invocation does not end";
  EXPECT_EQ(outcome->status, "success");
}

void initialise(World& world) {
  const bool initialised = world.initialise();
  EXPECT_TRUE(initialised || world.has_fault()) << "init does not end";
}

void invoke(World& world, std::size_t count, Nanoseconds pause) {
  for (std::size_t i = 0; i < count; ++i) {
    expect_success(world, world.invoke());
    world.pass(pause);
  }
}

void invoke_held_less(World& world, Nanoseconds bound, std::string_view wrong) {
  const platform::InvocationOutcome* const outcome = world.invoke();
  expect_success(world, outcome);
  if (outcome == nullptr || world.has_fault()) return;
  EXPECT_LT(outcome->extension_overhead, bound) << wrong;
}

void invoke_held_less_each_time(World& world) {
  for (const Nanoseconds bound : {Milliseconds(2040), Milliseconds(290), Milliseconds(80), Milliseconds(45)}) {
    invoke_held_less(world, bound, "held for what never answers");
    world.pass(Seconds(20));
  }
}

void shut_down(World& world) {
  const bool ended = world.shut_down();
  EXPECT_TRUE(ended) << "the environment does not end";
}

// With a back end that answers. In the world's time, so no test of speed.
void shut_down_at_once(World& world) {
  const MonotonicTime start = world.network().now();
  shut_down(world);
  EXPECT_TRUE(world.has_fault() || world.network().now() - start < Milliseconds(50)) << "the end waits for something";
}

void expect_nothing_lost(World& world) {
  if (world.has_fault()) return;
  EXPECT_EQ(world.dropped(), 0u);
  EXPECT_EQ(world.ledger().missing(), 0u);
}

void expect_all_delivered(World& world) {
  expect_nothing_lost(world);
  if (world.has_fault()) return;
  EXPECT_EQ(world.ledger().confirmed(), world.ledger().made()) << "an export was not taken";
}

void expect_all_dropped(World& world) {
  if (world.has_fault()) return;
  EXPECT_EQ(world.dropped(), world.ledger().confirmed());
}

void prepare_time_out(WorldSettings& settings) {
  defaults(settings);
  Invoked hanging = settings.function.invocations.front();
  hanging.hangs = true;
  settings.function.invocations = {settings.function.invocations.front(), hanging,
                                   settings.function.invocations.front()};
}

void prepare_crash(WorldSettings& settings) {
  prepare_time_out(settings);
  settings.function.invocations[1].hangs = false;
  settings.function.invocations[1].exits = true;
}

void prepare_refusing(WorldSettings& settings) {
  defaults(settings);
  settings.back_end_listens = false;
}

}  // namespace stint::sim
