// SPDX-License-Identifier: Apache-2.0
// JSON as we write it: escapes, numbers, repaired text.
#include "wire/json_writer.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "wire/json_reader.h"

namespace stint::wire {
namespace {

std::string in_quotes(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(JsonWriter, SetsCommasByItself) {
  std::string out = "kept ";
  JsonWriter writer(out);
  writer.begin_object().key("events").begin_array().string("INVOKE").string("SHUTDOWN").end_array();
  writer.key("empty").begin_object().end_object().key("none").begin_array().end_array();
  writer.field("text", "x").field("flag", true).field("count", 3u).field("low", -4).field("real", 0.5);
  writer.key("null").null().key("raw").raw("[1]").end_object();
  EXPECT_EQ(out,
            R"(kept {"events":["INVOKE","SHUTDOWN"],"empty":{},"none":[],"text":"x","flag":true,"count":3,"low":-4,)"
            R"("real":0.5,"null":null,"raw":[1]})");
}

TEST(JsonWriter, WritesNumbersInTheirShortestForm) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_array().real(0.1).real(1e300).real(2599.0).real(-0.0).real(5e-324).real(1.0 / 3);
  writer.integer(std::numeric_limits<std::int64_t>::min()).unsigned_integer(std::numeric_limits<std::uint64_t>::max());
  writer.real(std::numeric_limits<double>::infinity()).real(std::numeric_limits<double>::quiet_NaN()).end_array();
  EXPECT_EQ(out, "[0.1,1e+300,2599,-0,5e-324,0.3333333333333333,-9223372036854775808,18446744073709551615,null,null]");
}

TEST(JsonWriter, EscapesWhatItMust) {
  EXPECT_EQ(in_quotes(""), R"("")");
  EXPECT_EQ(in_quotes("a\"b\\c/\n\r\t\b\x1f\x7f"), "\"a\\\"b\\\\c/\\n\\r\\t\\u0008\\u001f\x7f\"");
  EXPECT_EQ(in_quotes(std::string_view("\0", 1)), R"("\u0000")");
  EXPECT_EQ(in_quotes("\u00e9\u20ac\U0001F600\U0010FFFF"), "\"\u00e9\u20ac\U0001F600\U0010FFFF\"");
}

TEST(JsonWriter, RepairsWhatIsNoUtf8) {
  for (const char* const bad : {"\x80", "\xc0", "\xc3", "\xf5", "\xff"}) {
    EXPECT_EQ(in_quotes(bad), "\"\uFFFD\"") << bad;
  }
  EXPECT_EQ(in_quotes("\xe2\x82x"), "\"\uFFFD\uFFFDx\"");
  EXPECT_EQ(in_quotes("\xed\xa0\x80"), "\"\uFFFD\uFFFD\uFFFD\"");            // a surrogate
  EXPECT_EQ(in_quotes("\xe0\x80\x80"), "\"\uFFFD\uFFFD\uFFFD\"");            // longer than needed
  EXPECT_EQ(in_quotes("\xf4\x90\x80\x80"), "\"\uFFFD\uFFFD\uFFFD\uFFFD\"");  // beyond the last character
}

TEST(JsonWriter, WritesEveryByteSoThatItReadsBack) {
  for (int c = 1; c < 128; ++c) {
    const std::string text(1, static_cast<char>(c));
    const std::string json = in_quotes(text);
    JsonReader reader(json);
    ASSERT_TRUE(reader.next());
    std::string back;
    append_unescaped(back, reader.text());
    EXPECT_EQ(back, text);
  }
}

}  // namespace
}  // namespace stint::wire
