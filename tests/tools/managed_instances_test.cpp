// SPDX-License-Identifier: Apache-2.0
// Managed instances: several invocations at once, matched with their answers by request id; nothing is frozen and no
// extension hears of them.
// Source: lambda-platform facts, section 2.5.
#include "world.h"

namespace stint::platform {
namespace {

// A managed instance whose runtime has so many workers, all of which wait for an invocation.
struct ManagedWorld : World {
  explicit ManagedWorld(std::size_t workers, std::size_t concurrency) : World(settings_with(concurrency)) {
    platform.start(now());
    identifier = registered("probe", R"(["SHUTDOWN"])");
    extension_next = next(identifier);
    for (std::size_t i = 0; i < workers; ++i) calls.push_back(runtime_next());
    EXPECT_EQ(platform.phase(), Phase::ready);
  }
  static Settings settings_with(std::size_t concurrency) {
    Settings settings = with_extensions({"probe"});
    settings.mode = Mode::managed_instances;
    settings.concurrency = concurrency;
    return settings;
  }
  std::string invoke() { return platform.invoke({}, now()); }
  std::string request_of(std::size_t worker) const { return header(calls[worker], "Lambda-Runtime-Aws-Request-Id"); }
  JsonValue report_of(const std::string& request_id) const {
    for (const Emitted& event : events) {
      if (event.type == "platform.report" && event.record.member("requestId")->text == request_id) return event.record;
    }
    return {};
  }

  std::string identifier;
  CallId extension_next = 0;
  std::vector<CallId> calls;  // each worker's next
};

TEST(ManagedInstances, NeverFreezeAndWriteNoRuntimeDone) {
  ManagedWorld world(1, 1);
  EXPECT_FALSE(world.running("probe")->frozen);
  EXPECT_EQ(world.running("probe")->start.descriptors_max, 4096u);
  const std::string request_id = world.invoke();
  world.respond(request_id);
  world.runtime_next();
  EXPECT_EQ(world.platform.phase(), Phase::ready);
  EXPECT_EQ(world.event_of("platform.runtimeDone"), nullptr);
  EXPECT_EQ(world.event_of("platform.report")->record.member("metrics")->member("billedDurationMs"), nullptr);
  EXPECT_NE(world.event_of("platform.start")->record.member("functionArn"), nullptr);
}

TEST(ManagedInstances, GiveEachWorkerAnInvocationOfItsOwn) {
  ManagedWorld world(3, 3);
  std::vector<std::string> given;
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(world.platform.can_invoke());
    given.push_back(world.invoke());
  }
  EXPECT_FALSE(world.platform.can_invoke());
  for (std::size_t worker = 0; worker < 3; ++worker) EXPECT_EQ(world.request_of(worker), given[worker]);
  EXPECT_EQ(world.platform.phase(), Phase::invoking);
  EXPECT_EQ(world.status(world.extension_next), 0) << "extensions hear of SHUTDOWN only";
}

TEST(ManagedInstances, TakeAnswersInAnyOrderAndTimeEachByItself) {
  ManagedWorld world(3, 3);
  const std::string first = world.invoke();
  world.pass(Milliseconds(10));
  const std::string second = world.invoke(), third = world.invoke();
  world.pass(Milliseconds(20));
  EXPECT_EQ(world.status(world.respond(third, "3")), 202);
  world.pass(Milliseconds(5));
  EXPECT_EQ(world.status(world.respond(first, "1")), 202);
  world.pass(Milliseconds(5));
  EXPECT_EQ(world.platform.phase(), Phase::invoking);
  EXPECT_FALSE(world.platform.idle());
  EXPECT_EQ(world.status(world.respond(second, "2")), 202);
  EXPECT_TRUE(world.platform.idle());
  ASSERT_EQ(world.outcomes.size(), 3u);
  const std::pair<std::string, std::string> expected[] = {{third, "3"}, {first, "1"}, {second, "2"}};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(world.outcomes[i].request_id, expected[i].first);
    EXPECT_EQ(world.outcomes[i].response, expected[i].second);
    EXPECT_EQ(world.outcomes[i].status, "success");
  }
  EXPECT_EQ(number(world.report_of(first), "metrics", "durationMs"), 35.0);
  EXPECT_EQ(number(world.report_of(second), "metrics", "durationMs"), 30.0);
  EXPECT_EQ(number(world.report_of(third), "metrics", "durationMs"), 20.0);
  const JsonValue report = world.report_of(third);
  ASSERT_EQ(report.member("spans")->items.size(), 2u);
  EXPECT_EQ(report.member("spans")->items[0].member("name")->text, "responseLatency");
  EXPECT_EQ(report.member("spans")->items[1].member("name")->text, "responseDuration");
}

TEST(ManagedInstances, RefuseAnswersToWhatIsNotRunning) {
  ManagedWorld world(2, 2);
  const std::string first = world.invoke(), second = world.invoke();
  EXPECT_EQ(world.status(world.respond(first)), 202);
  for (const std::string& wrong : {first, std::string("00000000-0000-4000-8000-000000000000")}) {
    const CallId call = world.respond(wrong);
    EXPECT_EQ(world.status(call), 400);
    EXPECT_EQ(world.error_type(call), "InvalidRequestID");
  }
  EXPECT_EQ(world.outcomes.size(), 1u);
  EXPECT_EQ(world.status(world.respond(second)), 202);
}

TEST(ManagedInstances, InvokeOnlyWhenAWorkerWaits) {
  ManagedWorld world(1, 8);
  const std::string first = world.invoke();
  EXPECT_FALSE(world.platform.can_invoke());
  world.respond(first);
  EXPECT_FALSE(world.platform.can_invoke()) << "it has not asked for more yet";
  EXPECT_TRUE(world.platform.idle());
  const CallId gone = world.runtime_next();
  world.platform.call_closed(gone);
  EXPECT_FALSE(world.platform.can_invoke()) << "nobody would get it";
  const CallId late = world.runtime_next();
  EXPECT_TRUE(world.platform.can_invoke());
  const std::string second = world.invoke();
  EXPECT_EQ(world.header(late, "Lambda-Runtime-Aws-Request-Id"), second);
}

TEST(ManagedInstances, RunNoMoreAtOnceThanIsAllowed) {
  ManagedWorld world(3, 2);
  const std::string first = world.invoke();
  world.invoke();
  EXPECT_FALSE(world.platform.can_invoke());
  world.respond(first);
  const std::string third = world.invoke();
  EXPECT_EQ(world.request_of(2), third);
}

TEST(ManagedInstances, FailAllThatRunsWhenTheRuntimeEnds) {
  ManagedWorld world(2, 2);
  world.invoke();
  world.invoke();
  world.exit("runtime", ExitStatus{1, 0});
  ASSERT_EQ(world.outcomes.size(), 2u);
  for (const InvocationOutcome& outcome : world.outcomes) EXPECT_EQ(outcome.error_type, "Runtime.ExitError");
  EXPECT_EQ(world.text(world.extension_next, "shutdownReason"), "failure");
  world.exit("probe");
  EXPECT_EQ(world.platform.phase(), Phase::down);
  EXPECT_TRUE(world.platform.can_invoke());
}

TEST(ManagedInstances, HearNothingOfAWorkerWhoseRuntimeHasEnded) {
  ManagedWorld world(2, 2);
  world.exit("runtime", ExitStatus{1, 0});
  world.exit("probe");
  const std::string request_id = world.invoke();
  const CallId late = world.runtime_next();
  EXPECT_EQ(world.status(late), 403) << "it would get an invocation that nobody runs";
  world.next(world.registered("probe", R"(["SHUTDOWN"])"));
  EXPECT_EQ(world.platform.phase(), Phase::initialising);
  const CallId next = world.runtime_next();
  EXPECT_EQ(world.header(next, "Lambda-Runtime-Aws-Request-Id"), request_id);
}

}  // namespace
}  // namespace stint::platform
