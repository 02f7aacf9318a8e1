// SPDX-License-Identifier: Apache-2.0
// Keepalive as grpc-go has it, on a clock of the test.
#include "net/keepalive.h"

#include <gtest/gtest.h>

namespace stint::net {
namespace {

using Action = Keepalive::Action;
constexpr MonotonicTime start{Seconds(1'000'000)};

TEST(Keepalive, DoesNothingForTwoHoursByDefault) {
  Keepalive keepalive({}, start);
  EXPECT_EQ(keepalive.next(false), start + Seconds(7200));
  EXPECT_EQ(keepalive.due(start + Seconds(7199), false), Action::none);
  EXPECT_EQ(keepalive.due(start + Seconds(7200), false), Action::ping);
  EXPECT_EQ(keepalive.due(start + Seconds(7219), false), Action::none);
  EXPECT_EQ(keepalive.due(start + Seconds(7220), false), Action::close);
}

TEST(Keepalive, StartsAnewWithEveryByte) {
  Keepalive keepalive({}, start);
  keepalive.received(start + Seconds(7000));
  EXPECT_EQ(keepalive.due(start + Seconds(7200), false), Action::none);
  EXPECT_EQ(keepalive.due(start + Seconds(14'200), false), Action::ping);
  keepalive.received(start + Seconds(14'201));
  EXPECT_EQ(keepalive.due(start + Seconds(14'230), false), Action::none);
}

TEST(Keepalive, DrainsAnIdleConnectionAndNotABusyOne) {
  Keepalive keepalive({.idle_max = Seconds(10)}, start);
  EXPECT_EQ(keepalive.due(start + Seconds(20), true), Action::none);
  keepalive.calls_changed(start + Seconds(20));
  EXPECT_EQ(keepalive.next(false), start + Seconds(30));
  EXPECT_EQ(keepalive.due(start + Seconds(30), false), Action::drain);
  EXPECT_EQ(keepalive.due(start + Seconds(34), false), Action::none);
  EXPECT_EQ(keepalive.due(start + Seconds(35), false), Action::finish);
  EXPECT_EQ(keepalive.due(start + Seconds(36), false), Action::none);
}

TEST(Keepalive, DrainsAnOldConnectionAndClosesItAfterItsGrace) {
  Keepalive keepalive({.age_max = Seconds(60), .age_grace = Seconds(9)}, start);
  EXPECT_EQ(keepalive.due(start + Seconds(60), true), Action::drain);
  EXPECT_EQ(keepalive.due(start + Seconds(65), true), Action::finish);
  EXPECT_EQ(keepalive.due(start + Seconds(68), true), Action::none);
  EXPECT_EQ(keepalive.due(start + Seconds(69), true), Action::close);
}

TEST(Keepalive, PingsWithoutACallOnlyWhereThatIsWanted) {
  Keepalive keepalive({.ping_after = Seconds(10), .ping_timeout = Seconds(5), .needs_calls = true}, start);
  EXPECT_EQ(keepalive.next(false), MonotonicTime::max());
  EXPECT_EQ(keepalive.due(start + Seconds(60), false), Keepalive::Action::none);
  EXPECT_EQ(keepalive.next(true), start + Seconds(10));
  EXPECT_EQ(keepalive.due(start + Seconds(60), true), Keepalive::Action::ping) << "a call after a long silence";
  EXPECT_EQ(keepalive.due(start + Seconds(65), false), Keepalive::Action::close)
      << "the answer is awaited all the same";
}

TEST(Keepalive, CountsPingsThatComeTooOften) {
  Keepalive keepalive({}, start);
  for (const bool fine : {true, true, true, false}) EXPECT_EQ(keepalive.accept_ping(start, true), fine);
}

TEST(Keepalive, ForgetsThemWithEveryAnswer) {
  Keepalive keepalive({}, start);
  for (int i = 0; i < 20; ++i) {
    keepalive.answer_sent();
    EXPECT_TRUE(keepalive.accept_ping(start, true));
    EXPECT_TRUE(keepalive.accept_ping(start, true));
  }
}

TEST(Keepalive, MeasuresByWhatIsPermitted) {
  Keepalive strict({.min_ping_interval = Seconds(1)}, start);
  Keepalive lenient({.min_ping_interval = Seconds(1), .pings_without_calls = true}, start);
  bool strict_fine = true, lenient_fine = true;
  for (int i = 0; i < 10; ++i) {
    strict_fine = strict.accept_ping(start + Seconds(2 * i), false) && strict_fine;
    lenient_fine = lenient.accept_ping(start + Seconds(2 * i), false) && lenient_fine;
  }
  EXPECT_FALSE(strict_fine);
  EXPECT_TRUE(lenient_fine);
}

}  // namespace
}  // namespace stint::net
