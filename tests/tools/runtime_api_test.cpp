// SPDX-License-Identifier: Apache-2.0
// The Runtime API's rules, one test each.
// Source: small facts, "Lambda Runtime API".
#include "world.h"

namespace stint::platform {
namespace {

TEST(RuntimeNext, BringsTheEventAndItsHeaders) {
  ReadyWorld world;
  Invocation invocation;
  invocation.event = R"({"key":1})";
  invocation.trace_header = "Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Parent=2be948a625588e32;Sampled=1";
  const std::string request_id = world.platform.invoke(invocation, world.now());
  const CallId call = world.runtime_call;
  EXPECT_EQ(world.status(call), 200);
  EXPECT_EQ(world.answers[call].body, R"({"key":1})");
  EXPECT_EQ(world.header(call, "Lambda-Runtime-Aws-Request-Id"), request_id);
  EXPECT_EQ(world.header(call, "Lambda-Runtime-Invoked-Function-Arn"),
            "arn:aws:lambda:us-east-1:123456789012:function:function");
  EXPECT_EQ(world.header(call, "Lambda-Runtime-Deadline-Ms"),
            std::to_string(world.now().epoch.time_since_epoch() / Milliseconds(1) + 3000));
  const std::string trace = world.header(call, "Lambda-Runtime-Trace-Id");
  EXPECT_TRUE(trace.starts_with("Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Parent=")) << trace;
  EXPECT_TRUE(trace.ends_with(";Sampled=1")) << trace;
  EXPECT_EQ(trace.find("2be948a625588e32"), trace.npos) << "the segment of the platform lies between";
  EXPECT_EQ(world.body(world.extension_next).member("tracing")->member("value")->text, trace);
}

TEST(RuntimeNext, GivesTheSameEventWhenAskedAgain) {
  ReadyWorld world;
  world.invoke();
  const CallId again = world.runtime_next();
  EXPECT_EQ(world.header(again, "Lambda-Runtime-Aws-Request-Id"),
            world.header(world.runtime_call, "Lambda-Runtime-Aws-Request-Id"));
}

TEST(RuntimeNext, OfANewConnectionTakesTheOldOnesPlace) {
  ReadyWorld world;
  const CallId again = world.runtime_next();
  EXPECT_EQ(world.status(world.runtime_call), 403);
  world.invoke();
  EXPECT_EQ(world.status(again), 200);
}

TEST(RuntimeResponse, IsAccepted) {
  ReadyWorld world;
  const std::string request_id = world.invoke();
  const CallId call = world.respond(request_id, "\"hello\"");
  EXPECT_EQ(world.status(call), 202);
  EXPECT_EQ(world.text(call, "status"), "OK");
  world.runtime_next();
  world.next(world.identifier);
  ASSERT_EQ(world.outcomes.size(), 1u);
  EXPECT_EQ(world.outcomes[0].response, "\"hello\"");
  EXPECT_EQ(world.outcomes[0].status, "success");
}

TEST(RuntimeResponse, OfAnotherRequestIsRefused) {
  ReadyWorld world;
  EXPECT_EQ(world.status(world.respond("00000000-0000-4000-8000-000000000000")), 400);
  world.invoke();
  const CallId call = world.respond("00000000-0000-4000-8000-000000000000");
  EXPECT_EQ(world.status(call), 400);
  EXPECT_EQ(world.error_type(call), "InvalidRequestID");
}

TEST(RuntimeResponse, IsTakenOnce) {
  ReadyWorld world;
  const std::string request_id = world.invoke();
  world.respond(request_id);
  const CallId second = world.respond(request_id);
  EXPECT_EQ(world.status(second), 403);
  EXPECT_EQ(world.error_type(second), "InvalidStateTransition");
}

TEST(RuntimeResponse, OverTheLimitIsRefusedAndTheFunctionFails) {
  Settings settings = World::with_extensions({"probe"});
  settings.response_bytes_max = 100;
  ReadyWorld world(settings);
  const std::string request_id = world.invoke();
  const CallId call = world.respond(request_id, std::string(101, 'x'));
  EXPECT_EQ(world.status(call), 413);
  EXPECT_EQ(world.error_type(call), "RequestEntityTooLarge");
  world.runtime_next();
  world.next(world.identifier);
  EXPECT_EQ(world.outcomes.at(0).function_error_type, "Function.ResponseSizeTooLarge");
  EXPECT_EQ(world.platform.phase(), Phase::ready) << "the environment goes on";
}

TEST(RuntimeResponse, InAStreamMayBeLongerAndEndWithAnError) {
  Settings settings = World::with_extensions({"probe"});
  settings.response_bytes_max = 100;
  ReadyWorld world(settings);
  const std::string request_id = world.invoke();
  const CallId call = ++world.last_call;
  const Request request{"POST",
                        "/2018-06-01/runtime/invocation/" + request_id + "/response",
                        {{"Lambda-Runtime-Function-Response-Mode", "streaming"}},
                        std::string(500, 'x'),
                        {{"Lambda-Runtime-Function-Error-Type", "My.Error"}}};
  world.platform.request_started(call, request, world.now());
  world.pass(Milliseconds(30));
  world.platform.request(call, request, world.now());
  EXPECT_EQ(world.status(call), 202);
  world.runtime_next();
  world.next(world.identifier);
  EXPECT_EQ(world.outcomes.at(0).function_error_type, "My.Error");
  EXPECT_EQ(world.outcomes.at(0).response.size(), 500u);
}

TEST(RuntimeResponse, InAnUnknownModeIsRefused) {
  ReadyWorld world;
  const std::string request_id = world.invoke();
  const CallId call = world.respond(request_id, "x", {{"Lambda-Runtime-Function-Response-Mode", "sideways"}});
  EXPECT_EQ(world.status(call), 400);
  EXPECT_EQ(world.error_type(call), "InvalidFunctionResponseMode");
}

TEST(RuntimeError, IsTheFunctionsBusinessAndTheRunSucceeds) {
  ReadyWorld world;
  const std::string request_id = world.invoke();
  const CallId call = world.call("POST", "/2018-06-01/runtime/invocation/" + request_id + "/error",
                                 {{"Lambda-Runtime-Function-Error-Type", "ValueError"}}, R"({"errorMessage":"no"})");
  EXPECT_EQ(world.status(call), 202);
  world.runtime_next();
  world.next(world.identifier);
  EXPECT_EQ(world.outcomes.at(0).status, "success");
  EXPECT_EQ(world.outcomes.at(0).function_error_type, "ValueError");
  EXPECT_EQ(world.event_of("platform.runtimeDone")->record.member("status")->text, "success");
}

TEST(RuntimeError, MaySayItsTypeInTheBodyAlone) {
  ReadyWorld world;
  const std::string request_id = world.invoke();
  world.call("POST", "/2018-06-01/runtime/invocation/" + request_id + "/error", {}, R"({"errorType":"KeyError"})");
  world.runtime_next();
  world.next(world.identifier);
  EXPECT_EQ(world.outcomes.at(0).function_error_type, "KeyError");
}

TEST(RuntimeInitError, ResetsTheEnvironment) {
  World world(World::with_extensions({"probe"}));
  world.platform.start(world.now());
  const std::string identifier = world.registered("probe");
  const CallId held = world.next(identifier);
  const CallId call = world.call("POST", "/2018-06-01/runtime/init/error",
                                 {{"Lambda-Runtime-Function-Error-Type", "Runtime.ImportModuleError"}}, "{}");
  EXPECT_EQ(world.status(call), 202);
  EXPECT_EQ(world.event_of("platform.initRuntimeDone")->record.member("status")->text, "error");
  EXPECT_EQ(world.event_of("platform.initRuntimeDone")->record.member("errorType")->text, "Runtime.ImportModuleError");
  EXPECT_EQ(world.text(held, "shutdownReason"), "failure");
  EXPECT_TRUE(world.running("runtime")->killed);
  EXPECT_EQ(world.platform.phase(), Phase::stopping);
}

TEST(RuntimeInitError, IsRefusedOutsideInit) {
  ReadyWorld world;
  EXPECT_EQ(world.error_type(world.call("POST", "/2018-06-01/runtime/init/error")), "InvalidStateTransition");
}

TEST(RuntimeRestore, ExistsWithSnapStartOnly) {
  ReadyWorld world;
  EXPECT_EQ(world.status(world.call("GET", "/2018-06-01/runtime/restore/next")), 404);
}

}  // namespace
}  // namespace stint::platform
