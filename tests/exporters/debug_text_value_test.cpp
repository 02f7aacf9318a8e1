// SPDX-License-Identifier: Apache-2.0
// Single values against what Go prints: the edges of numbers and times, and every name.
#include "exporters/debug_text_value.h"

#include <gtest/gtest.h>

#include <limits>

namespace stint::debug_text {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

TEST(DebugTextNumbers, HaveSixDigitsAfterThePoint) {
  EXPECT_EQ(fixed(0), "0.000000");
  EXPECT_EQ(fixed(-0.0), "-0.000000");
  EXPECT_EQ(fixed(2.0 / 3), "0.666667");
  EXPECT_EQ(fixed(0.0000005), "0.000000");  // a little below one half of the last digit
  EXPECT_EQ(fixed(0.0078125), "0.007812");  // exactly between two: to the even one
  EXPECT_EQ(fixed(0.0234375), "0.023438");
  EXPECT_EQ(fixed(1e22), "10000000000000000000000.000000");
  EXPECT_EQ(fixed(std::numeric_limits<double>::max()).size(), 309u + 7);
  EXPECT_EQ(fixed(std::numeric_limits<double>::lowest()).substr(0, 18), "-17976931348623157");
  EXPECT_EQ(fixed(infinity), "+Inf");
  EXPECT_EQ(fixed(-infinity), "-Inf");
  EXPECT_EQ(fixed(not_a_number), "NaN");
}

TEST(DebugTextNumbers, AreAsShortAsTheyCanBe) {
  EXPECT_EQ(shortest(0), "0");
  EXPECT_EQ(shortest(-0.0), "-0");
  EXPECT_EQ(shortest(1), "1");
  EXPECT_EQ(shortest(-1.5), "-1.5");
  EXPECT_EQ(shortest(123456), "123456");
  EXPECT_EQ(shortest(100000), "100000");
  EXPECT_EQ(shortest(1000000), "1e+06");
  EXPECT_EQ(shortest(123456789), "1.23456789e+08");
  EXPECT_EQ(shortest(0.0001), "0.0001");
  EXPECT_EQ(shortest(0.00012345), "0.00012345");
  EXPECT_EQ(shortest(0.00001), "1e-05");
  EXPECT_EQ(shortest(1.0 / 3), "0.3333333333333333");
  EXPECT_EQ(shortest(1e100), "1e+100");
  EXPECT_EQ(shortest(5e-324), "5e-324");
  EXPECT_EQ(shortest(infinity), "+Inf");
  EXPECT_EQ(shortest(-infinity), "-Inf");
  EXPECT_EQ(shortest(not_a_number), "NaN");
}

TEST(DebugTextNumbers, HaveNoExponentWhereJsonHasNone) {
  EXPECT_EQ(json_number(0), "0");
  EXPECT_EQ(json_number(1e6), "1000000");
  EXPECT_EQ(json_number(-0.000001), "-0.000001");
  EXPECT_EQ(json_number(0.00000099), "9.9e-7");
  EXPECT_EQ(json_number(1e-10), "1e-10");
  EXPECT_EQ(json_number(999999999999999900000.0), "999999999999999900000");
  EXPECT_EQ(json_number(1e21), "1e+21");
  EXPECT_EQ(plain_number(1735732800.25), "1735732800.25");
  EXPECT_EQ(plain_number(1e-7), "0.0000001");
}

TEST(DebugTextNumbers, AreBoundsOfBuckets) {
  EXPECT_EQ(bucket_bound(0, 0), 1);
  EXPECT_EQ(fixed(bucket_bound(0, 10)), "1024.000000");
  EXPECT_EQ(fixed(bucket_bound(1, 1)), "1.414214");
  EXPECT_EQ(fixed(bucket_bound(-1, -1)), "0.250000");
  EXPECT_EQ(bucket_bound(20, 1 << 20), bucket_bound(0, 1));
  EXPECT_EQ(bucket_bound(-11, 1), infinity);
  EXPECT_EQ(bucket_bound(std::numeric_limits<std::int32_t>::min(), 1), infinity);
  EXPECT_EQ(bucket_bound(std::numeric_limits<std::int32_t>::max(), 5), 1);
}

TEST(DebugTextTimes, ReadAsGoPrintsThem) {
  EXPECT_EQ(time_text(0), "1970-01-01 00:00:00 +0000 UTC");
  EXPECT_EQ(time_text(1), "1970-01-01 00:00:00.000000001 +0000 UTC");
  EXPECT_EQ(time_text(1'709'251'199'120'000'000), "2024-02-29 23:59:59.12 +0000 UTC");
  EXPECT_EQ(time_text(4'102'444'800'000'000'000), "2100-01-01 00:00:00 +0000 UTC");
  EXPECT_EQ(time_text(std::numeric_limits<std::int64_t>::max()), "2262-04-11 23:47:16.854775807 +0000 UTC");
  EXPECT_EQ(time_text(std::uint64_t{1} << 63), "1677-09-21 00:12:43.145224192 +0000 UTC");
  EXPECT_EQ(time_text(std::numeric_limits<std::uint64_t>::max()), "1969-12-31 23:59:59.999999999 +0000 UTC");
}

TEST(DebugTextIds, AreEmptyWhenAllIsZero) {
  using namespace std::string_view_literals;
  EXPECT_EQ(id_text(""), "");
  EXPECT_EQ(id_text("\0\0\0\0\0\0\0\0"sv), "");
  EXPECT_EQ(id_text("\0\0\0\0\0\0\0\xab"sv), "00000000000000ab");
}

TEST(DebugTextNames, ExistForEverySeverityAndNoOther) {
  EXPECT_EQ(severity_name(0), "Unspecified");
  const char* const levels[] = {"Trace", "Debug", "Info", "Warn", "Error", "Fatal"};
  const char* const steps[] = {"", "2", "3", "4"};
  for (int number = 1; number <= 24; ++number) {
    EXPECT_EQ(severity_name(number), std::string(levels[(number - 1) / 4]) + steps[(number - 1) % 4]);
  }
  for (const int number : {-1, 25, 1000}) EXPECT_EQ(severity_name(number), "");
  EXPECT_EQ(span_kind_name(-1), "");
  EXPECT_EQ(status_code_name(3), "");
  EXPECT_EQ(temporality_name(3), "");
}

}  // namespace
}  // namespace stint::debug_text
