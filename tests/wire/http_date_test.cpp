// SPDX-License-Identifier: Apache-2.0
// The three forms of HTTP dates, and Retry-After.
#include "wire/http_date.h"

#include <gtest/gtest.h>

#include <string>

namespace stint::wire {
namespace {

constexpr EpochTime at(std::int64_t seconds) { return EpochTime(Seconds(seconds)); }
constexpr EpochTime example = at(784111777);
constexpr EpochTime in_2026 = at(1790000000);

TEST(HttpDate, IsReadInItsThreeForms) {
  for (const char* const text :
       {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"}) {
    const auto date = parse_http_date(text, in_2026);
    ASSERT_TRUE(date) << text;
    EXPECT_EQ(*date, example) << text;
  }
}

TEST(HttpDate, TakesTheNearestCenturyForTwoDigits) {
  EXPECT_EQ(parse_http_date("Friday, 01-Jan-99 00:00:00 GMT", in_2026).value(), at(915148800));
  EXPECT_EQ(parse_http_date("Thursday, 01-Jan-70 00:00:00 GMT", in_2026).value(), at(3155760000));
  EXPECT_EQ(parse_http_date("Friday, 01-Jan-10 00:00:00 GMT", at(4000000000)).value(), at(4417977600));
}

TEST(HttpDate, IsWrittenAndReadBack) {
  EXPECT_EQ(format_http_date(example), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(format_http_date(at(0)), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(format_http_date(at(951782400)), "Tue, 29 Feb 2000 00:00:00 GMT");
  EXPECT_EQ(format_http_date(at(-1)), "Wed, 31 Dec 1969 23:59:59 GMT");
  for (std::int64_t seconds = -2000000000; seconds < 6000000000; seconds += 98765432) {
    EXPECT_EQ(parse_http_date(format_http_date(at(seconds)), in_2026).value(), at(seconds)) << seconds;
  }
}

TEST(HttpDate, RefusesEverythingElse) {
  for (const char* const text : {"",
                                 "Sun",
                                 "Sun,",
                                 "Sun, 06 Nov 1994 08:49:37",
                                 "Sun, 06 Nov 1994 08:49:37 GMT ",
                                 "Sun, 06 Nov 1994 08:49:37 UTC",
                                 "sun, 06 Nov 1994 08:49:37 GMT",
                                 "Sun, 6 Nov 1994 08:49:37 GMT",
                                 "Sun, 31 Nov 1994 08:49:37 GMT",
                                 "Sun, 29 Feb 2025 08:49:37 GMT",
                                 "Sun, 00 Nov 1994 08:49:37 GMT",
                                 "Sun, 06 Foo 1994 08:49:37 GMT",
                                 "Sun, 06 Nov 1994 24:49:37 GMT",
                                 "Sun, 06 Nov 1994 08:60:37 GMT",
                                 "Sun, 06 Nov 1994 08:49:61 GMT",
                                 "Sun, 06 Nov 9999 08:49:37 GMT",
                                 "Sun, 06 Nov 0000 08:49:37 GMT",
                                 "Sunday, 06-Nov-1994 08:49:37 GMT",
                                 "Sun Nov 6 08:49:37 1994",
                                 "Sun Nov  6 08:49:37 94",
                                 "1994-11-06T08:49:37Z"}) {
    const auto date = parse_http_date(text, in_2026);
    ASSERT_FALSE(date) << text;
    EXPECT_EQ(date.error().code, ErrorCode::malformed);
  }
}

TEST(RetryAfter, IsSecondsOrADate) {
  EXPECT_EQ(parse_retry_after("0", in_2026).value(), Milliseconds(0));
  EXPECT_EQ(parse_retry_after("120", in_2026).value(), Seconds(120));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", example - Milliseconds(2500)).value(),
            Milliseconds(2500));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", example + Seconds(5)).value(), Milliseconds(0));
}

TEST(RetryAfter, IsADayAtMost) {
  EXPECT_EQ(parse_retry_after("86401", in_2026).value(), Seconds(86400));
  EXPECT_EQ(parse_retry_after(std::string(1000, '9'), in_2026).value(), Seconds(86400));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 2261 08:49:37 GMT", in_2026).value(), Seconds(86400));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 2261 08:49:37 GMT", EpochTime::min()).value(), Seconds(86400));
}

TEST(RetryAfter, RefusesEverythingElse) {
  for (const char* const value : {"", "-1", "1.5", "1 ", "soon", "0x10"}) {
    EXPECT_FALSE(parse_retry_after(value, in_2026)) << value;
  }
}

}  // namespace
}  // namespace stint::wire
