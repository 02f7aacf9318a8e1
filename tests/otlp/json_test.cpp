// SPDX-License-Identifier: Apache-2.0
// The structure of OTLP/JSON: names, objects, arrays, what is passed over and what is refused, and in which words.
// Every field against the official library: check_json.py. Single values: json_values_test.cpp.
#include <protozero/pbf_reader.hpp>

#include "base/limits.h"
#include "otlp/json_world.h"

namespace stint::otlp {
namespace {

std::string repeated(std::string_view text, std::size_t times) {
  std::string result;
  for (std::size_t i = 0; i < times; ++i) result += text;
  return result;
}

TEST(Json, TakesAnEmptyObjectAsAnEmptyRequest) {
  for (const Signal signal : all_signals) {
    const Decoded decoded = decode(signal, " \r\n\t{ } ");
    EXPECT_TRUE(decoded.accepted) << decoded.refusal;
    EXPECT_EQ(decoded.protobuf, "");
    EXPECT_TRUE(decode(signal, "null").accepted);
  }
}

TEST(Json, RefusesABodyThatIsNoObject) {
  EXPECT_EQ(refusal(Signal::traces, ""), "the body is empty, want a JSON object (byte 0)");
  EXPECT_EQ(refusal(Signal::traces, " \n"), "the body is empty, want a JSON object (byte 2)");
  EXPECT_EQ(refusal(Signal::traces, "[]"), "'[' is unexpected, want an object (byte 0)");
  EXPECT_EQ(refusal(Signal::traces, "nul"), "'n' is unexpected, want null (byte 0)");
  EXPECT_EQ(refusal(Signal::traces, std::string_view("\x0a\x00", 2)),
            "the body looks like UTF-16 or UTF-32, want UTF-8 (byte 0)");
}

TEST(Json, RefusesUtf16InWordsAndPassesOverAByteOrderMark) {
  EXPECT_EQ(refusal(Signal::logs, std::string_view("\xFF\xFE{\0}\0", 6)),
            "the body looks like UTF-16, want UTF-8 (byte 0)");
  EXPECT_EQ(refusal(Signal::logs, std::string_view("\xFE\xFF\0{\0}", 6)),
            "the body looks like UTF-16, want UTF-8 (byte 0)");
  EXPECT_EQ(refusal(Signal::logs, std::string_view("{\0}\0", 4)),
            "the body looks like UTF-16 or UTF-32, want UTF-8 (byte 0)");
  EXPECT_TRUE(decode(Signal::logs, "\xEF\xBB\xBF{}").accepted);
}

TEST(Json, IgnoresWhatFollowsTheDocument) {
  EXPECT_TRUE(decode(Signal::traces, "{}{").accepted);
  EXPECT_TRUE(decode(Signal::traces, "{} and more \xFF").accepted);
}

TEST(Json, CountsWhatTheRequestHolds) {
  const Decoded decoded = decode(Signal::metrics, R"({"resourceMetrics":[{},{"scopeMetrics":[{"metrics":[
      {"gauge":{"dataPoints":[{},null,{}]}},{"summary":{"dataPoints":[{}]}},{"name":"x"}]}]}]})");
  ASSERT_TRUE(decoded.accepted) << decoded.refusal;
  EXPECT_EQ(decoded.counts, (Counts{.resources = 2, .scopes = 1, .metrics = 3, .items = 4}));
}

TEST(Json, TakesNamesInBothSpellingsAndWithEscapes) {
  const std::string wanted = message(1, message(2, message(2, message(3, "a"))));
  EXPECT_EQ(decode(Signal::traces, R"({"resourceSpans":[{"scopeSpans":[{"spans":[{"traceState":"a"}]}]}]})").protobuf,
            wanted);
  EXPECT_EQ(
      decode(Signal::traces, R"({"resource_spans":[{"scope_spans":[{"spans":[{"trace_state":"a"}]}]}]})").protobuf,
      wanted);
  EXPECT_EQ(span(R"({"trace\u0053tate":"a"})"), message(3, "a"));
}

TEST(Json, PassesOverUnknownFieldsWhateverTheyHold) {
  for (const std::string_view unknown : {"null", "true", "-1.5e+7", R"("}\"]")", "[]", "{}",
                                         R"([1,{"spans":[{}]},"]"])", R"({"name":"no","a":[[[]]]})"}) {
    const std::string json =
        concat(R"({"unknown":)", unknown, R"(,"name":"x","":)", unknown, R"(,"Name":)", unknown, "}");
    EXPECT_EQ(span(json), message(5, "x")) << json;
  }
}

TEST(Json, TakesNullAsAbsence) {
  EXPECT_EQ(span(R"({"traceId":null,"kind":null,"flags":null,"attributes":null,"status":null,"name":null})"), "");
  EXPECT_EQ(any_value(R"({"boolValue":null,"doubleValue":null,"bytesValue":null,"arrayValue":null})"), "");
  EXPECT_TRUE(decode(Signal::traces, R"({"resourceSpans":null})").accepted);
}

TEST(Json, TakesNullAmongMessagesAsAnEmptyOne) {
  EXPECT_EQ(any_value(R"({"arrayValue":{"values":[null,{"intValue":1},null]}})"),
            message(5, message(1, "") + message(1, "\x18\x01") + message(1, "")));
}

TEST(Json, WritesMessagesThatAreThereEvenWhenTheyAreEmpty) {
  EXPECT_EQ(span(R"({"status":{},"events":[{}],"links":[]})"), message(15, "") + message(11, ""));
}

TEST(Json, MergesAMessageThatComesTwiceAndTakesTheLastOfAValue) {
  EXPECT_EQ(span(R"({"status":{"code":1},"status":{"message":"m"}})"),
            message(15, "\x18\x01") + message(15, message(2, "m")));
  EXPECT_EQ(span(R"({"name":"a","name":"b"})"), message(5, "a") + message(5, "b"));
  EXPECT_EQ(span(R"({"name":"a","name":""})"), message(5, "a") + message(5, ""));
  EXPECT_EQ(span(R"({"kind":2,"kind":0})"), std::string("\x30\x02\x30\x00", 4));
}

// The length before a message is guessed; here every guess is wrong once, in both directions.
TEST(Json, WritesTheShortestLengthsWhateverTheSize) {
  for (const std::size_t size : {0, 1, 100, 120, 126, 127, 128, 129, 130, 200, 16380, 16383, 16384, 16390, 40000}) {
    const std::string text(size, 'x');
    const std::string json = concat("{\"name\":\"", text, "\",\"status\":{\"message\":\"", text, "\"}}");
    const std::string name = size == 0 ? "" : message(5, text);
    const std::string status = message(15, size == 0 ? "" : message(2, text));
    EXPECT_EQ(span(json), name + status) << size;
    // After a long one the guess for a short one is too long.
    const std::string both = json + ",{\"status\":{}}";
    EXPECT_EQ(decode(Signal::traces, item_json(Signal::traces, both)).protobuf,
              message(1, message(2, message(2, name + status) + message(2, message(15, "")))));
  }
}

TEST(Json, GrowsItsOutputUpToTheLimit) {
  const std::string json = item_json(
      Signal::metrics, R"({"histogram":{"dataPoints":[{"bucketCounts":[0)" + repeated(",0", 99'999) + "]}]}}");
  const Decoded decoded = decode(Signal::metrics, json);
  ASSERT_TRUE(decoded.accepted) << decoded.refusal;
  EXPECT_GT(decoded.protobuf.size(), 800'000u);
  const Decoded large = decode(Signal::metrics, json, 700'000);
  EXPECT_EQ(large.error.code, ErrorCode::too_large);
  EXPECT_NE(large.refusal.find("bucketCounts[87"), std::string::npos) << large.refusal;
  EXPECT_EQ(decode(Signal::metrics, json, 4u << 20, 700'000).error.code, ErrorCode::memory_full);
  EXPECT_EQ(decode(Signal::metrics, json, decoded.protobuf.size()).protobuf, decoded.protobuf);
  EXPECT_EQ(decode(Signal::metrics, json, decoded.protobuf.size() - 1).error.code, ErrorCode::too_large);
}

std::string nested_values(std::uint32_t levels) {
  return repeated(R"({"arrayValue":{"values":[)", levels - 1) + R"({"stringValue":"x"})" + repeated("]}}", levels - 1);
}

TEST(Json, TakesValuesAsDeepAsTheLimitAndNoDeeper) {
  const std::string most = item_json(Signal::logs, R"({"body":)" + nested_values(limits::nesting_max) + "}");
  EXPECT_TRUE(decode(Signal::logs, most).accepted) << refusal(Signal::logs, most);
  const std::string more = item_json(Signal::logs, R"({"body":)" + nested_values(limits::nesting_max + 1) + "}");
  const Decoded decoded = decode(Signal::logs, more);
  EXPECT_EQ(decoded.error.code, ErrorCode::too_deep);
  EXPECT_NE(decoded.refusal.find("values[0]: nested too deep: at most 64 values inside each other (byte "),
            std::string::npos)
      << decoded.refusal;
  EXPECT_LT(decoded.refusal.size(), 600u);
}

// Beyond eight levels lengths have a fixed size.
TEST(Json, KeepsDeepValuesOfEverySizeReadable) {
  for (const std::size_t size : {1, 100, 1000, 100'000}) {
    const std::string text(size, 'y');
    const std::string json = repeated(R"({"kvlistValue":{"values":[{"key":"k","value":)", 20) + R"({"stringValue":")" +
                             text + "\"}" + repeated("}]}}", 20);
    std::string value = any_value(json);
    for (int i = 0; i < 20; ++i) {
      protozero::pbf_reader list(value.data(), value.size());
      ASSERT_TRUE(list.next(6));
      protozero::pbf_reader key_values(list.get_message());
      ASSERT_TRUE(key_values.next(1));
      protozero::pbf_reader key_value(key_values.get_message());
      ASSERT_TRUE(key_value.next(2));
      value = key_value.get_string();
    }
    EXPECT_EQ(value, message(1, text));
  }
}

TEST(Json, RefusesNestingOfAHundredThousandLevels) {
  constexpr std::size_t levels = 100'000;
  EXPECT_EQ(decode(Signal::traces, repeated("{\"resourceSpans\":[", levels)).error.code, ErrorCode::too_deep);
  EXPECT_EQ(decode(Signal::traces, repeated("[", levels)).error.code, ErrorCode::malformed);
  const Decoded unknown = decode(Signal::traces, "{\"x\":" + repeated("[", levels));
  EXPECT_EQ(unknown.error.code, ErrorCode::too_deep);
  EXPECT_NE(unknown.refusal.find("nested too deep: at most 16384 levels in an unknown field"), std::string::npos)
      << unknown.refusal;
  const std::string values = repeated(R"({"arrayValue":{"values":[)", levels);
  EXPECT_EQ(decode(Signal::logs, item_json(Signal::logs, R"({"body":)" + values)).error.code, ErrorCode::too_deep);
}

TEST(Json, NamesThePlaceOfWhatItRefuses) {
  EXPECT_EQ(
      refusal(Signal::traces, item_json(Signal::traces, R"({},{"events":[{},{"timeUnixNano":"x"}]})")),
      "resourceSpans[0].scopeSpans[0].spans[1].events[1].timeUnixNano: want a whole number of 64 bits, not negative "
      "(byte 76)");
  EXPECT_EQ(refusal(Signal::traces, R"({"resourceSpans":[{"resource":{},"scope_spans":5}]})"),
            "resourceSpans[0].scopeSpans: '5' is unexpected, want an array (byte 47)");
  EXPECT_EQ(refusal(Signal::traces, R"({"resourceSpans":[{},7]})"),
            "resourceSpans[1]: '7' is unexpected, want an object (byte 21)");
  EXPECT_EQ(refusal(Signal::traces, R"({"resourceSpans":[{} {}]})"),
            "resourceSpans: '{' is unexpected, want a comma or the end of the array (byte 21)");
  EXPECT_EQ(refusal(Signal::traces, R"({"resourceSpans":[{"schemaUrl":"a" "b"}]})"),
            "resourceSpans[0]: '\"' is unexpected, want a comma or the end of the object (byte 35)");
  EXPECT_EQ(
      refusal(Signal::metrics, item_json(Signal::metrics, R"({"histogram":{"dataPoints":[{"bucketCounts":[1,-2]}]}})")),
      "resourceMetrics[0].scopeMetrics[0].metrics[0].histogram.dataPoints[0].bucketCounts[1]: -2 is not a whole "
      "number of 64 bits, not negative (byte 96)");
}

TEST(Json, RefusesWhatBreaksTheGrammar) {
  for (const std::string_view json : {"{",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{,}",
                                      "{\"a\" 1}",
                                      "{a:1}",
                                      "{'a':1}",
                                      "{\"a\":01}",
                                      "{\"a\":tru}",
                                      "{\"a\":[1,]}",
                                      "{\"a\":[1}",
                                      "{\"a\":\"\n\"}",
                                      "{\"a\":\"\\x\"}",
                                      "{\"a\":\"\\u12g4\"}",
                                      "{\"\\u00\":1}",
                                      "{\"resourceSpans\":[}",
                                      "{\"resourceSpans\":[,]}",
                                      "{\"resourceSpans\":[{},]}",
                                      "{\"resourceSpans\":{}}",
                                      "{\"resourceSpans\":[{\"resource\":[]}]}",
                                      "{\"resourceSpans\":[{\"schemaUrl\":5}]}"}) {
    EXPECT_EQ(decode(Signal::traces, json).error.code, ErrorCode::malformed) << json;
  }
}

TEST(Json, RefusesARequestCutAnywhere) {
  const std::string json = item_json(
      Signal::metrics,
      R"({"name":"n\u00e9","metadata":[{"key":"k","value":{"doubleValue":-1.5e3}}],"gauge":{"dataPoints":[{"attributes":[
      {"key":"a","value":{"arrayValue":{"values":[{"boolValue":true},null]}}}],"asInt":"5","exemplars":[{"spanId":
      "0102030405060708"}],"x":{"y":[1,"\u0041\n"]}}]}})");
  ASSERT_TRUE(decode(Signal::metrics, json).accepted) << refusal(Signal::metrics, json);
  for (std::size_t size = 0; size < json.size(); ++size) {
    EXPECT_EQ(decode(Signal::metrics, std::string_view(json).substr(0, size)).error.code, ErrorCode::malformed) << size;
  }
}

}  // namespace
}  // namespace stint::otlp
