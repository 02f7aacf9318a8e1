// SPDX-License-Identifier: Apache-2.0
// The end of an invocation by the SDK's span, where that is wished: `next` is asked for though nobody has told of
// platform.runtimeDone.
#include "lambda/life_cycle_world.h"
#include "pipeline/requests.h"

namespace stint::lambda {
namespace {

class InvocationEndTest : public LifeCycleWorld {
 protected:
  void SetUp() override {
    LifeCycleWorld::SetUp();
    settings_.watch = &watch_;
    settings_.end_by_span = Milliseconds(2);
    settings_.flush = {config::FlushKind::end, {}};
  }
  // As a receiver does with a request of the function.
  void see(std::string_view what, std::string_view request_id) {
    platform_.order.emplace_back(what);
    if (watch_.is_watching()) watch_.see(otlp::Signal::traces, invocation_request({request_id}));
  }
  Task<> until_held() {
    for (int i = 0; i < 5; ++i) (void)co_await runtime_.sleep(Milliseconds(1));
  }

  Task<> ended_by_span() {
    EXPECT_TRUE(co_await platform_.next_asked(1));
    platform_.invoke("one", in_ms(60'000));
    co_await until_held();
    see("span", "one");
    EXPECT_TRUE(co_await platform_.next_asked(2));
    shut_down();
  }
  Task<> tried_again() {
    EXPECT_TRUE(co_await platform_.next_asked(1));
    platform_.invoke("one", in_ms(60'000));
    co_await until_held();
    see("span", "one");
    EXPECT_TRUE(co_await platform_.next_asked(2));
    EXPECT_EQ(co_await platform_.runtime_done("one"), 200);
    platform_.invoke("one", in_ms(60'000));
    co_await until_held();
    platform_.order.emplace_back("again");
    EXPECT_EQ(co_await platform_.runtime_done("one"), 200);
    EXPECT_TRUE(co_await platform_.next_asked(3));
    shut_down();
  }
  Task<> span_without_effect(std::string_view request_id) {
    EXPECT_TRUE(co_await platform_.next_asked(1));
    platform_.invoke("one", in_ms(60'000));
    co_await until_held();
    see("span", request_id);
    co_await until_held();
    platform_.order.emplace_back("one");
    EXPECT_EQ(co_await platform_.runtime_done("one"), 200);
    EXPECT_TRUE(co_await platform_.next_asked(2));
    shut_down();
  }
  Task<> never_told() {
    EXPECT_TRUE(co_await platform_.next_asked(1));
    platform_.invoke("one", in_ms(120));
    co_await until_held();
    EXPECT_TRUE(co_await platform_.next_asked(2));
    shut_down();
  }

  InvocationWatch watch_{runtime_};
};

TEST_F(InvocationEndTest, IsTheSpansEndAndThenSilence) {
  run(ended_by_span());
  EXPECT_EQ(platform_.joined_order(), "bound register telemetry next span flush next stop");
  EXPECT_FALSE(watch_.is_watching());
}

TEST_F(InvocationEndTest, OfTheFirstTryIsNotThatOfTheSecondWhenItIsToldLate) {
  run(tried_again());
  EXPECT_EQ(platform_.joined_order(), "bound register telemetry next span flush next again flush next stop");
}

TEST_F(InvocationEndTest, IsNotThatOfAnotherInvocation) {
  run(span_without_effect("another"));
  EXPECT_EQ(platform_.joined_order(), "bound register telemetry next span one flush next stop");
}

TEST_F(InvocationEndTest, IsRuntimeDoneAloneUnlessItIsWishedOtherwise) {
  settings_.end_by_span = Nanoseconds::zero();
  run(span_without_effect("one"));
  EXPECT_EQ(platform_.joined_order(), "bound register telemetry next span one flush next stop");
}

TEST_F(InvocationEndTest, IsWaitedForUntilTheDeadlineOnly) {
  run(never_told());
  EXPECT_EQ(platform_.joined_order(), "bound register telemetry next next stop");
}

}  // namespace
}  // namespace stint::lambda
