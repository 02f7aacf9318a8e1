// SPDX-License-Identifier: Apache-2.0
// Scalars: the reference's reading of plain text, numbers in all bases, Go's durations.
#include "config/scalar.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace stint::config {
namespace {

TEST(ScalarType, IsWhatGoYamlSays) {
  for (const char* text : {"", "~", "null", "Null", "NULL"}) EXPECT_EQ(scalar_type(text), ScalarType::null) << text;
  for (const char* text : {"true", "True", "TRUE", "false", "False", "FALSE"})
    EXPECT_EQ(scalar_type(text), ScalarType::boolean) << text;
  for (const char* text : {"0", "-5", "+7", "0123", "0x1F", "0o17", "0b101", "1_000", "18446744073709551615"})
    EXPECT_EQ(scalar_type(text), ScalarType::integer) << text;
  for (const char* text : {"1.5", "1e3", "-2.", ".5", "08", ".inf", "-.INF", ".nan", "18446744073709551616"})
    EXPECT_EQ(scalar_type(text), ScalarType::real) << text;
  for (const char* text : {"yes",
                           "no",
                           "on",
                           "off",
                           "y",
                           "tRUE",
                           "t",
                           "nULL",
                           "abc",
                           "1h",
                           "1.2.3.4",
                           "0x",
                           "0xg",
                           "_1",
                           "1__",
                           "-",
                           "+",
                           ".",
                           "..",
                           "1e",
                           "e5",
                           "-.nan",
                           "2006-01-02T15:04:05Z",
                           "localhost:4317",
                           "1111:1111::",
                           "inf",
                           "nan",
                           "+-5",
                           "0b2",
                           "1 2"})
    EXPECT_EQ(scalar_type(text), ScalarType::text) << text;
}

TEST(ParseInteger, TakesAllBasesAndTheWholeRange) {
  EXPECT_EQ(parse_integer("0123"), 83);
  EXPECT_EQ(parse_integer("0xdeadbeef"), 3735928559);
  EXPECT_EQ(parse_integer("-0b11"), -3);
  EXPECT_EQ(parse_integer("1_000_000"), 1'000'000);
  EXPECT_EQ(parse_integer("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parse_integer("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(parse_integer("9223372036854775808"), std::nullopt);
  EXPECT_EQ(parse_integer("-9223372036854775809"), std::nullopt);
  EXPECT_EQ(parse_integer("08"), std::nullopt);
  EXPECT_EQ(parse_integer("1.0"), std::nullopt);
  EXPECT_EQ(parse_integer(std::string(100, '1')), std::nullopt);
}

TEST(ParseReal, TakesDecimalsAndTheNamesOfTheExtremes) {
  EXPECT_EQ(parse_real("-1.25e2"), -125);
  EXPECT_EQ(parse_real("7"), 7);
  EXPECT_EQ(parse_real("08"), 8);
  EXPECT_TRUE(std::isinf(*parse_real("-.inf")));
  EXPECT_TRUE(std::isnan(*parse_real(".nan")));
  EXPECT_EQ(parse_real("1e999"), std::nullopt);
  EXPECT_EQ(parse_real("0x1p3"), std::nullopt);
}

TEST(ParseDuration, FollowsGo) {
  EXPECT_EQ(parse_duration("0"), Nanoseconds(0));
  EXPECT_EQ(parse_duration("200ms"), Milliseconds(200));
  EXPECT_EQ(parse_duration("1m30s"), Seconds(90));
  EXPECT_EQ(parse_duration("1.5h"), Seconds(5400));
  EXPECT_EQ(parse_duration(".5s"), Milliseconds(500));
  EXPECT_EQ(parse_duration("5.s"), Seconds(5));
  EXPECT_EQ(parse_duration("-1.5s"), Milliseconds(-1500));
  EXPECT_EQ(parse_duration("+3us"), Nanoseconds(3000));
  EXPECT_EQ(parse_duration("3\u00b5s"), Nanoseconds(3000));
  EXPECT_EQ(parse_duration("3\u03bcs"), Nanoseconds(3000));
  EXPECT_EQ(parse_duration("1h1m1s1ms1us1ns"), Nanoseconds(3'661'001'001'001));
  EXPECT_EQ(parse_duration("0.100000000000000000000h"), Seconds(360));
  EXPECT_EQ(parse_duration("9223372036854775807ns"), Nanoseconds(std::numeric_limits<std::int64_t>::max()));
}

TEST(ParseDuration, RefusesWhatGoRefuses) {
  for (const char* text : {"", "10", "-", "+", "s", ".s", "1 s", "1d", "1S", "1s ", "--1s", "1s-1s", "1e3s",
                           "9223372036854775808ns", "2562048h", "1\u00b5", "99999999999999999999s"})
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
}

TEST(DurationText, IsReadBackAsTheSame) {
  const std::pair<Nanoseconds, const char*> cases[] = {
      {Nanoseconds(0), "0s"}, {Milliseconds(200), "200ms"}, {Seconds(300), "5m"},    {Milliseconds(1500), "1.5s"},
      {Seconds(5400), "90m"}, {Seconds(7200), "2h"},        {Nanoseconds(7), "7ns"}, {Nanoseconds(1234), "1234ns"},
      {Seconds(-5), "-5s"},   {Nanoseconds(2500), "2.5us"}};
  for (const auto& [duration, text] : cases) {
    EXPECT_EQ(duration_text(duration), text);
    EXPECT_EQ(parse_duration(text), duration);
  }
}

}  // namespace
}  // namespace stint::config
