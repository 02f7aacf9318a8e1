// SPDX-License-Identifier: Apache-2.0
// The JSON that processes send to the platform and that it writes.
#include <gtest/gtest.h>

#include "tools/lambda/json_value.h"
#include "tools/lambda/json_writer.h"

namespace stint::platform {
namespace {

TEST(ParseJson, ReadsNestedValuesAndEscapes) {
  const auto value = parse_json(R"( {"a":[1,-2.5e+3,true,null],"b":{"c":"\u00e9\ud83d\ude00\n\"\/"}} )");
  ASSERT_TRUE(value);
  EXPECT_EQ(value->member("a")->items.size(), 4u);
  EXPECT_EQ(*value->member("a")->items[0].integer(), 1);
  EXPECT_FALSE(value->member("a")->items[1].integer());
  EXPECT_EQ(value->member("b")->member("c")->text, "\xC3\xA9\xF0\x9F\x98\x80\n\"/");
}

TEST(ParseJson, RefusesWhatIsNotJson) {
  for (const char* const text :
       {"",         " ",      "{",   "}",     "[1,]",      "{\"a\"}", "{\"a\":}",  "{a:1}",       "01",
        "1.",       "+1",     "tru", "nul",   "\"",        "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\udc00\"",
        "\"\xFF\"", "\"\n\"", "1 2", "[1 2]", "{\"a\":1,}"}) {
    EXPECT_FALSE(parse_json(text)) << text;
  }
}

TEST(ParseJson, RefusesMoreThan64Levels) {
  EXPECT_TRUE(parse_json(std::string(60, '[') + std::string(60, ']')));
  EXPECT_FALSE(parse_json(std::string(100'000, '[')));
}

TEST(JsonWriter, WritesDurationsWithOneToThreeDecimals) {
  const std::pair<std::int64_t, std::string_view> cases[] = {
      {2'599'000'000, "2599.0"}, {147'156'999, "147.156"}, {2'599'400'000, "2599.4"}, {0, "0.0"}, {999, "0.0"}};
  for (const auto& [ns, text] : cases) {
    JsonWriter json;
    json.milliseconds(Nanoseconds(ns));
    EXPECT_EQ(json.take(), text);
  }
}

TEST(IsoTime, HasThreeDecimals) {
  EXPECT_EQ(iso_time(EpochTime(Nanoseconds(1'666'361'103'165'999'999))), "2022-10-21T14:05:03.165Z");
}

}  // namespace
}  // namespace stint::platform
