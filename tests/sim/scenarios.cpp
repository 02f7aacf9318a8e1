// SPDX-License-Identifier: Apache-2.0
#include "sim/scenarios.h"

#include <gtest/gtest.h>

#include "sim/scenario_steps.h"

namespace stint::sim {
namespace {

using Kind = Reaction::Kind;

// Without `decouple` and `batch` the sender waits for the back end.
constexpr std::string_view direct_configuration = R"(
receivers: {otlp: {protocols: {http: {endpoint: "localhost:4318"}}}}
exporters: {otlphttp: {endpoint: "http://10.0.0.9:4318", timeout: 5s, compression: none}}
service: {pipelines: {traces: {receivers: [otlp], exporters: [otlphttp]}}}
)";

void init_only(World& world) {
  initialise(world);
  EXPECT_TRUE(world.is_frozen() || world.has_fault());
  shut_down_at_once(world);
  expect_all_delivered(world);
}

void three_invocations(World& world) {
  initialise(world);
  for (const Death death : {Death::end, Death::reset, Death::reset_on_send}) {
    // The platform tells the function's end after 25 ms at the latest.
    invoke_held_less(world, Milliseconds(40), "held for longer than it takes");
    if (!world.has_fault()) {
      EXPECT_EQ(world.ledger().missing(), 0u) << "held back over the freeze, though the policy is `end`";
    }
    world.end_connections(death);
    world.pass(Seconds(300));
  }
  expect_success(world, world.invoke());
  shut_down_at_once(world);
  expect_all_delivered(world);
}

void prepare_no_telemetry(WorldSettings& settings) {
  defaults(settings);
  settings.platform.telemetry = platform::TelemetrySupport::not_supported;
  settings.clock_stops_in_freeze = true;
}

void no_telemetry(World& world) {
  initialise(world);
  invoke(world, 2, Seconds(40));
  expect_success(world, world.invoke());
  world.end_connections(Death::end);
  world.pass(Seconds(40));
  shut_down(world);
  expect_all_delivered(world);
}

void prepare_data_inside(WorldSettings& settings) {
  prepare_no_telemetry(settings);
  settings.platform.telemetry = platform::TelemetrySupport::not_found;
  settings.environment = {{"STINT_FLUSH", "end"}};
}

// The last invocation's data is still inside when the environment is told to end.
void data_inside(World& world) {
  initialise(world);
  invoke(world, 1, Nanoseconds::zero());
  if (!world.has_fault()) {
    EXPECT_GT(world.ledger().missing(), 0u) << "nothing was left to be sent at the end";
  }
  shut_down_at_once(world);
  expect_all_delivered(world);
}

void slow_back_end(World& world) {
  world.back_end().always.delay = Milliseconds(700);
  initialise(world);
  invoke(world, 3, Seconds(5));
  shut_down(world);
  expect_all_delivered(world);
}

// Called every second, each time for less than the back end takes to answer.
void busy_function(World& world) {
  world.back_end().always.delay = Milliseconds(40);
  initialise(world);
  std::size_t held = 0;
  for (int i = 0; i < 35; ++i) {
    const platform::InvocationOutcome* const outcome = world.invoke();
    expect_success(world, outcome);
    if (!world.has_fault() && i >= 20) held += outcome->extension_overhead > Milliseconds(5) ? 1u : 0u;
    world.pass(Seconds(1));
  }
  EXPECT_EQ(held, 0u) << "a busy function was held";
  shut_down(world);
  expect_all_delivered(world);
}

void prepare_piling_up(WorldSettings& settings) {
  defaults(settings);
  settings.memory_bytes_max = 1u << 20;
  // Each in a block of 16 KiB.
  settings.function.invocations = {with_exports(std::vector<Export>(10, {otlp::Signal::metrics, 1}))};
}

// The same with more data than the back end answers for in the meantime: the senders would be refused if nothing were
// ever held.
void piling_up(World& world) {
  world.back_end().always.delay = Milliseconds(1200);
  initialise(world);
  invoke(world, 35, Seconds(1));
  shut_down(world);
  expect_all_delivered(world);
}

void prepare_hanging(WorldSettings& settings) {
  defaults(settings);
  settings.platform.function.timeout = Seconds(4);
}

// Never answers: the function must not pay for it with a time-out, and soon with hardly anything.
void hanging_back_end(World& world) {
  world.back_end().always.delay = std::chrono::hours(1);
  initialise(world);
  invoke_held_less_each_time(world);
  shut_down(world);
  if (!world.has_fault()) {
    EXPECT_EQ(world.ledger().received(), 0u);
    EXPECT_EQ(world.dropped(), world.ledger().confirmed());
  }
}

void resetting_back_end(World& world) {
  world.back_end().reactions = {{Kind::reset}, {Kind::end_without_answer}, {Kind::reset, 200, Milliseconds(50)}};
  initialise(world);
  invoke(world, 4, Seconds(8));
  shut_down(world);
  expect_all_delivered(world);
}

void taking_back_end(World& world) {
  world.back_end().reactions = {{}, {Kind::take_and_reset}, {}, {Kind::take_and_reset}};
  initialise(world);
  invoke(world, 4, Seconds(8));
  shut_down(world);
  expect_all_delivered(world);
}

void unavailable_back_end(World& world) {
  const Reaction busy{Kind::answer, 503, {}, "2"};
  const Reaction too_many{Kind::answer, 429, Milliseconds(100), {}};
  world.back_end().reactions = {busy, busy, too_many, busy, too_many};
  initialise(world);
  invoke(world, 5, Seconds(6));
  shut_down(world);
  expect_all_delivered(world);
}

void prepare_batch_only(WorldSettings& settings) {
  prepare_hanging(settings);
  std::string& text = settings.configuration;
  for (std::size_t at; (at = text.find("[batch, decouple]")) != text.npos;) text.replace(at, 17, "[batch]");
}

// What the second invocation brings waits in `batch`, for the first's request never ends.
void batch_only(World& world) {
  world.back_end().always.delay = std::chrono::hours(1);
  initialise(world);
  expect_success(world, world.invoke());
  expect_success(world, world.invoke());
  shut_down(world);
  expect_all_dropped(world);
}

void refusing_back_end(World& world) {
  initialise(world);
  invoke(world, 2, Seconds(10));
  world.start_back_end();
  invoke(world, 2, Seconds(10));
  shut_down(world);
  expect_all_delivered(world);
}

void absent_back_end(World& world) {
  initialise(world);
  invoke(world, 2, Seconds(10));
  shut_down(world);
  expect_all_dropped(world);
}

void black_hole(World& world) {
  world.network().set_route(BackEndProcess::address(), Route::black_hole);
  initialise(world);
  invoke(world, 2, Seconds(10));
  shut_down(world);
  expect_all_dropped(world);
}

void rejecting_back_end(World& world) {
  world.back_end().always.status = 400;
  initialise(world);
  invoke(world, 2, Seconds(10));
  shut_down(world);
  if (!world.has_fault()) {
    EXPECT_EQ(world.dropped(), world.ledger().confirmed());
    EXPECT_TRUE(world.said("permanent"));
  }
}

void function_times_out(World& world) {
  initialise(world);
  expect_success(world, world.invoke());
  const platform::InvocationOutcome* const hung = world.invoke();
  if (!world.has_fault()) {
    ASSERT_NE(hung, nullptr);
    EXPECT_EQ(hung->status, "timeout");
    EXPECT_EQ(world.ledger().missing(), 0u) << "the reset has a SHUTDOWN, too: nothing is lost";
  }
  expect_success(world, world.invoke());
  shut_down(world);
  expect_all_delivered(world);
}

void function_crashes(World& world) {
  initialise(world);
  expect_success(world, world.invoke());
  const platform::InvocationOutcome* const crashed = world.invoke();
  if (!world.has_fault()) {
    ASSERT_NE(crashed, nullptr);
    EXPECT_EQ(crashed->status, "error");
  }
  expect_success(world, world.invoke());
  shut_down(world);
  expect_all_delivered(world);
}

void prepare_beside(WorldSettings& settings) {
  defaults(settings);
  settings.function.invocations = {with_exports({{otlp::Signal::traces, 40},
                                                 {otlp::Signal::logs, 400, Milliseconds(1), true},
                                                 {otlp::Signal::metrics, 30, Nanoseconds::zero(), true},
                                                 {otlp::Signal::traces, 700, Nanoseconds::zero(), true}})};
  settings.network.buffer_bytes = 4096;
  settings.network.short_permille = 500;
}

// Exports still under way when the function answers, and so perhaps when the environment is frozen.
void exports_beside(World& world) {
  initialise(world);
  invoke(world, 3, Seconds(30));
  // What a frozen sender did not get through is sent in the next invocation.
  expect_success(world, world.invoke());
  world.pass(Seconds(1));
  shut_down(world);
  expect_nothing_lost(world);
}

void prepare_direct(WorldSettings& settings) {
  settings.configuration = direct_configuration;
  settings.network.ipv6 = false;
  settings.platform.function.timeout = Seconds(30);  // for the function waits for the second attempt, too
  settings.function.invocations = {with_exports({{otlp::Signal::traces, 5}, {otlp::Signal::traces, 6}})};
}

void direct(World& world) {
  world.back_end().reactions = {{}, {Kind::answer, 503}, {}, {Kind::reset}};
  initialise(world);
  invoke(world, 3, Seconds(70));
  shut_down(world);
  if (!world.has_fault()) {
    EXPECT_EQ(world.ledger().missing(), 0u);
  }
}

void prepare_bad_configuration(WorldSettings& settings) {
  defaults(settings);
  settings.configuration = "receivers:\n  otlp:\n    protocolls:\n";
}

void bad_configuration(World& world) {
  initialise(world);
  invoke(world, 2, Seconds(10));
  shut_down(world);
  EXPECT_EQ(world.ledger().received(), 0u);
  EXPECT_EQ(world.ledger().confirmed(), 0u);
  if (!world.has_fault()) {
    EXPECT_EQ(world.ledger().refused(), world.ledger().made()) << "each sender is told";
    EXPECT_TRUE(world.said("idle"));
  }
}

void prepare_failing_configuration(WorldSettings& settings) {
  prepare_bad_configuration(settings);
  settings.environment = {{"STINT_ON_ERROR", "fail"}};
}

void failing_configuration(World& world) {
  EXPECT_FALSE(world.initialise(Seconds(5)));
  shut_down(world);
}

void prepare_snapshot(WorldSettings& settings) {
  defaults(settings);
  settings.platform.mode = platform::Mode::snap_start;
  settings.clock_stops_in_freeze = true;  // the monotonic clock of a snapshot goes on from where it was
  // An init that lasts, so that a connection has been used and is kept.
  settings.function.at_init = {{otlp::Signal::logs, 2}, {otlp::Signal::logs, 1, Seconds(1)}};
}

// The init's connections lead nowhere in the world in which the snapshot wakes up, a day later.
void snapshot(World& world) {
  initialise(world);
  world.pass(Seconds(1));
  if (!world.has_fault()) {
    EXPECT_EQ(world.ledger().received(), 2u) << "no connection of before can be tested";
    EXPECT_TRUE(world.is_frozen());
  }
  world.end_connections(Death::silence);
  world.pass(std::chrono::hours(24));
  invoke_held_less(world, Milliseconds(40), "waited for a connection of before");
  invoke(world, 1, Seconds(1));
  shut_down_at_once(world);
  expect_all_delivered(world);
}

void prepare_provisioned(WorldSettings& settings) {
  defaults(settings);
  settings.platform.mode = platform::Mode::provisioned_concurrency;
}

void provisioned(World& world) {
  initialise(world);
  world.end_connections(Death::end);
  world.pass(std::chrono::hours(14));
  invoke(world, 2, Seconds(1));
  shut_down_at_once(world);
  expect_all_delivered(world);
}

// SHUTDOWN alone is told, nothing is frozen, and nothing tells an invocation's end.
void prepare_managed(WorldSettings& settings) {
  prepare_beside(settings);
  settings.platform.mode = platform::Mode::managed_instances;
}

void managed(World& world) {
  initialise(world);
  invoke(world, 3, Seconds(3));
  if (!world.has_fault()) {
    EXPECT_FALSE(world.is_frozen());
    EXPECT_EQ(world.ledger().missing(), 0u) << "nobody flushes here but `batch` and `decouple` themselves";
  }
  shut_down_at_once(world);
  expect_all_delivered(world);
}

void prepare_managed_workers(WorldSettings& settings) {
  prepare_managed(settings);
  settings.platform.concurrency = settings.function.workers = 4;
}

// Twelve invocations over four workers, each begun as soon as there is one that waits; all export at the same time.
void managed_workers(World& world) {
  initialise(world);
  std::size_t most = 0;
  for (std::size_t i = 0; i < 12; ++i) {
    if (!world.begin_invoke() && !world.has_fault()) ADD_FAILURE() << "no worker asks";
    most = std::max(most, world.invocations_under_way());
  }
  const bool ended = world.run_until([&] { return world.invocations_under_way() == 0; }, Seconds(60));
  EXPECT_TRUE(ended || world.has_fault()) << "an invocation does not end";
  for (const platform::InvocationOutcome& outcome : world.outcomes()) expect_success(world, &outcome);
  world.pass(Seconds(3));
  if (!world.has_fault()) {
    EXPECT_EQ(most, 4u);
    EXPECT_EQ(world.outcomes().size(), 12u);
    EXPECT_EQ(world.ledger().missing(), 0u) << "nobody flushes here but `batch` and `decouple` themselves";
  }
  shut_down_at_once(world);
  expect_all_delivered(world);
}

void prepare_sam(WorldSettings& settings) {
  defaults(settings);
  settings.platform.telemetry = platform::TelemetrySupport::not_supported;
  settings.environment = {{"AWS_SAM_LOCAL", "true"}};
}

void sam(World& world) {
  initialise(world);
  invoke(world, 3, Seconds(2));
  shut_down_at_once(world);
  expect_all_delivered(world);
  EXPECT_TRUE(world.has_fault() || !world.said("error")) << "there is no Telemetry API there, which is no error";
}

constexpr Scenario own_scenarios[] = {
    {"InitOnly", defaults, init_only},
    {"ThreeInvocationsWithDeathsInTheFreeze", defaults, three_invocations},
    {"NoTelemetryApi", prepare_no_telemetry, no_telemetry},
    {"ShutdownWithDataInside", prepare_data_inside, data_inside},
    {"SlowBackEnd", defaults, slow_back_end},
    {"BusyFunction", defaults, busy_function},
    {"DataPilesUp", prepare_piling_up, piling_up},
    {"HangingBackEnd", prepare_hanging, hanging_back_end},
    {"HangingBackEndBehindBatchAlone", prepare_batch_only, batch_only},
    {"ResettingBackEnd", defaults, resetting_back_end, true},  // one connection's reset is that of all
    {"BackEndThatTakesAndResets", defaults, taking_back_end, true},
    {"UnavailableBackEnd", defaults, unavailable_back_end},
    {"RefusingBackEnd", prepare_refusing, refusing_back_end},
    {"AbsentBackEnd", prepare_refusing, absent_back_end},
    {"BlackHole", defaults, black_hole},
    {"RejectingBackEnd", defaults, rejecting_back_end},
    {"FunctionTimesOut", prepare_time_out, function_times_out},
    {"FunctionCrashes", prepare_crash, function_crashes},
    {"ExportsBesideTheFunction", prepare_beside, exports_beside},
    {"SenderWaitsForTheBackEnd", prepare_direct, direct},
    {"BadConfiguration", prepare_bad_configuration, bad_configuration},
    {"ConfigurationThatFailsTheInit", prepare_failing_configuration, failing_configuration},
    {"RestoredSnapshot", prepare_snapshot, snapshot},
    {"ProvisionedConcurrency", prepare_provisioned, provisioned},
    {"ManagedInstances", prepare_managed, managed},
    {"ManagedInstancesWithSeveralAtOnce", prepare_managed_workers, managed_workers},
    {"LocalEmulator", prepare_sam, sam},
};

}  // namespace

std::span<const Scenario> scenarios() {
  static const std::vector<Scenario> all = [] {
    std::vector<Scenario> joined(std::begin(own_scenarios), std::end(own_scenarios));
    for (const std::span<const Scenario> others : {journal_scenarios(), end_scenarios(), reach_scenarios()}) {
      joined.insert(joined.end(), others.begin(), others.end());
    }
    return joined;
  }();
  return all;
}

Played play(const Scenario& scenario, std::uint64_t seed, std::optional<Fault> fault) {
  WorldSettings settings;
  settings.seed = seed;
  settings.fault = fault;
  scenario.prepare(settings);
  World world(std::move(settings));
  scenario.play(world);
  world.finish();
  if (!scenario.may_duplicate) {
    // A fault cuts one connection, on which one request is under way. Where it ends the process, by a kill or because
    // the platform is lost, all requests under way are cut, and the next process cannot know which of them have
    // arrived.
    const bool process_ends = fault && (fault->kind == Fault::Kind::kill || world.platform_was_hit());
    const std::size_t repeated_most = process_ends ? limits::deliveries_at_end_max * 3 : fault ? 1 : 0;
    EXPECT_LE(world.ledger().repeated_requests(), repeated_most) << "sent twice without need";
  }
  Played played{0, {}, world.story()};
  if (!world.collectors().empty()) {
    played.calls = world.collectors().front()->loop.calls();
    played.hit = world.collectors().front()->loop.hit();
  }
  return played;
}

}  // namespace stint::sim
