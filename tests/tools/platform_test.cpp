// SPDX-License-Identifier: Apache-2.0
// The life cycle: INIT, INVOKE, freeze, time-out, crashes, SHUTDOWN, and the modes.
// Source: lambda-platform facts, section 2.
#include "tools/lambda/platform.h"

#include "world.h"

namespace stint::platform {
namespace {

using Types = std::vector<std::string>;

TEST(Init, StartsExtensionsWithoutArgumentsAndTheRuntimeAfterTheyRegistered) {
  World world(World::with_extensions({"one", "two"}));
  world.platform.start(world.now());
  ASSERT_EQ(world.processes.size(), 2u);
  EXPECT_EQ(world.processes[0].start.arguments, Types{"/opt/extensions/one"});
  world.registered("two");
  EXPECT_EQ(world.processes.size(), 2u);
  world.registered("one");
  ASSERT_EQ(world.processes.size(), 3u);
  EXPECT_EQ(world.processes[2].start.arguments, Types{"runtime"});
  EXPECT_EQ(world.processes[2].start.directory, "/var/task");
}

TEST(Init, WithoutExtensionsStartsTheRuntimeAtOnce) {
  World world(World::with_extensions({}));
  world.platform.start(world.now());
  world.runtime_next();
  EXPECT_EQ(world.platform.phase(), Phase::ready);
}

TEST(Init, EndsWhenRuntimeAndAllExtensionsCalledNext) {
  World world(World::with_extensions({"one", "two"}));
  world.platform.start(world.now());
  const std::string one = world.registered("one"), two = world.registered("two");
  world.next(one);
  world.runtime_next();
  EXPECT_EQ(world.platform.phase(), Phase::initialising);
  world.pass(Milliseconds(100));
  world.next(two);
  EXPECT_EQ(world.platform.phase(), Phase::ready);
  EXPECT_EQ(number(world.event_of("platform.initReport")->record, "metrics", "durationMs"), 100.0);
  EXPECT_EQ(world.event_types(), (Types{"platform.initStart", "platform.initRuntimeDone", "platform.extension",
                                        "platform.extension", "platform.initReport"}));
  EXPECT_EQ(world.event_of("platform.extension")->text,
            R"({"name":"two","state":"Ready","events":["INVOKE","SHUTDOWN"]})");
}

TEST(Init, FreezesEveryProcessAtItsEnd) {
  ReadyWorld world;
  EXPECT_TRUE(world.running("probe")->frozen);
  EXPECT_TRUE(world.running("runtime")->frozen);
  world.invoke();
  EXPECT_FALSE(world.running("probe")->frozen);
  EXPECT_FALSE(world.running("runtime")->frozen);
}

TEST(Init, WithAnExtensionThatCannotBeExecutedFails) {
  World world(World::with_extensions({"broken"}));
  world.refuse_to_start = {"broken"};
  world.platform.start(world.now());
  EXPECT_EQ(world.event_of("platform.initReport")->record.member("errorType")->text, "Extension.LaunchError");
  EXPECT_EQ(world.event_of("platform.extension")->record.member("state")->text, "LaunchError");
  EXPECT_EQ(world.platform.phase(), Phase::down);
}

TEST(Init, WithARuntimeThatCannotBeExecutedFails) {
  World world(World::with_extensions({}));
  world.refuse_to_start = {"runtime"};
  world.platform.start(world.now());
  EXPECT_EQ(world.event_of("platform.initReport")->record.member("errorType")->text, "Runtime.InvalidEntrypoint");
}

TEST(Init, OverTenSecondsIsResetAndTriedAgainInTheInvocation) {
  World world(World::with_extensions({"slow"}));
  world.platform.start(world.now());
  world.pass(Milliseconds(9'999));
  EXPECT_EQ(world.platform.phase(), Phase::initialising);
  world.pass(Milliseconds(2));
  EXPECT_EQ(world.event_of("platform.initReport")->record.member("status")->text, "timeout");
  EXPECT_TRUE(world.running("slow")->killed) << "it has not asked for SHUTDOWN";
  world.reap();
  ASSERT_EQ(world.platform.phase(), Phase::down);

  const std::string request_id = world.platform.invoke({}, world.now());
  const std::string identifier = world.registered("slow");
  world.next(identifier);
  world.pass(Milliseconds(500));
  const CallId runtime_call = world.runtime_next();
  EXPECT_EQ(world.event_of("platform.initStart")->record.member("phase")->text, "invoke");
  EXPECT_EQ(world.header(runtime_call, "Lambda-Runtime-Aws-Request-Id"), request_id);
  world.respond(request_id);
  world.runtime_next();
  world.next(identifier);
  const JsonValue& report = world.event_of("platform.report")->record;
  EXPECT_EQ(number(report, "metrics", "durationMs"), 500.0) << "it counts as the invocation's time";
  EXPECT_EQ(report.member("metrics")->member("initDurationMs"), nullptr);
}

TEST(Init, WithinAnInvocationIsBoundedByTheFunctionsTimeOut) {
  World world(World::with_extensions({"slow"}));
  world.platform.start(world.now());
  world.exit("slow", ExitStatus{1, 0});
  ASSERT_EQ(world.platform.phase(), Phase::down);
  world.platform.invoke({}, world.now());
  world.pass(Milliseconds(3'001));
  ASSERT_EQ(world.outcomes.size(), 1u);
  EXPECT_EQ(world.outcomes[0].status, "timeout");
}

TEST(Init, OfACrashingRuntimeFails) {
  World world(World::with_extensions({"probe"}));
  world.platform.start(world.now());
  world.registered("probe");
  world.exit("runtime", ExitStatus{1, 0});
  EXPECT_EQ(world.event_of("platform.initReport")->record.member("errorType")->text, "Runtime.ExitError");
}

TEST(Invoke, WritesStartRuntimeDoneAndReport) {
  ReadyWorld world;
  const std::size_t before = world.events.size();
  const std::string request_id = world.invoke();
  world.pass(Milliseconds(20));
  const CallId call = ++world.last_call;
  const Request response{"POST", "/2018-06-01/runtime/invocation/" + request_id + "/response", {}, "12345678", {}};
  world.platform.request_started(call, response, world.now());
  world.pass(Milliseconds(5));
  world.platform.request(call, response, world.now());
  world.pass(Milliseconds(2));
  world.runtime_next();
  EXPECT_EQ(world.platform.phase(), Phase::invoking);
  world.pass(Nanoseconds(40'500'000));
  world.next(world.identifier);
  EXPECT_EQ(world.platform.phase(), Phase::ready);

  const Types types = world.event_types();
  EXPECT_EQ(Types(types.begin() + static_cast<std::ptrdiff_t>(before), types.end()),
            (Types{"platform.start", "platform.runtimeDone", "platform.report"}));
  const std::string done = world.event_of("platform.runtimeDone")->text;
  EXPECT_NE(done.find(R"("spans":[{"name":"responseLatency","start":"2023-11-14T22:13:20.062Z","durationMs":20.0},)"
                      R"({"name":"responseDuration","start":"2023-11-14T22:13:20.082Z","durationMs":5.0},)"
                      R"({"name":"runtimeOverhead","start":"2023-11-14T22:13:20.087Z","durationMs":2.0}],)"
                      R"("metrics":{"durationMs":27.0,"producedBytes":8}})"),
            done.npos)
      << done;
  const std::string report = world.event_of("platform.report")->text;
  EXPECT_NE(report.find(R"("metrics":{"durationMs":67.5,"billedDurationMs":130,"memorySizeMB":512,)"
                        R"("maxMemoryUsedMB":64,"initDurationMs":62.0},"spans":[{"name":"extensionOverhead",)"
                        R"("start":"2023-11-14T22:13:20.089Z","durationMs":40.5}])"),
            report.npos)
      << report;
  EXPECT_EQ(world.event_of("platform.start")->record.member("tracing")->member("value")->text,
            world.event_of("platform.report")->record.member("tracing")->member("value")->text);
}

TEST(Invoke, TellsTheInitDurationOnce) {
  ReadyWorld world;
  for (int i = 0; i < 2; ++i) {
    world.run_function(world.invoke());
    world.next(world.identifier);
  }
  EXPECT_EQ(world.event_of("platform.report")->record.member("metrics")->member("initDurationMs"), nullptr);
}

TEST(Invoke, FreezesWhenAllHaveCalledNext) {
  ReadyWorld world;
  const std::string request_id = world.invoke();
  world.next(world.identifier);
  EXPECT_FALSE(world.running("probe")->frozen);
  world.run_function(request_id);
  EXPECT_TRUE(world.running("probe")->frozen);
  EXPECT_TRUE(world.running("runtime")->frozen);
}

TEST(Invoke, LeavesTheProcessesAloneWhenAskedTo) {
  Settings settings = World::with_extensions({"probe"});
  settings.freeze = false;
  ReadyWorld world(settings);
  EXPECT_FALSE(world.running("probe")->frozen);
}

TEST(Timeout, OfTheFunctionResetsTheEnvironment) {
  ReadyWorld world;
  world.invoke();
  const CallId extension_next = world.next(world.identifier);
  world.pass(Milliseconds(3'001));
  ASSERT_EQ(world.outcomes.size(), 1u);
  EXPECT_EQ(world.outcomes[0].status, "timeout");
  EXPECT_EQ(world.event_of("platform.runtimeDone")->record.member("status")->text, "timeout");
  EXPECT_EQ(world.event_of("platform.runtimeDone")->record.member("metrics")->member("producedBytes")->text, "0");
  EXPECT_EQ(world.event_of("platform.report")->record.member("status")->text, "timeout");
  EXPECT_TRUE(world.running("runtime")->killed);
  EXPECT_EQ(world.text(extension_next, "eventType"), "SHUTDOWN");
  EXPECT_EQ(world.text(extension_next, "shutdownReason"), "timeout");
  world.reap();
  EXPECT_EQ(world.platform.phase(), Phase::stopping) << "the extension has its two seconds";
  world.exit("probe");
  EXPECT_EQ(world.platform.phase(), Phase::down);
}

TEST(Timeout, ComesWhenTheExtensionTakesTooLongAfterTheResponse) {
  ReadyWorld world;
  world.run_function(world.invoke());
  world.pass(Milliseconds(3'000));
  ASSERT_EQ(world.outcomes.size(), 1u);
  EXPECT_EQ(world.outcomes[0].status, "timeout");
  EXPECT_EQ(world.outcomes[0].response, "\"ok\"") << "the caller has had its answer";
  EXPECT_EQ(world.event_of("platform.runtimeDone")->record.member("status")->text, "success");
  EXPECT_EQ(world.platform.phase(), Phase::stopping);
}

TEST(Timeout, GivesTheShutdownEventToAnExtensionThatIsBusyAtItsNextCall) {
  ReadyWorld world;
  world.invoke();
  world.pass(Milliseconds(3'001));
  const CallId late = world.next(world.identifier);
  EXPECT_EQ(world.text(late, "shutdownReason"), "timeout");
  const std::int64_t deadline = *world.body(late).member("deadlineMs")->integer();
  EXPECT_EQ(deadline, 1'700'000'000'000 + (Milliseconds(62 + 3'000 + 2'000)).count());
}

TEST(Reset, StartsEverythingAgainAtTheNextInvocation) {
  ReadyWorld world;
  world.invoke();
  world.exit("runtime", ExitStatus{0, 9});
  EXPECT_EQ(world.outcomes.at(0).error_type, "Runtime.ExitError");
  EXPECT_EQ(world.event_of("platform.runtimeDone")->record.member("status")->text, "error");
  EXPECT_EQ(world.event_of("platform.runtimeDone")->record.member("errorType")->text, "Runtime.ExitError");
  const CallId told = world.next(world.identifier);
  EXPECT_EQ(world.text(told, "shutdownReason"), "failure");
  world.exit("probe");
  ASSERT_EQ(world.platform.phase(), Phase::down);
  ASSERT_EQ(world.processes.size(), 2u);

  const std::string request_id = world.invoke();
  ASSERT_EQ(world.processes.size(), 3u);
  EXPECT_EQ(world.status(world.next(world.identifier)), 403) << "the identifier died with its process";
  const std::string identifier = world.registered("probe");
  EXPECT_NE(identifier, world.identifier);
  EXPECT_EQ(world.status(world.subscribe(identifier)), 200) << "subscriptions are open again";
  const CallId call = world.next(identifier);
  world.runtime_next();
  EXPECT_EQ(world.text(call, "requestId"), request_id);
}

TEST(Reset, FollowsTheCrashOfAnExtensionAndTellsTheOthers) {
  World world(World::with_extensions({"crasher", "witness"}));
  world.platform.start(world.now());
  const std::string crasher = world.registered("crasher"), witness = world.registered("witness");
  world.next(crasher);
  const CallId held = world.next(witness);
  world.runtime_next();
  world.platform.invoke({}, world.now());
  EXPECT_EQ(world.text(held, "eventType"), "INVOKE");
  const CallId second = world.next(witness);
  world.exit("crasher", ExitStatus{0, 11});
  EXPECT_EQ(world.outcomes.at(0).error_type, "Extension.Crash");
  EXPECT_EQ(world.text(second, "shutdownReason"), "failure");
}

TEST(Reset, FollowsACrashBetweenInvocationsWithoutFailingOne) {
  ReadyWorld world;
  world.exit("probe", ExitStatus{0, 9});
  EXPECT_EQ(world.platform.phase(), Phase::stopping);
  world.reap();
  EXPECT_EQ(world.platform.phase(), Phase::down);
  EXPECT_TRUE(world.outcomes.empty());
}

TEST(OutOfMemory, OfTheRuntimeFailsTheInvocationAndTellsTheExtensions) {
  ReadyWorld world;
  world.invoke();
  const CallId held = world.next(world.identifier);
  world.platform.out_of_memory(Victim::runtime, world.now());
  EXPECT_FALSE(world.running("probe")->killed);
  EXPECT_TRUE(world.outcomes.empty()) << "nobody has seen it yet";
  world.reap();
  EXPECT_EQ(world.outcomes.at(0).status, "error");
  EXPECT_EQ(world.outcomes.at(0).error_type, "Runtime.OutOfMemory");
  EXPECT_EQ(world.text(held, "shutdownReason"), "failure");
  world.exit("probe");
  EXPECT_EQ(world.platform.phase(), Phase::down);
}

TEST(OutOfMemory, OfAnExtensionIsItsCrash) {
  ReadyWorld world;
  world.invoke();
  world.platform.out_of_memory(Victim::extensions, world.now());
  EXPECT_FALSE(world.running("runtime")->killed);
  world.reap();
  EXPECT_EQ(world.outcomes.at(0).error_type, "Extension.Crash");
  world.reap();
  EXPECT_EQ(world.platform.phase(), Phase::down);
}

TEST(OutOfMemory, OfTheEnvironmentLeavesNobodyToBeTold) {
  ReadyWorld world;
  world.invoke();
  world.platform.out_of_memory(Victim::environment, world.now());
  EXPECT_TRUE(world.running("runtime")->killed && world.running("probe")->killed);
  world.reap();
  EXPECT_EQ(world.outcomes.at(0).error_type, "Runtime.OutOfMemory");
  EXPECT_EQ(world.platform.phase(), Phase::down) << "nobody has two seconds";
  world.invoke();
  world.registered("probe");
  world.exit("runtime", ExitStatus{0, 9});
  EXPECT_EQ(world.outcomes.at(1).error_type, "Runtime.ExitError") << "that was then";
}

TEST(OutOfMemory, BetweenInvocationsIsNotPlayed) {
  ReadyWorld world;
  world.platform.out_of_memory(Victim::environment, world.now());
  EXPECT_FALSE(world.running("runtime")->killed);
}

TEST(Reset, OfAnExitWithZeroIsACrashToo) {
  ReadyWorld world;
  world.invoke();
  world.exit("probe");
  EXPECT_EQ(world.outcomes.at(0).error_type, "Extension.Crash");
}

TEST(Reset, ForgetsALateCallOfARuntimeThatIsGone) {
  ReadyWorld world;
  world.exit("runtime", ExitStatus{0, 9});
  world.exit("probe");
  ASSERT_EQ(world.platform.phase(), Phase::down);
  world.runtime_next();  // was under way when its process was killed
  world.invoke();
  world.next(world.registered("probe"));
  world.runtime_next();
  EXPECT_EQ(world.platform.phase(), Phase::invoking) << "the new runtime's next ends the init";
}

TEST(Shutdown, TerminatesTheRuntimeThenTellsTheExtensions) {
  ReadyWorld world;
  world.platform.shutdown(world.now());
  EXPECT_TRUE(world.running("runtime")->terminated);
  EXPECT_EQ(world.status(world.extension_next), 0);
  world.pass(Milliseconds(40));
  world.exit("runtime");
  EXPECT_EQ(world.answers[world.extension_next].body,
            R"({"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":1700000002062})");
  EXPECT_TRUE(world.answers[world.extension_next].headers.empty());
  world.exit("probe");
  EXPECT_EQ(world.platform.phase(), Phase::ended);
}

TEST(Shutdown, KillsARuntimeThatDoesNotEndIn300Milliseconds) {
  ReadyWorld world;
  world.platform.shutdown(world.now());
  world.pass(Milliseconds(301));
  EXPECT_TRUE(world.running("runtime")->killed);
  world.reap();
  EXPECT_EQ(world.status(world.extension_next), 200);
}

TEST(Shutdown, KillsAnExtensionAtItsDeadline) {
  ReadyWorld world;
  world.platform.shutdown(world.now());
  world.exit("runtime");
  world.pass(Milliseconds(1'999));
  EXPECT_FALSE(world.running("probe")->killed);
  world.pass(Milliseconds(2));
  EXPECT_TRUE(world.running("probe")->killed);
  world.reap();
  EXPECT_EQ(world.platform.phase(), Phase::ended);
}

TEST(Shutdown, KillsAtOnceWhatHasNotAskedForIt) {
  World world(World::with_extensions({"deaf"}));
  world.platform.start(world.now());
  const std::string identifier = world.registered("deaf", R"(["INVOKE"])");
  world.next(identifier);
  world.runtime_next();
  world.platform.shutdown(world.now());
  world.exit("runtime");
  EXPECT_TRUE(world.running("deaf")->killed);
}

TEST(Shutdown, WithoutExtensionsKillsAtOnce) {
  World world(World::with_extensions({}));
  world.platform.start(world.now());
  world.runtime_next();
  world.platform.shutdown(world.now());
  EXPECT_TRUE(world.running("runtime")->killed);
  world.reap();
  EXPECT_EQ(world.platform.phase(), Phase::ended);
}

TEST(Shutdown, WithOnlyInternalExtensionsTakesHalfASecond) {
  World world(World::with_extensions({}));
  world.platform.start(world.now());
  const std::string identifier = world.registered("inside", R"(["INVOKE"])");
  world.next(identifier);
  world.runtime_next();
  world.platform.shutdown(world.now());
  EXPECT_EQ(*world.platform.next_timer() - world.now().monotonic, Milliseconds(300));
  world.pass(Milliseconds(301));
  world.reap();
  EXPECT_EQ(world.platform.phase(), Phase::ended);
}

TEST(Environment, OfExtensionsLacksWhatTheRuntimeHas) {
  Settings settings = World::with_extensions({"probe"});
  settings.function.environment = {{"MY_SETTING", "1"}, {"_HIDDEN", "1"}, {"AWS_EXECUTION_ENV", "x"}};
  World world(settings);
  world.platform.start(world.now());
  world.registered("probe");
  const auto has = [&](std::size_t process, std::string_view variable) {
    for (const auto& [name, value] : world.processes[process].start.environment) {
      if (name == variable) return true;
    }
    return false;
  };
  for (const char* const both : {"MY_SETTING", "AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_FUNCTION_NAME", "AWS_REGION",
                                 "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_INITIALIZATION_TYPE"}) {
    EXPECT_TRUE(has(0, both)) << both;
    EXPECT_TRUE(has(1, both)) << both;
  }
  for (const char* const runtime_only :
       {"_HANDLER", "_HIDDEN", "LAMBDA_TASK_ROOT", "AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_STREAM_NAME"}) {
    EXPECT_FALSE(has(0, runtime_only)) << runtime_only;
    EXPECT_TRUE(has(1, runtime_only)) << runtime_only;
  }
}

TEST(Environment, PutsTheWrapperBeforeTheRuntime) {
  Settings settings = World::with_extensions({});
  settings.function.environment = {{"AWS_LAMBDA_EXEC_WRAPPER", "/opt/wrapper"}};
  World world(settings);
  world.platform.start(world.now());
  EXPECT_EQ(world.processes[0].start.arguments, (Types{"/opt/wrapper", "runtime"}));
}

TEST(SnapStart, WakesTheRuntimeFromItsSnapshot) {
  Settings settings = World::with_extensions({"probe"});
  settings.mode = Mode::snap_start;
  World world(settings);
  world.platform.start(world.now());
  const std::string identifier = world.registered("probe");
  world.next(identifier);
  const CallId restore = world.call("GET", "/2018-06-01/runtime/restore/next");
  EXPECT_EQ(world.platform.phase(), Phase::ready);
  world.pass(Seconds(3600));
  const std::string request_id = world.platform.invoke({}, world.now());
  EXPECT_EQ(world.status(restore), 200);
  world.pass(Milliseconds(80));
  const CallId next = world.runtime_next();
  EXPECT_EQ(world.header(next, "Lambda-Runtime-Aws-Request-Id"), request_id);
  EXPECT_EQ(number(world.event_of("platform.restoreReport")->record, "metrics", "durationMs"), 80.0);
  world.respond(request_id);
  world.runtime_next();
  world.next(identifier);
  EXPECT_EQ(number(world.event_of("platform.report")->record, "metrics", "restoreDurationMs"), 80.0);
}

}  // namespace
}  // namespace stint::platform
