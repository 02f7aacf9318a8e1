// SPDX-License-Identifier: Apache-2.0
// The calls of the Extensions API on their one connection, and the events as the platform writes them.
#include "lambda/extension_api.h"

#include <gtest/gtest.h>

#include "base/taken_log.h"
#include "lambda/fake_platform.h"
#include "runtime/combine.h"
#include "runtime/epoll_loop.h"

namespace stint::lambda {
namespace {

TEST(ExtensionEvent, OfAnInvocationIsReadAsThePlatformWritesIt) {
  const Result<Event> event = parse_event(
      R"({"eventType":"INVOKE","deadlineMs":1775516174092,"requestId":"3da1f2dc-3222-475e-9205-e2e6c6318895",)"
      R"("invokedFunctionArn":"arn:aws:lambda:us-east-1:123456789012:function:ExtensionTest",)"
      R"("tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Sampled=1"}})");
  ASSERT_TRUE(event);
  EXPECT_EQ(event->kind, Event::Kind::invoke);
  EXPECT_EQ(event->request_id, "3da1f2dc-3222-475e-9205-e2e6c6318895");
  EXPECT_EQ(event->deadline->at, EpochTime(Milliseconds(1775516174092)));
  EXPECT_EQ(event->function_arn, "arn:aws:lambda:us-east-1:123456789012:function:ExtensionTest");
  EXPECT_EQ(event->trace, "Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Sampled=1");
}

TEST(ExtensionEvent, OfAShutdownIsReadAsThePlatformWritesIt) {
  const Result<Event> event =
      parse_event(R"({"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":1596813042000})");
  ASSERT_TRUE(event);
  EXPECT_EQ(event->kind, Event::Kind::shutdown);
  EXPECT_EQ(event->reason, "spindown");
  EXPECT_EQ(event->deadline->at, EpochTime(Milliseconds(1596813042000)));
}

TEST(ExtensionEvent, MayHoldNewFieldsAndTypesAndLackOthers) {
  EXPECT_EQ(parse_event(R"({"eventType":"RESTORE","new":[{"a":null}]})")->kind, Event::Kind::unknown);
  EXPECT_FALSE(parse_event(R"({"eventType":"INVOKE"})")->deadline.has_value());
  EXPECT_EQ(parse_event("{}")->kind, Event::Kind::unknown);
}

TEST(ExtensionEvent, WithADeadlineBeyondTimeHasNone) {
  EXPECT_TRUE(parse_event(R"({"deadlineMs":9223372036854775807})")->deadline->is_never());
  EXPECT_TRUE(parse_event(R"({"deadlineMs":1e300})")->deadline->is_never());
  EXPECT_EQ(parse_event(R"({"deadlineMs":1596813042000.0})")->deadline->at, EpochTime(Milliseconds(1596813042000)));
}

TEST(ExtensionEvent, MustBeJson) {
  EXPECT_FALSE(parse_event(""));
  EXPECT_FALSE(parse_event("<html>"));
  EXPECT_FALSE(parse_event(R"({"eventType":"INVOKE")"));
}

TEST(ErrorType, CanAlwaysStandInAHeader) {
  EXPECT_EQ(error_type_header_value("Extension.ConfigError"), "Extension.ConfigError");
  EXPECT_EQ(error_type_header_value("bad config:\r\nX-Evil: 1\x7f\xc3\xa9"), "bad_config:__X-Evil:_1___");
  EXPECT_EQ(error_type_header_value(std::string(500, 'x')).size(), 200u);
  EXPECT_EQ(error_type_header_value(""), "Extension.Error");
}

class ExtensionApiTest : public testing::Test {
 protected:
  void run(Task<> task) {
    runtime_.run(run_and_stop(std::move(task)));
    EXPECT_EQ(loop_.operations_in_flight(), 0u);
  }
  Task<> run_and_stop(Task<> task) {
    co_await std::move(task);
    co_await platform_.stop();
  }

  Task<> registered() {
    ExtensionApi api(runtime_, platform_.endpoint(), platform_.register_extension());
    const Result<Registration> registration = co_await api.finish_register();
    EXPECT_TRUE(registration);
    EXPECT_EQ(registration->identifier, fake_identifier);
    EXPECT_EQ(registration->function_name, "f");
    EXPECT_EQ(registration->function_version, "$LATEST");
    EXPECT_EQ(registration->handler, "h");
    EXPECT_EQ(registration->account_id, "001234567890");
  }
  // A body that is no JSON is no reason to fail: the identifier came in the head.
  Task<> registered_without_body() {
    platform_.register_answer.body = "OK";
    ExtensionApi api(runtime_, platform_.endpoint(), platform_.register_extension());
    const Result<Registration> registration = co_await api.finish_register();
    EXPECT_TRUE(registration);
    EXPECT_EQ(registration->identifier, fake_identifier);
    EXPECT_EQ(registration->account_id, "");
  }
  Task<> refused() {
    platform_.register_answer = {403, "something else", false};
    ExtensionApi api(runtime_, platform_.endpoint(), platform_.register_extension());
    EXPECT_EQ((co_await api.finish_register()).error(), (Error{ErrorCode::permanent, 0, 403}));
  }
  // The platform may close after an answer: the next call opens a connection of its own.
  Task<> reconnects() {
    platform_.register_answer.close = true;
    ExtensionApi api(runtime_, platform_.endpoint(), platform_.register_extension());
    EXPECT_TRUE(co_await api.finish_register());
    platform_.shut_down(1);
    const Result<Event> event = co_await api.next();
    EXPECT_TRUE(event);
    EXPECT_EQ(platform_.joined_order(), "register next");
  }
  Task<> take_next(ExtensionApi& api, Result<Event>& event) { event = co_await api.next(); }
  // Who would take our place after a crash must know which answer lies in which socket.
  Task<> hands_over() {
    using Stage = Handover::Stage;
    Handover handover;
    const Handle connection = platform_.register_extension();
    ExtensionApi api(runtime_, platform_.endpoint(), connection, &handover);
    EXPECT_TRUE(co_await api.finish_register());
    EXPECT_EQ(handover.stage, Stage::registered);
    EXPECT_EQ(std::string_view(handover.identifier), fake_identifier);
    Scope scope(runtime_);
    Result<Event> event = Event{};
    scope.spawn(take_next(api, event));
    EXPECT_TRUE(co_await platform_.next_asked(1));
    EXPECT_EQ(handover.stage, Stage::waiting);
    EXPECT_EQ(handover.connection, connection);
    platform_.invoke("one", 1);
    co_await scope.join();
    EXPECT_EQ(handover.stage, Stage::registered);
    scope.spawn(take_next(api, event));
    EXPECT_TRUE(co_await platform_.next_asked(2));
    platform_.shut_down(1);
    co_await scope.join();
    EXPECT_EQ(handover.stage, Stage::none);
  }
  // The peer goes while `next` is outstanding: an error, and nothing is sent again.
  Task<> lost() {
    Result<Listener> listener = Listener::open(runtime_, Address::ipv4_loopback(0));
    ApiEndpoint endpoint = *parse_api_endpoint(listener->address()->to_string());
    BlockingSocket socket;
    const Result<Handle> handle = connect_and_register(socket, endpoint, {endpoint.authority, "collector"});
    ExtensionApi api(runtime_, endpoint, *handle);
    Scope scope(runtime_);
    Result<Event> event = Event{};
    scope.spawn(take_next(api, event));
    Result<Stream> stream = co_await listener->accept();
    std::string heard;
    while (heard.find("/event/next") == heard.npos) {
      char bytes[1024];
      const Result<std::size_t> received = co_await stream->receive(bytes, sizeof bytes, Seconds(10));
      EXPECT_TRUE(received);
      if (!received || *received == 0) break;
      heard.append(bytes, *received);
    }
    stream->close();
    co_await scope.join();
    EXPECT_FALSE(event);
    // Nobody has come a second time.
    auto accepted = co_await race(runtime_, listener->accept(), sleep_result());
    EXPECT_EQ(accepted.first, 1u);
  }
  Task<Result<>> sleep_result() { return runtime_.sleep(Milliseconds(20)); }

  TakenLog log_;
  EpollLoop loop_;
  Runtime runtime_{loop_};
  FakePlatform platform_{runtime_};
};

TEST_F(ExtensionApiTest, KeepsWhatIsHandedOverCurrent) { run(hands_over()); }
TEST_F(ExtensionApiTest, ReadsWhatTheRegistrationGave) { run(registered()); }
TEST_F(ExtensionApiTest, IsRegisteredByTheIdentifierAlone) { run(registered_without_body()); }
TEST_F(ExtensionApiTest, SaysWhyTheRegistrationWasRefused) {
  run(refused());
  EXPECT_TRUE(log_.has("register: the platform answered 403: something else")) << log_.text();
}
TEST_F(ExtensionApiTest, OpensAnotherConnectionWhenThePlatformClosedTheFirst) { run(reconnects()); }
TEST_F(ExtensionApiTest, NeverSendsNextTwice) {
  run(lost());
  EXPECT_TRUE(log_.has("no answer from the platform")) << log_.text();
}

}  // namespace
}  // namespace stint::lambda
