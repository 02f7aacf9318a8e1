// SPDX-License-Identifier: Apache-2.0
// What the worlds have found, each as a world of its own with a name.
#include <gtest/gtest.h>

#include "sim/scenario_steps.h"

namespace stint::sim {
namespace {

WorldSettings usual_settings(std::uint64_t seed) {
  WorldSettings settings;
  settings.seed = seed;
  defaults(settings);
  return settings;
}

void speak_grpc(WorldSettings& settings) {
  std::string& text = settings.configuration;
  const auto replace_all = [&](std::string_view old, std::string_view with) {
    for (std::size_t at = text.find(old); at != text.npos; at = text.find(old, at + with.size())) {
      text.replace(at, old.size(), with);
    }
  };
  replace_all("otlphttp", "otlp");
  replace_all("http://10.0.0.9:4318", "10.0.0.9:4317\n    tls: {insecure: true}");
}

// The back end waits 10 s for the rest of the request and says 408, which the reference takes for a refusal for good.
TEST(FoundByWorlds, ARequestThatAFreezeCutsIsSentAgain) {
  std::size_t cut = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    WorldSettings settings = usual_settings(seed);
    settings.environment = {{"STINT_FLUSH", "continuous"}};
    settings.network.buffer_bytes = 600;
    // The second invocation takes the first one's data, and is over before all of it is sent.
    settings.function.invocations = {with_exports({{otlp::Signal::logs, 2000}}), Invoked{}, Invoked{}};
    const std::string_view timeout = "timeout: 5s";
    settings.configuration.replace(settings.configuration.find(timeout), timeout.size(),
                                   "timeout: 5s\n    compression: none");
    World world(std::move(settings));
    initialise(world);
    invoke(world, 3, Seconds(60));
    shut_down(world);
    world.finish();
    EXPECT_EQ(world.ledger().missing(), 0u) << world.story();
    EXPECT_EQ(world.dropped(), 0u) << world.story();
    cut += world.said("408 Request Timeout") ? 1 : 0;
  }
  EXPECT_GT(cut, 0u) << "no request was under way in the freeze";
}

// After a send that failed for want of memory the answer to half a request was waited for.
TEST(FoundByWorlds, NoAnswerIsWaitedForAfterASendThatFailedByItself) {
  std::size_t hit = 0;
  for (std::uint64_t call = 0; call < 100; ++call) {
    WorldSettings settings = usual_settings(1);
    settings.fault = Fault{call, Fault::Kind::error};
    World world(std::move(settings));
    (void)world.initialise();
    const platform::InvocationOutcome* const outcome = world.invoke();
    const std::string& what = world.collector().loop.hit();
    if (what.starts_with("send") && what.ends_with("10.0.0.9:4318")) {
      ++hit;
      ASSERT_NE(outcome, nullptr);
      EXPECT_LT(outcome->extension_overhead, Milliseconds(100)) << what;
    }
    (void)world.shut_down();
    world.finish();
  }
  EXPECT_GT(hit, 0u);
}

// `periodic` holds `next` beside the function, and so did not hear of the SHUTDOWN.
TEST(FoundByWorlds, ACrashBesideAFlushLeavesTimeForTheShutdown) {
  WorldSettings settings = usual_settings(1);
  prepare_crash(settings);
  settings.environment = {{"STINT_FLUSH", "periodic,1"}};
  World world(std::move(settings));
  world.back_end().always.delay = std::chrono::hours(1);
  initialise(world);
  expect_success(world, world.invoke());
  world.pass(Seconds(1));
  (void)world.invoke();
  (void)world.invoke();
  shut_down(world);
  world.finish();
  EXPECT_FALSE(world.said("collector: is killed")) << world.story();
}

// The invocation was held for its data as if it had ended well, while the time of the SHUTDOWN ran.
TEST(FoundByWorlds, ACrashWithAHangingBackEndLeavesTimeForTheShutdown) {
  for (const bool crashes : {true, false}) {
    WorldSettings settings = usual_settings(1);
    crashes ? prepare_crash(settings) : prepare_time_out(settings);
    World world(std::move(settings));
    world.back_end().always.delay = std::chrono::hours(1);
    initialise(world);
    (void)world.invoke();
    (void)world.invoke();
    EXPECT_EQ(world.collectors().size(), 1u);
    (void)world.invoke();
    shut_down(world);
    world.finish();
    EXPECT_FALSE(world.said("collector: is killed")) << world.story();
    EXPECT_FALSE(world.said("the platform is lost")) << world.story();
  }
}

// The goodbye to a back end that takes nothing took a tenth of a second more than there was.
TEST(FoundByWorlds, AGoodbyeOverGrpcEndsWithTheShutdown) {
  WorldSettings settings = usual_settings(1);
  speak_grpc(settings);
  settings.network.buffer_bytes = 600;
  settings.function.invocations = {with_exports({{otlp::Signal::logs, 10}}), with_exports({{otlp::Signal::logs, 500}})};
  World world(std::move(settings));
  initialise(world);
  expect_success(world, world.invoke());
  world.end_connections(Death::silence);
  (void)world.invoke();
  shut_down(world);
  world.finish();
  EXPECT_FALSE(world.said("collector: is killed")) << world.story();
  EXPECT_TRUE(world.said("500 dropped (500 environment_end)")) << world.story();
}

}  // namespace
}  // namespace stint::sim
