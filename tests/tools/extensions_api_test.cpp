// SPDX-License-Identifier: Apache-2.0
// The Extensions API's rules, one test each.
// Source: lambda-platform facts, section 1.
#include "world.h"

namespace stint::platform {
namespace {

class Registering : public ::testing::Test {
 protected:
  Registering() : world(World::with_extensions({"probe", "other"})) { world.platform.start(world.now()); }
  World world;
};

TEST_F(Registering, AnswersIdentifierNameVersionAndHandler) {
  const CallId call = world.register_call("probe");
  EXPECT_EQ(world.status(call), 200);
  EXPECT_TRUE(is_uuid(world.header(call, "Lambda-Extension-Identifier")));
  EXPECT_EQ(world.text(call, "functionName"), "function");
  EXPECT_EQ(world.text(call, "functionVersion"), "$LATEST");
  EXPECT_EQ(world.text(call, "handler"), "handler.handler");
  EXPECT_EQ(world.body(call).member("accountId"), nullptr);
}

TEST_F(Registering, TellsTheAccountOnlyWithTheFeature) {
  const CallId call =
      world.call("POST", "/2020-01-01/extension/register",
                 {{"lambda-extension-name", "probe"}, {"Lambda-Extension-Accept-Feature", "later, accountId"}},
                 R"({"events":["INVOKE"]})");
  EXPECT_EQ(world.text(call, "accountId"), "123456789012");
}

TEST_F(Registering, RefusesAnEmptyName) {
  const CallId call = world.call("POST", "/2020-01-01/extension/register", {}, "{}");
  EXPECT_EQ(world.status(call), 403);
  EXPECT_EQ(world.error_type(call), "Extension.InvalidExtensionName");
}

TEST_F(Registering, RefusesBodiesThatAreNotRegistrations) {
  for (const char* const body : {"", "{", "[]", R"({"events":"INVOKE"})", R"({"configurationKeys":["a"]})"}) {
    const CallId call =
        world.call("POST", "/2020-01-01/extension/register", {{"Lambda-Extension-Name", "probe"}}, body);
    EXPECT_EQ(world.status(call), 403) << body;
    EXPECT_EQ(world.error_type(call), "InvalidRequestFormat") << body;
  }
}

TEST_F(Registering, TakesNoEventsAtAll) {
  const CallId call = world.call("POST", "/2020-01-01/extension/register", {{"Lambda-Extension-Name", "probe"}}, "{}");
  EXPECT_EQ(world.status(call), 200);
}

TEST_F(Registering, RefusesAnUnknownEvent) {
  const CallId call = world.register_call("probe", R"(["INVOKE","FREEZE"])");
  EXPECT_EQ(world.status(call), 403);
  EXPECT_EQ(world.error_type(call), "Extension.InvalidEventType");
}

TEST_F(Registering, RefusesASecondTime) {
  world.registered("probe");
  const CallId call = world.register_call("probe");
  EXPECT_EQ(world.status(call), 403);
  EXPECT_EQ(world.error_type(call), "Extension.InvalidExtensionState");
  EXPECT_EQ(world.text(call, "errorMessage"),
            "State transition from Registered to Registered failed for extension probe. Error: State transition is "
            "not allowed");
}

TEST_F(Registering, TakesAnUnknownNameAsInternalWithoutShutdown) {
  EXPECT_EQ(world.error_type(world.register_call("inside", R"(["SHUTDOWN"])")), "Extension.InvalidEventType");
  EXPECT_EQ(world.status(world.register_call("inside", R"(["INVOKE"])")), 200);
  EXPECT_EQ(world.error_type(world.register_call("inside", R"(["INVOKE"])")), "Extension.InvalidExtensionState");
}

TEST_F(Registering, EndsAtTenExtensions) {
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(world.status(world.register_call("inside-" + std::to_string(i), "[]")), 200) << i;
  }
  const CallId call = world.register_call("one-too-many", "[]");
  EXPECT_EQ(world.status(call), 403);
  EXPECT_EQ(world.error_type(call), "Extension.TooManyExtensions");
  EXPECT_EQ(world.text(call, "errorMessage"), "Extension limit (10) reached");
}

TEST_F(Registering, IsClosedOnceTheRuntimeHasCalledNext) {
  world.registered("probe");
  world.registered("other");
  world.runtime_next();
  EXPECT_EQ(world.error_type(world.register_call("late", "[]")), "Extension.RegistrationClosed");
}

TEST_F(Registering, OnManagedInstancesKnowsShutdownOnly) {
  Settings settings = World::with_extensions({"probe"});
  settings.mode = Mode::managed_instances;
  World managed(settings);
  managed.platform.start(managed.now());
  EXPECT_EQ(managed.error_type(managed.register_call("probe")), "Extension.InvalidEventType");
  EXPECT_EQ(managed.status(managed.register_call("probe", R"(["SHUTDOWN"])")), 200);
}

TEST_F(Registering, IsAnsweredAcrossAllExtensionsInAnyOrder) {
  world.registered("other");
  EXPECT_EQ(world.running("runtime"), nullptr);
  world.registered("probe");
  EXPECT_NE(world.running("runtime"), nullptr);
}

TEST(ExtensionNext, NeedsAnIdentifierThatIsKnown) {
  ReadyWorld world;
  const std::string path = "/2020-01-01/extension/event/next";
  EXPECT_EQ(world.error_type(world.call("GET", path)), "Extension.MissingExtensionIdentifier");
  EXPECT_EQ(world.error_type(world.next("not-a-uuid")), "Extension.InvalidExtensionIdentifier");
  const CallId unknown = world.next("00000000-0000-4000-8000-000000000000");
  EXPECT_EQ(world.status(unknown), 403);
  EXPECT_EQ(world.error_type(unknown), "Extension.UnknownExtensionIdentifier");
}

TEST(ExtensionNext, RefusesASecondOneWhileOneIsOutstanding) {
  ReadyWorld world;
  const CallId second = world.next(world.identifier);
  EXPECT_EQ(world.status(second), 403);
  EXPECT_EQ(world.error_type(second), "Extension.InvalidExtensionState");
  EXPECT_EQ(world.text(second, "errorMessage"), "State transition from Ready to Ready failed for extension " +
                                                    world.identifier + ". Error: State transition is not allowed");
  EXPECT_EQ(world.status(world.extension_next), 0) << "the first one is held as before";
  world.invoke();
  EXPECT_EQ(world.status(world.extension_next), 200);
}

TEST(ExtensionNext, BringsTheInvocation) {
  ReadyWorld world;
  const std::string request_id = world.invoke();
  const CallId call = world.extension_next;
  EXPECT_EQ(world.status(call), 200);
  EXPECT_NE(world.header(call, "Lambda-Extension-Event-Identifier"), "");
  EXPECT_EQ(world.text(call, "eventType"), "INVOKE");
  EXPECT_EQ(world.text(call, "requestId"), request_id);
  EXPECT_EQ(world.text(call, "invokedFunctionArn"), "arn:aws:lambda:us-east-1:123456789012:function:function");
  const std::int64_t now_ms = world.now().epoch.time_since_epoch() / Milliseconds(1);
  EXPECT_EQ(*world.body(call).member("deadlineMs")->integer(), now_ms + 3000);
  EXPECT_EQ(world.body(call).member("tracing")->member("type")->text, "X-Amzn-Trace-Id");
}

TEST(ExtensionNext, LosesTheEventWithItsConnectionButNotTheState) {
  ReadyWorld world;
  world.platform.call_closed(world.extension_next);
  const std::string request_id = world.invoke();
  world.run_function(request_id);
  EXPECT_EQ(world.platform.phase(), Phase::invoking);
  world.next(world.identifier);
  EXPECT_EQ(world.platform.phase(), Phase::ready);
}

TEST(ExtensionNext, WithoutInvokeIsHeldThroughInvocations) {
  World world(World::with_extensions({"quiet"}));
  world.platform.start(world.now());
  const std::string identifier = world.registered("quiet", R"(["SHUTDOWN"])");
  const CallId held = world.next(identifier);
  world.runtime_next();
  const std::string request_id = world.platform.invoke({}, world.now());
  world.respond(request_id);
  world.runtime_next();
  EXPECT_EQ(world.platform.phase(), Phase::ready) << "it is not waited for";
  EXPECT_EQ(world.status(held), 0);
  world.platform.shutdown(world.now());
  world.exit("runtime");
  EXPECT_EQ(world.text(held, "eventType"), "SHUTDOWN");
}

TEST(ExtensionErrors, NeedTheErrorTypeHeader) {
  ReadyWorld world;
  const CallId call =
      world.call("POST", "/2020-01-01/extension/exit/error", {{"Lambda-Extension-Identifier", world.identifier}}, "{}");
  EXPECT_EQ(world.status(call), 403);
  EXPECT_EQ(world.error_type(call), "Extension.MissingHeader");
}

TEST(ExtensionErrors, AreRefusedForUnknownExtensions) {
  ReadyWorld world;
  const CallId call = world.extension_error("00000000-0000-4000-8000-000000000000", "exit");
  EXPECT_EQ(world.error_type(call), "Extension.UnknownExtensionIdentifier");
}

TEST(ExtensionErrors, InInitFailInitWhenTheExtensionEnds) {
  World world(World::with_extensions({"probe"}));
  world.platform.start(world.now());
  const std::string identifier = world.registered("probe");
  const CallId call = world.extension_error(identifier, "init");
  EXPECT_EQ(world.status(call), 202);
  EXPECT_EQ(world.text(call, "status"), "OK");
  EXPECT_EQ(world.status(world.extension_error(identifier, "init", "Second.Error")), 202) << "a repeat changes nothing";
  EXPECT_EQ(world.status(world.next(identifier)), 403);
  world.exit("probe", ExitStatus{1, 0});
  EXPECT_EQ(world.event_of("platform.initReport")->record.member("errorType")->text, "Extension.InitError");
  EXPECT_EQ(world.event_of("platform.extension")->record.member("state")->text, "InitError");
  EXPECT_EQ(world.event_of("platform.extension")->record.member("errorType")->text, "My.Error");
}

TEST(ExtensionErrors, InitErrorIsRefusedAfterTheFirstNext) {
  ReadyWorld world;
  EXPECT_EQ(world.error_type(world.extension_error(world.identifier, "init")), "Extension.InvalidExtensionState");
}

TEST(ExtensionErrors, ExitErrorFailsTheInvocation) {
  ReadyWorld world;
  world.invoke();
  EXPECT_EQ(world.status(world.extension_error(world.identifier, "exit")), 202);
  world.exit("probe", ExitStatus{1, 0});
  ASSERT_EQ(world.outcomes.size(), 1u);
  EXPECT_EQ(world.outcomes[0].status, "error");
  EXPECT_EQ(world.outcomes[0].error_type, "Extension.ExitError");
}

TEST(Routes, AnswerWhatIsUnknownWith404) {
  ReadyWorld world;
  EXPECT_EQ(world.status(world.call("GET", "/2020-01-01/extension/register")), 404);
  EXPECT_EQ(world.status(world.call("GET", "/")), 404);
  EXPECT_EQ(world.status(world.call("POST", "/2022-07-01/telemetry")), 404);
  EXPECT_EQ(world.status(world.call("PUT", "/2020-08-15/logs")), 202);
}

}  // namespace
}  // namespace stint::platform
