// SPDX-License-Identifier: Apache-2.0
// What becomes of an invocation under each policy: tables of facts and plans.
#include "lambda/flush_policy.h"

#include <gtest/gtest.h>

namespace stint::lambda {
namespace {

using enum config::FlushKind;
using enum InvocationPlan;

constexpr EpochTime start{Seconds(1'700'000'000)};

constexpr config::FlushPolicy policy(config::FlushKind kind, Nanoseconds interval = {}) { return {kind, interval}; }

TEST(FlushPolicy, HoldsNextWhereItIsToldTheEnd) {
  const InvocationFacts facts{.has_telemetry = true, .now = start};
  EXPECT_EQ(plan_invocation(policy(end), facts), flush_at_end);
  EXPECT_EQ(plan_invocation(policy(adaptive), facts), flush_at_end);
  EXPECT_EQ(plan_invocation(policy(continuous), facts), flush_beside);
  EXPECT_EQ(plan_invocation(policy(periodic, Seconds(20)), facts), flush_first);
}

TEST(FlushPolicy, NeverHoldsForAnEndThatNobodyTells) {
  const InvocationFacts facts{.has_telemetry = false, .now = start};
  for (const config::FlushKind kind : {adaptive, end, continuous}) {
    EXPECT_EQ(plan_invocation(policy(kind), facts), flush_beside);
  }
}

TEST(FlushPolicy, AdaptiveLetsABusyFunctionGoAtOnce) {
  EXPECT_EQ(plan_invocation(policy(adaptive), {.has_telemetry = true, .is_busy = true, .now = start}), flush_beside);
  EXPECT_EQ(plan_invocation(policy(end), {.has_telemetry = true, .is_busy = true, .now = start}), flush_at_end);
}

TEST(FlushPolicy, AdaptiveHoldsABusyFunctionWhoseDataPilesUp) {
  const InvocationFacts facts{.has_telemetry = true, .is_busy = true, .is_behind = true, .now = start};
  EXPECT_EQ(plan_invocation(policy(adaptive), facts), flush_at_end);
  EXPECT_EQ(plan_invocation(policy(continuous), facts), flush_beside);
}

TEST(FlushPolicy, KeepsItsInterval) {
  struct Case {
    Nanoseconds since;
    bool due;
  };
  for (const Case& c : {Case{Milliseconds(999), false}, Case{Seconds(1), true}, Case{Seconds(2), true},
                        Case{-Seconds(1), true}}) {  // a clock that was set back must not silence us
    const InvocationFacts facts{.has_telemetry = true, .now = start + c.since, .flushed = start};
    EXPECT_EQ(plan_invocation(policy(end, Seconds(1)), facts), c.due ? flush_at_end : pass);
    EXPECT_EQ(plan_invocation(policy(continuous, Seconds(1)), facts), c.due ? flush_beside : pass);
    EXPECT_EQ(plan_invocation(policy(periodic, Seconds(1)), facts), c.due ? flush_first : pass);
  }
}

TEST(FlushPolicy, SubscribesOnlyWhereSomethingMayBeHeld) {
  for (const config::FlushKind kind : {adaptive, end, continuous, periodic}) {
    EXPECT_EQ(needs_runtime_done(policy(kind), false), kind == adaptive || kind == end);
    EXPECT_FALSE(needs_runtime_done(policy(kind), true));
  }
}

// Invocations `gap` apart; whether the one after `count` others finds a busy function.
bool busy_after(std::size_t count, Nanoseconds gap) {
  InvocationHistory history;
  for (std::size_t i = 0; i < count; ++i) history.add(start + gap * static_cast<std::int64_t>(i));
  return history.is_busy(start + gap * static_cast<std::int64_t>(count));
}

TEST(InvocationHistory, IsBusyAfterTwentyInvocationsAMinuteApartAtMost) {
  EXPECT_FALSE(busy_after(0, Seconds(1)));
  EXPECT_FALSE(busy_after(19, Seconds(1)));
  EXPECT_TRUE(busy_after(20, Seconds(1)));
  EXPECT_TRUE(busy_after(50, Seconds(60)));
  EXPECT_FALSE(busy_after(50, Seconds(60) + Milliseconds(1)));
  EXPECT_FALSE(busy_after(50, Seconds(300)));
}

TEST(InvocationHistory, ForgetsAfterALongPause) {
  InvocationHistory history;
  EpochTime now = start;
  for (int i = 0; i < 30; ++i) history.add(now += Seconds(1));
  EXPECT_TRUE(history.is_busy(now + Seconds(299)));
  EXPECT_FALSE(history.is_busy(now + Seconds(300)));
  history.add(now += Seconds(300));
  for (int i = 0; i < 18; ++i) history.add(now += Seconds(1));
  EXPECT_FALSE(history.is_busy(now + Seconds(1)));
  history.add(now += Seconds(1));
  EXPECT_TRUE(history.is_busy(now + Seconds(1)));
}

TEST(InvocationHistory, BearsAClockThatIsSetBack) {
  InvocationHistory history;
  for (int i = 0; i < 30; ++i) history.add(start - Seconds(i));
  EXPECT_TRUE(history.is_busy(start - Seconds(1000)));
}

TEST(FlushPolicyText, IsReadInAllItsForms) {
  using config::parse_flush_policy;
  EXPECT_EQ(parse_flush_policy("adaptive"), policy(adaptive));
  EXPECT_EQ(parse_flush_policy("end"), policy(end));
  EXPECT_EQ(parse_flush_policy("end,1500"), policy(end, Milliseconds(1500)));
  EXPECT_EQ(parse_flush_policy("continuous"), policy(continuous));
  EXPECT_EQ(parse_flush_policy("continuous,0"), policy(continuous));
  EXPECT_EQ(parse_flush_policy("periodic"), policy(periodic, Seconds(20)));
  EXPECT_EQ(parse_flush_policy("periodic,86400000"), policy(periodic, Seconds(86'400)));
  for (const std::string_view wrong : {"", "End", "adaptive,1", "end,", "end,-1", "end,1s", "end,1,2", "end, 1",
                                       "periodic,86400001", "sometimes", "end,99999999999999999999"}) {
    EXPECT_FALSE(parse_flush_policy(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace stint::lambda
