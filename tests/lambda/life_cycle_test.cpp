// SPDX-License-Identifier: Apache-2.0
// The life of the extension against a small platform: what is called in which order, what `next` waits for, and how it
// ends. The graph holds components that record what the life cycle asks of them.
#include "lambda/life_cycle.h"

#include <csignal>

#include "lambda/life_cycle_world.h"
#include "net/http2_frames.h"
#include "otlp/status.h"

namespace stint::lambda {
namespace {

class LifeCycleTest : public LifeCycleWorld {
 protected:
  Task<> only_shut_down() {
    EXPECT_TRUE(co_await platform_.next_asked(1));
    shut_down();
  }
  Task<> two_invocations() {
    EXPECT_TRUE(co_await platform_.next_asked(1));
    for (const std::string_view id : {"one", "two"}) {
      platform_.invoke(id, in_ms(60'000));
      // Until the end is told, `next` is not asked for.
      (void)co_await runtime_.sleep(Milliseconds(5));
      platform_.order.emplace_back(id);
      EXPECT_EQ(co_await platform_.runtime_done(std::string(id)), 200);
      EXPECT_TRUE(co_await platform_.next_asked(id == "one" ? 2 : 3));
    }
    shut_down();
  }
  Task<> other_end_first() {
    EXPECT_TRUE(co_await platform_.next_asked(1));
    platform_.invoke("one", in_ms(60'000));
    EXPECT_EQ(co_await platform_.runtime_done("another"), 200);
    EXPECT_EQ(co_await platform_.deliver("garbage"), 200);
    (void)co_await runtime_.sleep(Milliseconds(5));
    platform_.order.emplace_back("one");
    EXPECT_EQ(co_await platform_.runtime_done("one"), 200);
    EXPECT_TRUE(co_await platform_.next_asked(2));
    shut_down();
  }
  Task<> end_before_event() {
    EXPECT_TRUE(co_await platform_.next_asked(1));
    EXPECT_EQ(co_await platform_.runtime_done("one"), 200);
    platform_.invoke("one", in_ms(60'000));
    EXPECT_TRUE(co_await platform_.next_asked(2));
    shut_down();
  }
  Task<> no_end() {
    EXPECT_TRUE(co_await platform_.next_asked(1));
    platform_.invoke("one", in_ms(80));
    EXPECT_TRUE(co_await platform_.next_asked(2));
    shut_down();
  }
  Task<> deadline_over() {
    EXPECT_TRUE(co_await platform_.next_asked(1));
    platform_.invoke("one", in_ms(-1000));
    EXPECT_TRUE(co_await platform_.next_asked(2));
    platform_.send_event(R"({"eventType":"INVOKE","requestId":"no deadline"})");
    EXPECT_TRUE(co_await platform_.next_asked(3));
    shut_down();
  }
  Task<> slow_flush() {
    EXPECT_TRUE(co_await platform_.next_asked(1));
    EXPECT_EQ(co_await platform_.runtime_done("one"), 200);
    deadline_ms_ = in_ms(120);
    platform_.invoke("one", deadline_ms_);
    EXPECT_TRUE(co_await platform_.next_asked(2));
    shut_down();
  }
  Task<> invocations_without_end() {
    EXPECT_TRUE(co_await platform_.next_asked(1));
    platform_.invoke("one", in_ms(60'000));
    EXPECT_TRUE(co_await platform_.next_asked(2));
    platform_.invoke("two", in_ms(60'000));
    EXPECT_TRUE(co_await platform_.next_asked(3));
    shut_down();
  }
  Task<> held_then_not() {
    EXPECT_TRUE(co_await platform_.next_asked(1));
    platform_.invoke("one", in_ms(60'000));
    (void)co_await runtime_.sleep(Milliseconds(5));
    platform_.order.emplace_back("one");
    EXPECT_EQ(co_await platform_.runtime_done("one"), 200);
    EXPECT_TRUE(co_await platform_.next_asked(2));
    platform_.invoke("two", in_ms(60'000));
    EXPECT_TRUE(co_await platform_.next_asked(3));
    shut_down();
  }
  Task<> unknown_event() {
    EXPECT_TRUE(co_await platform_.next_asked(1));
    platform_.send_event(R"({"eventType":"SOMETHING_NEW","deadlineMs":1})");
    EXPECT_TRUE(co_await platform_.next_asked(2));
    shut_down();
  }
  Task<> refused_next() {
    EXPECT_TRUE(co_await platform_.next_asked(1));
    platform_.refuse_next(
        {403, R"({"errorType":"Extension.InvalidExtensionState","errorMessage":"State transition failed"})"});
  }
  Task<> lost_next() {
    EXPECT_TRUE(co_await platform_.next_asked(1));
    platform_.refuse_next({200, "this is no event", true});
  }
  Task<> lost_in_an_invocation() {
    EXPECT_TRUE(co_await platform_.next_asked(1));
    deadline_ms_ = in_ms(900);
    platform_.invoke("one", deadline_ms_);
    EXPECT_TRUE(co_await platform_.next_asked(2));
    platform_.refuse_next({500, "", true});
  }
  Task<> nothing() { co_return; }
  Task<> terminate(std::size_t nexts) {
    EXPECT_TRUE(co_await platform_.next_asked(1));
    if (nexts > 0) platform_.invoke("one", in_ms(60'000));
    (void)co_await runtime_.sleep(Milliseconds(5));
    ::raise(SIGTERM);
  }

  Task<> post_to_idle(std::string path, std::string type, Address address, net::HttpResponse& response) {
    net::HttpClient client(runtime_, pool_, copies_, {"127.0.0.1", address.port(), ""});
    const wire::Header headers[] = {{"Content-Type", type}};
    std::string head;
    (void)wire::append_request_head(head, "POST", path, "localhost", headers, 4);
    head.append("body");
    Result<net::HttpResponse> answered = co_await client.request(head, {}, Seconds(10));
    EXPECT_TRUE(answered);
    if (answered) response = std::move(*answered);
  }
};

TEST_F(LifeCycleTest, BindsEverythingBeforeTheFirstNextAndEndsAtAShutdown) {
  run(only_shut_down());
  EXPECT_EQ(exit_code_, 0);
  // `register` is written before all else, and read by the platform when the loop turns.
  EXPECT_EQ(platform_.joined_order(), "bound register telemetry next stop");
  const FakePlatform::Call* const registered = platform_.find("register");
  EXPECT_EQ(registered->method, "POST");
  EXPECT_EQ(registered->name, "collector");
  EXPECT_EQ(registered->feature, "accountId");
  EXPECT_EQ(registered->body, R"({"events":["INVOKE","SHUTDOWN"]})");
  EXPECT_EQ(platform_.find("next")->method, "GET");
  EXPECT_EQ(platform_.find("next")->identifier, fake_identifier);
  EXPECT_EQ(account_target(), "001234567890");
}

TEST_F(LifeCycleTest, SubscribesToPlatformEventsWithTheLeastBuffering) {
  run(only_shut_down());
  const FakePlatform::Call* const subscribed = platform_.find("telemetry");
  EXPECT_EQ(subscribed->method, "PUT");
  EXPECT_EQ(subscribed->path, "/2022-07-01/telemetry");
  EXPECT_EQ(subscribed->identifier, fake_identifier);
  EXPECT_EQ(subscribed->body,
            concat(R"({"schemaVersion":"2022-12-13","types":["platform"],)",
                   R"("buffering":{"maxItems":1000,"maxBytes":262144,"timeoutMs":25},)",
                   R"("destination":{"protocol":"HTTP","URI":")", platform_.destination(), R"(/"}})"));
  EXPECT_TRUE(platform_.destination().starts_with("http://sandbox.localdomain:"));
}

TEST_F(LifeCycleTest, NamesNoHostToTheEmulator) {
  settings_.sam_local = true;
  run(only_shut_down());
  EXPECT_TRUE(platform_.destination().starts_with("http://:")) << platform_.destination();
}

TEST_F(LifeCycleTest, HoldsNextUntilTheFunctionsEndAndTheFlush) {
  run(two_invocations());
  EXPECT_EQ(platform_.joined_order(), "bound register telemetry next one flush next two flush next stop");
  EXPECT_EQ(exit_code_, 0);
}

TEST_F(LifeCycleTest, TakesNoOtherInvocationsEndForThisOne) {
  run(other_end_first());
  EXPECT_EQ(platform_.joined_order(), "bound register telemetry next one flush next stop");
}

TEST_F(LifeCycleTest, TakesAnEndThatCameBeforeItsEvent) {
  run(end_before_event());
  EXPECT_EQ(platform_.joined_order(), "bound register telemetry next flush next stop");
}

TEST_F(LifeCycleTest, AsksForNextBeforeTheDeadlineWhenTheEndIsNotTold) {
  run(no_end());
  EXPECT_EQ(platform_.joined_order(), "bound register telemetry next next stop");
}

TEST_F(LifeCycleTest, HoldsNothingWhenTheDeadlineIsOverOrNotSaid) {
  run(deadline_over());
  EXPECT_EQ(platform_.joined_order(), "bound register telemetry next next next flush stop");
}

TEST_F(LifeCycleTest, FlushesWithinTheDeadline) {
  record_.flush_never_ends = true;
  run(slow_flush());
  EXPECT_EQ(platform_.joined_order(), "bound register telemetry next flush flush-late next stop");
  ASSERT_EQ(record_.flushes.size(), 1u);
  EXPECT_EQ(record_.flushes[0].at, EpochTime(Milliseconds(deadline_ms_)) - LifeCycle::release_margin);
}

TEST_F(LifeCycleTest, HoldsNoInvocationLongerThanItsPatienceHoweverFarTheDeadlineIs) {
  run(two_invocations());
  ASSERT_EQ(record_.flushes.size(), 2u);
  for (const Deadline& flush : record_.flushes) EXPECT_LE(flush.at, runtime_.epoch_now() + limits::hold_max);
}

TEST_F(LifeCycleTest, ContinuousAsksForNextAtOnceAndSubscribesToNothing) {
  settings_.flush = {config::FlushKind::continuous, {}};
  record_.flush_never_ends = true;
  run(invocations_without_end());
  EXPECT_EQ(platform_.find("telemetry"), nullptr);
  EXPECT_EQ(record_.flushes.size(), 2u);
  EXPECT_EQ(platform_.order.back(), "stop");
}

TEST_F(LifeCycleTest, ContinuousWithAnIntervalFlushesNoMoreOften) {
  settings_.flush = {config::FlushKind::continuous, Seconds(3600)};
  run(invocations_without_end());
  EXPECT_EQ(record_.flushes.size(), 1u);
}

TEST_F(LifeCycleTest, PeriodicFlushesFirstAndAsksForNextThenWithoutWaitingForTheEnd) {
  settings_.flush = {config::FlushKind::periodic, Seconds(3600)};
  run(invocations_without_end());
  EXPECT_EQ(platform_.joined_order(), "bound register next flush next next stop");
}

TEST_F(LifeCycleTest, EndWithAnIntervalHoldsOnlyWhenItIsOver) {
  settings_.flush = {config::FlushKind::end, Seconds(3600)};
  run(held_then_not());
  EXPECT_EQ(platform_.joined_order(), "bound register telemetry next one flush next next stop");
}

TEST_F(LifeCycleTest, StopsWithinTheDeadlineOfTheShutdown) {
  const std::int64_t before = in_ms(2000);
  run(only_shut_down());
  ASSERT_EQ(record_.stops.size(), 1u);
  EXPECT_GE(record_.stops[0].at, EpochTime(Milliseconds(before)) - LifeCycle::release_margin);
  EXPECT_LT(record_.stops[0].at, runtime_.epoch_now() + Seconds(2) - LifeCycle::release_margin + Milliseconds(1));
}

class TerminatedLife : public LifeCycleTest {
 protected:
  void SetUp() override {
    LifeCycleTest::SetUp();
    ::sigprocmask(SIG_SETMASK, nullptr, &mask_);
    Result<TerminationSignals> opened = TerminationSignals::open(runtime_);
    ASSERT_TRUE(opened);
    signals_.emplace(std::move(*opened));
  }
  void TearDown() override {
    LifeCycleTest::TearDown();
    ::sigprocmask(SIG_SETMASK, &mask_, nullptr);
  }
  sigset_t mask_{};
};

TEST_F(TerminatedLife, StopsInOrderWhileNextIsOutstanding) {
  run(terminate(0));
  EXPECT_EQ(exit_code_, 0);
  EXPECT_EQ(platform_.joined_order(), "bound register telemetry next stop");
  EXPECT_TRUE(log_.has("ended: SIGTERM")) << log_.text();
}

TEST_F(TerminatedLife, StopsInOrderWhileAnInvocationIsHeld) {
  run(terminate(1));
  EXPECT_EQ(exit_code_, 0);
  EXPECT_EQ(platform_.joined_order(), "bound register telemetry next stop");
}

TEST_F(TerminatedLife, StillEndsAtAShutdown) {
  run(only_shut_down());
  EXPECT_EQ(exit_code_, 0);
  EXPECT_TRUE(log_.has("ended: spindown")) << log_.text();
}

TEST_F(LifeCycleTest, GoesOnWhenTheMemoryForDataIsFull) {
  const Result<Block> all = pool_.allocate(15u << 20);
  ASSERT_TRUE(all);
  std::vector<Block> rest;
  for (Result<Block> block = pool_.allocate(1); block; block = pool_.allocate(1)) rest.push_back(std::move(*block));
  run(two_invocations());
  EXPECT_EQ(platform_.joined_order(), "bound register telemetry next one flush next two flush next stop");
}

TEST_F(LifeCycleTest, PassesOverEventsThatItDoesNotKnow) {
  run(unknown_event());
  EXPECT_EQ(platform_.joined_order(), "bound register telemetry next next stop");
}

class WithoutTelemetry : public LifeCycleTest, public testing::WithParamInterface<int> {
 protected:
  Task<> two_invocations_without_end() {
    EXPECT_TRUE(co_await platform_.next_asked(1));
    platform_.invoke("one", in_ms(60'000));
    EXPECT_TRUE(co_await platform_.next_asked(2));
    record_.flush_never_ends = true;
    platform_.invoke("two", in_ms(60'000));
    EXPECT_TRUE(co_await platform_.next_asked(3));
    shut_down();
  }
};

TEST_P(WithoutTelemetry, NextIsNeverHeldAndWhatIsLeftGoesOutBesideTheNextInvocation) {
  platform_.telemetry_answer = {GetParam(), R"({"errorType":"Telemetry.NotSupported"})", false};
  run(two_invocations_without_end());
  EXPECT_EQ(exit_code_, 0);
  // The flush beside starts before or after `next` is heard; it is ended, never waited for.
  EXPECT_EQ(record_.flushes.size(), 2u);
  EXPECT_EQ(platform_.order.back(), "stop");
  EXPECT_EQ(platform_.order[platform_.order.size() - 2], "flush-cancelled");
  EXPECT_TRUE(log_.has("no Telemetry API here")) << log_.text();
  // Where there is none by design, nothing has gone wrong.
  const bool by_design = GetParam() == 202 || GetParam() == 404;
  EXPECT_EQ(log_.has("the platform answered"), !by_design) << log_.text();
}
INSTANTIATE_TEST_SUITE_P(Statuses, WithoutTelemetry, testing::Values(202, 404, 403, 500));

TEST_F(LifeCycleTest, AsksManagedInstancesForShutdownOnlyAndSubscribesToNothing) {
  settings_.managed_instances = true;
  run(only_shut_down());
  EXPECT_EQ(platform_.find("register")->body, R"({"events":["SHUTDOWN"]})");
  EXPECT_EQ(platform_.joined_order(), "bound register next stop");
}

TEST_F(LifeCycleTest, SaysAtTheEndWhatBecameOfTheData) {
  data_.accepted = 12;
  data_.delivered = 7;
  data_.drop(DropReason::environment_end, 3);
  data_.drop(DropReason::permanent, 2);
  data_.recovered = 4;
  data_.journalled = 3;
  data_.refused = 6;
  data_.retries = 8;
  data_.repaired_strings = 9;
  run(only_shut_down());
  EXPECT_TRUE(log_.has(
      "ended: spindown, after 0 invocations: 12 items accepted, 7 delivered, 5 dropped (2 permanent, "
      "3 environment_end), 4 recovered, 3 left in the journal, 6 requests refused, 8 sent again, 9 texts repaired, "
      "held for 0 ms"))
      << log_.text();
}

TEST_F(LifeCycleTest, EndsWithAnErrorWhenItIsNotRegistered) {
  platform_.register_answer = {403, R"({"errorType":"Extension.TooManyExtensions","errorMessage":"limit of 10"})",
                               false};
  run(nothing());
  EXPECT_EQ(exit_code_, 1);
  EXPECT_EQ(platform_.joined_order(), "bound register stop");
  EXPECT_TRUE(log_.has("403 Extension.TooManyExtensions: limit of 10")) << log_.text();
}

TEST_F(LifeCycleTest, EndsInOrderWhenNextIsRefused) {
  run(refused_next());
  EXPECT_EQ(exit_code_, 0);
  EXPECT_EQ(platform_.joined_order(), "bound register telemetry next stop exit/error");
  EXPECT_EQ(platform_.find("exit/error")->error_type, "Extension.NextFailed");
  EXPECT_EQ(platform_.find("exit/error")->identifier, fake_identifier);
  EXPECT_TRUE(log_.has("403 Extension.InvalidExtensionState: State transition failed")) << log_.text();
}

TEST_F(LifeCycleTest, NeverAsksAgainWhenTheAnswerToNextIsNoEvent) {
  run(lost_next());
  EXPECT_EQ(exit_code_, 0);
  EXPECT_EQ(platform_.joined_order(), "bound register telemetry next stop exit/error");
}

TEST_F(LifeCycleTest, StopsWithinTheInvocationsDeadlineWhenThePlatformIsLostInIt) {
  settings_.flush = {config::FlushKind::continuous, {}};
  run(lost_in_an_invocation());
  const EpochTime deadline{Milliseconds(deadline_ms_)};
  if (runtime_.epoch_now() >= deadline) GTEST_SKIP() << "the machine stood still";
  ASSERT_EQ(record_.stops.size(), 1u);
  EXPECT_LE(record_.stops[0].at, deadline - LifeCycle::release_margin);
}

TEST_F(LifeCycleTest, ReportsABadConfigurationWhereThatIsWished) {
  settings_.fail_on_error = true;
  error_ = "config.yaml:3: receivers::otlp::protocol: unknown key\nwrite protocols";
  run(nothing());
  EXPECT_EQ(exit_code_, 0);
  EXPECT_EQ(platform_.joined_order(), "register init/error");
  const FakePlatform::Call* const reported = platform_.find("init/error");
  EXPECT_EQ(reported->error_type, "Extension.ConfigError");
  EXPECT_EQ(reported->body,
            R"({"errorMessage":"config.yaml:3: receivers::otlp::protocol: unknown key\nwrite protocols",)"
            R"("errorType":"Extension.ConfigError","stackTrace":[]})");
}

class IdleModeTest : public LifeCycleTest {
 protected:
  // Sends a gRPC call and gives what comes until the end, or until nothing more does.
  Task<> call_idle(Address address, std::string& answer) {
    Result<Stream> stream = co_await connect(runtime_, address, Seconds(10));
    EXPECT_TRUE(co_await stream->send(http2::start() + http2::call(1, "/any.Service/Method", "message")));
    char bytes[4096];
    for (Result<std::size_t> size = std::size_t{1}; size && *size > 0;) {
      size = co_await stream->receive(bytes, sizeof bytes, Milliseconds(300));
      if (size) answer.append(bytes, *size);
    }
  }
  Task<> idle_answers() {
    IdleMode idle(runtime_, pool_, copies_, "config.yaml:3: unknown key");
    std::vector<std::string> endpoints{"127.0.0.1:0", "localhost:0"};
    std::vector<std::string> grpc_endpoints{"127.0.0.1:0"};
    co_await idle.start(std::move(endpoints), std::move(grpc_endpoints));
    EXPECT_GE(idle.addresses().size(), 3u);
    net::HttpResponse response;
    co_await post_to_idle("/v1/traces", "application/x-protobuf", idle.addresses()[0], response);
    EXPECT_EQ(response.status, 400);
    EXPECT_EQ(response.content_type, "application/x-protobuf");
    const Result<otlp::RpcStatus> status = otlp::decode_status(response.body.view());
    EXPECT_TRUE(status);
    EXPECT_EQ(status->code, otlp::RpcCode::invalid_argument);
    EXPECT_NE(status->message.find("config.yaml:3: unknown key"), std::string::npos) << status->message;
    co_await post_to_idle("/v1/logs", "application/json; charset=utf-8", idle.addresses()[1], response);
    EXPECT_EQ(response.status, 400);
    EXPECT_EQ(response.content_type, "application/json");
    EXPECT_TRUE(response.body.view().starts_with("{\"code\":3,\"message\":")) << response.body.view();
    // A gRPC client on the port of HTTP, and on its own.
    std::string answer;
    co_await call_idle(idle.addresses()[0], answer);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 ")) << answer;
    answer.clear();
    co_await call_idle(idle.addresses().back(), answer);
    const http2::Answers answers = http2::read_answers(answer);
    EXPECT_TRUE(answers.streams.contains(1));
    if (answers.streams.contains(1)) {
      EXPECT_EQ(answers.streams.at(1).status(), "3");
      EXPECT_NE(answers.streams.at(1).text().find("config.yaml:3: unknown key"), std::string::npos);
    }
    EXPECT_EQ(idle.refused(), 3u);
    // A port that is taken is no reason to end.
    IdleMode second(runtime_, pool_, copies_, "x");
    std::vector<std::string> taken{idle.addresses()[0].to_string()};
    co_await second.start(std::move(taken), std::vector<std::string>());
    EXPECT_TRUE(second.addresses().empty());
    co_await second.stop();
    co_await idle.stop();
  }
  Task<> invoked_idle() {
    EXPECT_TRUE(co_await platform_.next_asked(1));
    platform_.invoke("one", in_ms(60'000));
    EXPECT_TRUE(co_await platform_.next_asked(2));
    shut_down();
  }
};

TEST_F(IdleModeTest, AnswersEverySenderForGoodWithTheError) {
  runtime_.run(idle_answers());
  runtime_.run(platform_.stop());
}

TEST_F(IdleModeTest, ServesNextAndLeavesTheFunctionAlone) {
  error_ = "config.yaml:3: unknown key";
  run(invoked_idle());
  EXPECT_EQ(exit_code_, 0);
  EXPECT_EQ(platform_.joined_order(), "register next next");
  EXPECT_EQ(account_target(), "001234567890");
}

}  // namespace
}  // namespace stint::lambda
