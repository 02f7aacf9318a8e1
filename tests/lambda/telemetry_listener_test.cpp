// SPDX-License-Identifier: Apache-2.0
// Deliveries of the Telemetry API: always answered 200, each event taken once, however late, early or broken they are.
#include "lambda/telemetry_listener.h"

#include <gtest/gtest.h>

#include "base/taken_log.h"
#include "lambda/fake_platform.h"
#include "runtime/epoll_loop.h"
#include "runtime/scope.h"

namespace stint::lambda {
namespace {

class RecordedSink final : public TelemetrySink {
 public:
  void take(const wire::PlatformEvent& event) override { said.append(event.type).append(" "); }
  std::string said;
};

std::string runtime_done(std::string_view id, std::string_view time = "2026-01-01T00:00:00.000Z") {
  return concat(R"([{"time":")", time, R"(","type":"platform.runtimeDone","record":{"requestId":")", id,
                R"(","status":"success"}}])");
}

class TelemetryListenerTest : public testing::Test {
 protected:
  TelemetryListenerTest() { listener_.add_sink(sink_); }

  void run(Task<> task) {
    ASSERT_TRUE(listener_.open());
    runtime_.run(run_and_stop(std::move(task)));
    EXPECT_EQ(loop_.operations_in_flight(), 0u);
  }
  Task<> run_and_stop(Task<> task) {
    co_await std::move(task);
    co_await listener_.stop();
  }
  // The status of the answer, 0 without one.
  Task<int> post(std::string body) {
    net::HttpClient client(runtime_, pool_, copies_, {"127.0.0.1", listener_.port(), ""});
    std::string head;
    (void)wire::append_request_head(head, "POST", "/", "sandbox.localdomain", {}, body.size());
    const iovec part{body.data(), body.size()};
    const Result<net::HttpResponse> response = co_await client.request(head, {&part, 1}, Seconds(10));
    co_return response ? response->status : 0;
  }
  Task<> post_later(std::string body) {
    (void)co_await runtime_.sleep(Milliseconds(2));
    EXPECT_EQ(co_await post(std::move(body)), 200);
  }
  Deadline in(Nanoseconds duration) { return Deadline{runtime_.epoch_now() + duration}; }

  Task<> early() {
    EXPECT_EQ(co_await post(runtime_done("a")), 200);
    EXPECT_EQ(co_await listener_.wait_runtime_done("a", in(Seconds(10))), InvocationEnd::succeeded);
  }
  Task<> late() {
    Scope scope(runtime_);
    scope.spawn(post_later(runtime_done("a")));
    EXPECT_EQ(co_await listener_.wait_runtime_done("a", in(Seconds(10))), InvocationEnd::succeeded);
    co_await scope.join();
  }
  Task<> wrong_id() {
    Scope scope(runtime_);
    scope.spawn(post_later(runtime_done("b")));
    EXPECT_EQ(co_await listener_.wait_runtime_done("a", in(Milliseconds(30))), InvocationEnd::not_seen);
    co_await scope.join();
    EXPECT_EQ(co_await listener_.wait_runtime_done("b", in(Seconds(10))), InvocationEnd::succeeded);
  }
  Task<> deadline_over() {
    EXPECT_EQ(co_await listener_.wait_runtime_done("a", Deadline::from_epoch_ms(1)), InvocationEnd::not_seen);
    EXPECT_EQ(co_await post(runtime_done("a")), 200);
    // What is there is there, whatever the clock says.
    EXPECT_EQ(co_await listener_.wait_runtime_done("a", Deadline::from_epoch_ms(1)), InvocationEnd::succeeded);
  }
  Task<> duplicates() {
    EXPECT_EQ(co_await post(runtime_done("a")), 200);
    EXPECT_EQ(co_await post(runtime_done("a")), 200);
    // The same event in another delivery.
    EXPECT_EQ(co_await post(runtime_done("a") + " "), 200);
    EXPECT_EQ(sink_.said, "platform.runtimeDone ");
    EXPECT_EQ(listener_.deliveries(), 3u);
    EXPECT_EQ(co_await listener_.wait_runtime_done("a", in(Seconds(10))), InvocationEnd::succeeded);
    EXPECT_EQ(co_await listener_.wait_runtime_done("a", in(Milliseconds(1))), InvocationEnd::not_seen);
  }
  Task<> tried_again() {
    EXPECT_EQ(co_await post(runtime_done("a", "2026-01-01T00:00:00.000Z")), 200);
    EXPECT_EQ(co_await listener_.wait_runtime_done("a", in(Seconds(10))), InvocationEnd::succeeded);
    EXPECT_EQ(co_await listener_.wait_runtime_done("a", in(Milliseconds(1))), InvocationEnd::not_seen);
    EXPECT_EQ(co_await post(runtime_done("a", "2026-01-01T00:01:00.000Z")), 200);
    EXPECT_EQ(co_await listener_.wait_runtime_done("a", in(Seconds(10))), InvocationEnd::succeeded);
  }
  Task<> bounded() {
    for (int i = 0; i < 1000; ++i) {
      EXPECT_EQ(co_await post(runtime_done(concat("id", i), concat("2026-01-01T00:00:00.", i, "Z"))), 200);
    }
    EXPECT_EQ(co_await listener_.wait_runtime_done("id0", in(Milliseconds(1))), InvocationEnd::not_seen);
    EXPECT_EQ(co_await listener_.wait_runtime_done("id999", in(Milliseconds(1))), InvocationEnd::succeeded);
  }
  Task<> garbage() {
    EXPECT_EQ(co_await post("{not json"), 200);
    EXPECT_EQ(co_await post(""), 200);
    EXPECT_EQ(co_await post(std::string("\0\xff\xfe", 3)), 200);
    EXPECT_EQ(co_await post(std::string(100'000, '[')), 200);
    // What stands before the damage counts.
    const std::string done = runtime_done("a");
    EXPECT_EQ(co_await post(done.substr(0, done.size() - 1) + ",{\"type\":"), 200);
    EXPECT_EQ(co_await listener_.wait_runtime_done("a", in(Seconds(10))), InvocationEnd::succeeded);
  }
  Task<> too_large() {
    EXPECT_EQ(co_await post(std::string(limits::telemetry_body_bytes_max + 1, ' ')), 200);
    EXPECT_EQ(co_await post(runtime_done("a")), 200);
    EXPECT_EQ(co_await listener_.wait_runtime_done("a", in(Seconds(10))), InvocationEnd::succeeded);
  }
  Task<> no_http() {
    Result<Stream> stream = co_await connect(runtime_, Address::ipv4_loopback(listener_.port()), Seconds(10));
    EXPECT_TRUE(co_await stream->send("nonsense\r\n\r\n"));
    char answer[256];
    const Result<std::size_t> received = co_await stream->receive(answer, sizeof answer, Seconds(10));
    EXPECT_TRUE(std::string_view(answer, received.value_or(0u)).starts_with("HTTP/1.1 200 "));
  }
  Task<> others() {
    EXPECT_EQ(co_await post(R"([{"time":"t","type":"function","record":{"requestId":"a","message":"one"}},)"
                            R"({"time":"t","type":"function","record":{"requestId":"a","message":"two"}},)"
                            R"({"time":"t","type":"platform.runtimeDone","record":{"requestId":7}},)"
                            R"({"time":"t","type":"platform.brandNew","record":[1,2]}, 12, null])"),
              200);
    EXPECT_EQ(sink_.said, "function function platform.runtimeDone platform.brandNew ");
  }
  Task<> cancelled(Scope& scope, bool& seen) {
    scope.spawn(wait_into(seen));
    (void)co_await runtime_.sleep(Milliseconds(1));
    scope.cancel();
    co_await scope.join();
  }
  Task<> wait_into(bool& seen) {
    const InvocationEnd end = co_await listener_.wait_runtime_done("a", Deadline::never());
    seen = end != InvocationEnd::not_seen;
  }

  TakenLog log_;
  EpollLoop loop_;
  Runtime runtime_{loop_};
  BlockPool pool_{16u << 20};
  CopyCounters copies_;
  RecordedSink sink_;
  TelemetryListener listener_{runtime_};
};

TEST_F(TelemetryListenerTest, RemembersAnEndThatCameBeforeItWasWaitedFor) { run(early()); }
TEST_F(TelemetryListenerTest, WakesWhoWaitsForTheEnd) { run(late()); }
TEST_F(TelemetryListenerTest, PassesOverTheEndOfAnotherInvocation) { run(wrong_id()); }
TEST_F(TelemetryListenerTest, WaitsNoLongerThanTheDeadline) { run(deadline_over()); }
TEST_F(TelemetryListenerTest, TakesARepeatedDeliveryOnce) { run(duplicates()); }
TEST_F(TelemetryListenerTest, WaitsAnewWhenAnInvocationIsTriedAgain) { run(tried_again()); }
TEST_F(TelemetryListenerTest, KeepsOnlyTheLastEnds) { run(bounded()); }
TEST_F(TelemetryListenerTest, AnswersGarbageWith200AndKeepsWhatCameBeforeIt) {
  run(garbage());
  EXPECT_TRUE(log_.has("cannot be read to its end")) << log_.text();
}
TEST_F(TelemetryListenerTest, AnswersADeliveryThatIsTooLargeWith200) {
  run(too_large());
  EXPECT_TRUE(log_.has("a delivery is lost")) << log_.text();
}
TEST_F(TelemetryListenerTest, AnswersEvenWhatIsNoHttpWith200) { run(no_http()); }
TEST_F(TelemetryListenerTest, HandsOnEveryOtherEventAsItCame) { run(others()); }
TEST_F(TelemetryListenerTest, StopsWaitingWhenCancelled) {
  Scope scope(runtime_);
  bool seen = true;
  run(cancelled(scope, seen));
  EXPECT_FALSE(seen);
}

TEST_F(TelemetryListenerTest, NamesTheSandboxAsItsHostAndNoneForTheEmulator) {
  run(early());
  EXPECT_EQ(listener_.uri(false), concat("http://sandbox.localdomain:", listener_.port(), "/"));
  EXPECT_EQ(listener_.uri(true), concat("http://:", listener_.port(), "/"));
}

}  // namespace
}  // namespace stint::lambda
