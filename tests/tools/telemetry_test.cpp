// SPDX-License-Identifier: Apache-2.0
// The Telemetry API: which subscriptions are taken, how events are buffered, delivered and repeated.
// Source: lambda-platform facts, section 3.
#include "tools/lambda/telemetry.h"

#include "world.h"

namespace stint::platform {
namespace {

using Types = std::vector<std::string>;

std::string subscription(std::string_view changed_key, std::string_view value) {
  std::string body = "{";
  const std::pair<std::string_view, std::string_view> parts[] = {
      {"schemaVersion", R"("2022-12-13")"},
      {"types", R"(["platform"])"},
      {"buffering", R"({"maxItems":1000,"maxBytes":262144,"timeoutMs":25})"},
      {"destination", R"({"protocol":"HTTP","URI":"http://sandbox:8080/"})"}};
  for (const auto& [key, usual] : parts) {
    const std::string_view text = key == changed_key ? value : usual;
    if (text.empty()) continue;
    body += (body.size() > 1 ? ",\"" : "\"") + std::string(key) + "\":" + std::string(text);
  }
  return body + "}";
}

class Subscribing : public ::testing::Test {
 protected:
  Subscribing() : world(World::with_extensions({"probe"})) {
    world.platform.start(world.now());
    identifier = world.registered("probe");
  }
  CallId subscribe(std::string_view changed_key = "", std::string_view value = "") {
    return world.subscribe_with(identifier, subscription(changed_key, value));
  }
  World world;
  std::string identifier;
};

TEST_F(Subscribing, IsAnsweredWithOk) {
  const CallId call = subscribe();
  EXPECT_EQ(world.status(call), 200);
  EXPECT_EQ(world.answers[call].body, "\"OK\"");
  EXPECT_EQ(world.event_of("platform.telemetrySubscription")->text,
            R"({"name":"probe","state":"Subscribed","types":["platform"]})");
}

TEST_F(Subscribing, IsRefusedForWhatTheSchemaForbids) {
  const std::pair<std::string_view, std::string_view> wrong[] = {
      {"schemaVersion", ""},
      {"schemaVersion", R"("2021-01-01")"},
      {"schemaVersion", "20221213"},
      {"types", ""},
      {"types", "[]"},
      {"types", R"(["platform","platform"])"},
      {"types", R"(["runtime"])"},
      {"buffering", "[]"},
      {"buffering", R"({"maxItems":999})"},
      {"buffering", R"({"maxItems":10001})"},
      {"buffering", R"({"maxBytes":262143})"},
      {"buffering", R"({"maxBytes":1048577})"},
      {"buffering", R"({"timeoutMs":24})"},
      {"buffering", R"({"timeoutMs":30001})"},
      {"buffering", R"({"timeoutMs":25.5})"},
      {"buffering", R"({"timeoutMs":"25"})"},
      {"destination", ""},
      {"destination", R"({"protocol":"UDP","port":8080})"},
      {"destination", R"({"protocol":"HTTP"})"},
      {"destination", R"({"protocol":"HTTP","URI":"https://sandbox:8080/"})"},
      {"destination", R"({"protocol":"HTTP","URI":"http://sandbox/"})"},
      {"destination", R"({"protocol":"HTTP","URI":"http://sandbox:0/"})"},
      {"destination", R"({"protocol":"HTTP","URI":"http://sandbox:70000/"})"},
      {"destination", R"({"protocol":"HTTP","URI":"http://sandbox:9001/"})"},
      {"destination", R"({"protocol":"HTTP","URI":"http://example.com:8080/"})"},
      {"destination", R"({"protocol":"TCP","port":9001})"},
      {"destination", R"({"protocol":"TCP"})"},
  };
  for (const auto& [key, value] : wrong) {
    const CallId call = subscribe(key, value);
    EXPECT_EQ(world.status(call), 400) << key << " " << value;
    EXPECT_EQ(world.error_type(call), "ValidationError") << key << " " << value;
    EXPECT_NE(world.text(call, "errorMessage"), "") << key << " " << value;
  }
  EXPECT_EQ(world.status(world.subscribe_with(identifier, "{")), 400);
}

TEST_F(Subscribing, TakesWhatTheSchemaAllows) {
  const std::pair<std::string_view, std::string_view> right[] = {
      {"schemaVersion", R"("2022-07-01")"},
      {"schemaVersion", R"("2025-01-29")"},
      {"types", R"(["platform","function","extension"])"},
      {"buffering", ""},
      {"buffering", R"({"maxItems":10000,"maxBytes":1048576,"timeoutMs":30000})"},
      {"destination", R"({"protocol":"HTTP","URI":"http://sandbox.localdomain:1","method":"POST","encoding":"JSON"})"},
      {"destination", R"({"protocol":"TCP","port":4000})"},
  };
  for (const auto& [key, value] : right) EXPECT_EQ(world.status(subscribe(key, value)), 200) << key << " " << value;
}

TEST_F(Subscribing, NeedsAKnownIdentifier) {
  EXPECT_EQ(world.error_type(world.call("PUT", "/2022-07-01/telemetry", {}, "{}")),
            "Extension.MissingExtensionIdentifier");
  EXPECT_EQ(world.error_type(world.subscribe("00000000-0000-4000-8000-000000000000")),
            "Extension.UnknownExtensionIdentifier");
}

TEST_F(Subscribing, IsClosedWhenInitHasEnded) {
  world.next(identifier);
  EXPECT_EQ(world.status(subscribe()), 200) << "the runtime is not ready yet";
  world.runtime_next();
  const CallId call = subscribe();
  EXPECT_EQ(world.status(call), 403);
  EXPECT_EQ(world.error_type(call), "Telemetry.SubscriptionClosed");
  EXPECT_EQ(world.text(call, "errorMessage"), "Telemetry API subscription is closed already");
}

TEST(TelemetrySupport, CanBeAbsentIn202And404) {
  for (const auto& [support, status] :
       {std::pair(TelemetrySupport::not_supported, 202), std::pair(TelemetrySupport::not_found, 404)}) {
    Settings settings = World::with_extensions({"probe"});
    settings.telemetry = support;
    World world(settings);
    world.platform.start(world.now());
    const CallId call = world.subscribe(world.registered("probe"));
    EXPECT_EQ(world.status(call), status);
    if (status == 202) EXPECT_EQ(world.error_type(call), "Telemetry.NotSupported");
  }
}

TEST(TelemetrySchema, MustBeTheNewOneOnManagedInstances) {
  Settings settings = World::with_extensions({"probe"});
  settings.mode = Mode::managed_instances;
  World world(settings);
  world.platform.start(world.now());
  const std::string identifier = world.registered("probe", R"(["SHUTDOWN"])");
  EXPECT_EQ(world.status(world.subscribe(identifier, 25, R"(["platform"])", "2022-12-13")), 400);
  EXPECT_EQ(world.status(world.subscribe(identifier, 25, R"(["platform"])", "2025-01-29")), 200);
}

TEST(Delivery, ReplaysWhatHappenedBeforeTheSubscription) {
  World world(World::with_extensions({"probe"}));
  world.platform.start(world.now());
  world.pass(Milliseconds(3));
  const std::string identifier = world.registered("probe");
  world.subscribe(identifier);
  world.pass(Milliseconds(25));
  ASSERT_EQ(world.deliveries.size(), 1u);
  EXPECT_EQ(world.delivered_types(0), (Types{"platform.initStart", "platform.telemetrySubscription"}));
  EXPECT_TRUE(
      world.deliveries[0].body.starts_with(R"([{"time":"2023-11-14T22:13:20.000Z","type":"platform.initStart")"))
      << world.deliveries[0].body;
  EXPECT_EQ(world.deliveries[0].destination.port, 8080);
  EXPECT_EQ(world.deliveries[0].destination.path, "/telemetry");
}

TEST(Delivery, WaitsForTheTimeOut) {
  World world(World::with_extensions({"probe"}));
  world.platform.start(world.now());
  world.subscribe(world.registered("probe"), 100);
  world.pass(Milliseconds(99));
  EXPECT_EQ(world.deliveries.size(), 0u);
  world.pass(Milliseconds(1));
  EXPECT_EQ(world.deliveries.size(), 1u);
}

TEST(Delivery, IsCutByItems) {
  World world(World::with_extensions({"probe"}));
  world.platform.start(world.now());
  world.subscribe(world.registered("probe"), 30'000, R"(["function"])");
  for (int i = 0; i < 999; ++i) world.print("runtime", "x");
  EXPECT_EQ(world.deliveries.size(), 0u);
  world.print("runtime", "x");
  ASSERT_EQ(world.deliveries.size(), 1u);
  EXPECT_EQ(world.delivered_types(0).size(), 1000u);
}

TEST(Delivery, IsCutByBytes) {
  World world(World::with_extensions({"probe"}));
  world.platform.start(world.now());
  world.subscribe(world.registered("probe"), 30'000, R"(["function"])");
  const std::string line(50'000, 'x');
  for (int i = 0; i < 5; ++i) world.print("runtime", line);
  EXPECT_EQ(world.deliveries.size(), 0u);
  world.print("runtime", line);
  ASSERT_EQ(world.deliveries.size(), 1u);
  EXPECT_EQ(world.delivered_types(0).size(), 6u);
}

TEST(Delivery, GoesOneAtATimeInOrder) {
  World world(World::with_extensions({"probe"}));
  world.platform.start(world.now());
  world.subscribe(world.registered("probe"), 25, R"(["function"])");
  world.print("runtime", "first");
  world.pass(Milliseconds(25));
  world.print("runtime", "second");
  world.pass(Milliseconds(100));
  ASSERT_EQ(world.deliveries.size(), 1u) << "the first is still under way";
  world.deliver_ok(0);
  ASSERT_EQ(world.deliveries.size(), 2u);
  EXPECT_NE(world.deliveries[0].body.find("first"), std::string::npos);
  EXPECT_NE(world.deliveries[1].body.find("second"), std::string::npos);
}

TEST(Delivery, IsRepeatedWithBackOffUntilItIsTaken) {
  World world(World::with_extensions({"probe"}));
  world.platform.start(world.now());
  world.subscribe(world.registered("probe"), 25, R"(["function"])");
  world.print("runtime", "line");
  world.pass(Milliseconds(25));
  world.platform.delivered(world.deliveries[0].id, 500, world.now());
  world.pass(Milliseconds(99));
  EXPECT_EQ(world.deliveries.size(), 1u);
  world.pass(Milliseconds(1));
  ASSERT_EQ(world.deliveries.size(), 2u);
  world.platform.delivered(world.deliveries[1].id, 0, world.now());
  world.pass(Milliseconds(199));
  EXPECT_EQ(world.deliveries.size(), 2u);
  world.pass(Milliseconds(1));
  ASSERT_EQ(world.deliveries.size(), 3u);
  EXPECT_EQ(world.deliveries[2].body, world.deliveries[0].body);
  world.deliver_ok(2);
  world.pass(Seconds(5));
  EXPECT_EQ(world.deliveries.size(), 3u);
}

TEST(Delivery, ThatIsNeverTakenIsDroppedAndSaid) {
  Settings settings = World::with_extensions({"probe"});
  settings.delivery_attempts_max = 2;
  World world(settings);
  world.platform.start(world.now());
  world.subscribe(world.registered("probe"), 25, R"(["platform","function"])");
  world.pass(Milliseconds(25));
  world.platform.delivered(world.deliveries.at(0).id, 0, world.now());
  world.pass(Milliseconds(100));
  world.platform.delivered(world.deliveries.at(1).id, 0, world.now());
  world.pass(Milliseconds(25));
  ASSERT_EQ(world.deliveries.size(), 3u);
  EXPECT_EQ(world.delivered_types(2), Types{"platform.logsDropped"});
  EXPECT_NE(world.deliveries[2].body.find("\"droppedRecords\":2"), std::string::npos) << world.deliveries[2].body;
}

TEST(Delivery, OverflowsIntoLogsDropped) {
  Settings settings = World::with_extensions({"probe"});
  settings.telemetry_queue_bytes_max = 1000;
  World world(settings);
  world.platform.start(world.now());
  world.subscribe(world.registered("probe"), 25, R"(["platform","function"])");
  world.pass(Milliseconds(25));
  for (int i = 0; i < 20; ++i) world.print("runtime", std::string(100, 'x'));
  world.deliver_ok(0);
  world.pass(Milliseconds(25));
  ASSERT_EQ(world.deliveries.size(), 2u);
  const Types types = world.delivered_types(1);
  EXPECT_EQ(types.back(), "platform.logsDropped");
  EXPECT_LT(types.size(), 10u);
}

TEST(Delivery, OfAReportWaitsForTheNextInvocation) {
  ReadyWorld world;
  const std::string request_id = world.invoke();
  world.pass(Milliseconds(30));
  for (std::size_t i = 0; i < world.deliveries.size(); ++i) world.deliver_ok(i);
  world.run_function(request_id);
  world.pass(Milliseconds(25));
  ASSERT_GT(world.deliveries.size(), 1u);
  EXPECT_EQ(world.delivered_types(world.deliveries.size() - 1), Types{"platform.runtimeDone"});
  world.deliver_ok(world.deliveries.size() - 1);
  world.next(world.identifier);
  const std::size_t before = world.deliveries.size();
  world.pass(Seconds(60));
  EXPECT_EQ(world.deliveries.size(), before) << "nothing moves while frozen";
  world.invoke();
  ASSERT_EQ(world.deliveries.size(), before + 1);
  EXPECT_EQ(world.delivered_types(before), Types{"platform.report"});
}

TEST(Delivery, GoesOnDuringShutdown) {
  ReadyWorld world;
  world.run_function(world.invoke());
  world.next(world.identifier);
  const std::size_t before = world.deliveries.size();
  for (std::size_t i = 0; i < before; ++i) world.deliver_ok(i);
  world.platform.shutdown(world.now());
  world.pass(Milliseconds(25));
  ASSERT_GT(world.deliveries.size(), before);
  EXPECT_NE(world.deliveries.back().body.find("platform.report"), std::string::npos);
}

TEST(Delivery, ServesTwoSubscriptionsOfOneExtension) {
  World world(World::with_extensions({"probe"}));
  world.platform.start(world.now());
  const std::string identifier = world.registered("probe");
  world.subscribe(identifier, 25, R"(["platform"])", "2022-12-13", 8080);
  world.subscribe(identifier, 25, R"(["function"])", "2022-12-13", 8081);
  world.print("runtime", "line");
  world.pass(Milliseconds(25));
  ASSERT_EQ(world.deliveries.size(), 2u);
  EXPECT_EQ(world.deliveries[1].destination.port, 8081);
  EXPECT_EQ(world.delivered_types(1), Types{"function"});
}

TEST(Delivery, OverTcpIsLines) {
  World world(World::with_extensions({"probe"}));
  world.platform.start(world.now());
  world.subscribe_with(world.registered("probe"), R"({"schemaVersion":"2022-12-13","types":["function"],)"
                                                  R"("buffering":{"timeoutMs":25},)"
                                                  R"("destination":{"protocol":"TCP","port":4000}})");
  world.print("runtime", "a");
  world.print("runtime", "b");
  world.pass(Milliseconds(25));
  ASSERT_EQ(world.deliveries.size(), 1u);
  EXPECT_EQ(world.deliveries[0].body,
            "{\"time\":\"2023-11-14T22:13:20.000Z\",\"type\":\"function\",\"record\":\"a\"}\n"
            "{\"time\":\"2023-11-14T22:13:20.000Z\",\"type\":\"function\",\"record\":\"b\"}\n");
}

TEST(LogLines, BecomeTextAndAreRepaired) {
  ReadyWorld world;
  world.invoke();
  world.print("runtime", "say \"hi\"\tna\xC3\xAFve \xFF\x01");
  EXPECT_EQ(world.event_of("function")->text, "\"say \\\"hi\\\"\\tna\xC3\xAFve \xEF\xBF\xBD\\u0001\"");
  world.print("probe", R"({"level":"INFO"})");
  EXPECT_EQ(world.event_of("extension")->record.text, R"({"level":"INFO"})") << "the format is text";
}

TEST(LogLines, InJsonBecomeRecordsForTheNewSchemaOnly) {
  Settings settings = World::with_extensions({"probe"});
  settings.function.log_format = "JSON";
  World world(settings);
  world.platform.start(world.now());
  const std::string identifier = world.registered("probe");
  world.subscribe(identifier, 25, R"(["function"])", "2022-12-13", 8080);
  world.subscribe(identifier, 25, R"(["function"])", "2022-07-01", 8081);
  world.print("runtime", R"({"level":"INFO"})");
  world.print("runtime", "{not json");
  world.pass(Milliseconds(25));
  ASSERT_EQ(world.deliveries.size(), 2u);
  EXPECT_NE(world.deliveries[0].body.find(R"("record":{"level":"INFO"})"), std::string::npos);
  EXPECT_NE(world.deliveries[0].body.find(R"("record":"{not json")"), std::string::npos);
  EXPECT_NE(world.deliveries[1].body.find(R"("record":"{\"level\":\"INFO\"}")"), std::string::npos);
}

}  // namespace
}  // namespace stint::platform
