// SPDX-License-Identifier: Apache-2.0
// Requests become JSON: what is written of single values, what comes twice, and every limit.
// Every field against the official library: check_to_json.py.
#include "otlp/json_encode.h"

#include <bit>
#include <vector>

#include "base/limits.h"
#include "base/slices.h"
#include "json_world.h"

namespace stint::otlp {
namespace {

struct Encoded {
  std::string json;  // the error's name if there is one
  Result<> result;
};

Encoded encode(Signal signal, const std::vector<std::string>& requests, std::size_t bytes_max = 1u << 20,
               std::size_t pool_bytes = 8u << 20) {
  BlockPool pool(pool_bytes), received(8u << 20);
  std::vector<Slice> slices;
  for (const std::string& request : requests) {
    slices.push_back(slice_of(received, request));
  }
  const Result<Slice> json = encode_json(signal, slices, pool, bytes_max);
  if (!json) return {std::string(name(json.error().code)), json.error()};
  return {std::string(json->view()), {}};
}

// One span, log record or metric, without its parents.
std::string item_of(Signal signal, std::string_view item) {
  std::string json = encode(signal, {item_protobuf(item)}).json;
  const std::string whole = item_json(signal, "@");
  const std::size_t at = whole.find('@'), behind = whole.size() - at - 1;
  if (json.size() < whole.size() || json.compare(0, at, whole, 0, at) != 0) return json;
  return json.substr(at, json.size() - at - behind);
}
std::string value_of(std::string_view any_value) { return item_of(Signal::logs, message(5, any_value)); }

std::string number(std::uint32_t number, std::uint64_t value) {
  std::string text;
  MessageWriter(text).add_uint64(number, value);
  return text;
}
std::string real(std::uint32_t number, double value) {
  std::string text;
  MessageWriter(text).add_double(number, value);
  return text;
}

TEST(JsonEncode, WritesNothingOfNothing) {
  EXPECT_EQ(encode(Signal::traces, {}).json, "{}");
  EXPECT_EQ(encode(Signal::metrics, {"", ""}).json, "{}");
  EXPECT_EQ(encode(Signal::logs, {message(1, "")}).json, R"({"resourceLogs":[{}]})");
}

TEST(JsonEncode, MergesRequestsIntoOneArray) {
  EXPECT_EQ(
      encode(Signal::traces, {message(1, message(3, "a")), "", message(1, message(3, "b")) + message(1, "")}).json,
      R"({"resourceSpans":[{"schemaUrl":"a"},{"schemaUrl":"b"},{}]})");
}

TEST(JsonEncode, WritesEachKindOfValueAsTheSpecificationSays) {
  EXPECT_EQ(value_of(message(1, "")), R"({"body":{"stringValue":""}})");
  EXPECT_EQ(value_of(number(2, 0)), R"({"body":{"boolValue":false}})");
  EXPECT_EQ(value_of(number(2, 5)), R"({"body":{"boolValue":true}})");
  EXPECT_EQ(value_of(number(3, ~0ull)), R"({"body":{"intValue":"-1"}})");
  EXPECT_EQ(value_of(number(3, 1ull << 63)), R"({"body":{"intValue":"-9223372036854775808"}})");
  EXPECT_EQ(value_of(message(7, "\xff\x01")), R"({"body":{"bytesValue":"/wE="}})");
  EXPECT_EQ(value_of(message(5, "")), R"({"body":{"arrayValue":{}}})");
  EXPECT_EQ(value_of(""), R"({"body":{}})");
  EXPECT_EQ(item_of(Signal::traces, message(1, std::string(15, '\0') + "\xab")),
            R"({"traceId":"000000000000000000000000000000ab"})");
  EXPECT_EQ(item_of(Signal::traces, number(6, 3)), R"({"kind":3})");
}

TEST(JsonEncode, WritesWhatJsonHasNoNumberForAsText) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(value_of(real(4, infinity)), R"({"body":{"doubleValue":"Infinity"}})");
  EXPECT_EQ(value_of(real(4, -infinity)), R"({"body":{"doubleValue":"-Infinity"}})");
  EXPECT_EQ(value_of(real(4, std::bit_cast<double>(0xfff8000000000001u))), R"({"body":{"doubleValue":"NaN"}})");
  EXPECT_EQ(value_of(real(4, -0.0)), R"({"body":{"doubleValue":-0.0}})");
  EXPECT_EQ(value_of(real(4, 0.1)), R"({"body":{"doubleValue":0.1}})");
  EXPECT_EQ(value_of(real(4, 1e22)), R"({"body":{"doubleValue":1e+22}})");
}

TEST(JsonEncode, LeavesOutWhatMeansNothingAndWhatItDoesNotKnow) {
  EXPECT_EQ(item_of(Signal::traces, number(6, 0) + message(5, "") + message(1, "") + message(9999, "x")), "{}");
  EXPECT_EQ(item_of(Signal::traces, number(5, 7)), "{}") << "a name in a wrong wire type";
}

TEST(JsonEncode, EscapesAndRepairsText) {
  EXPECT_EQ(value_of(message(1, std::string("\"\\\n\r\t\x01\x1f\x7f/\0<", 11))),
            "{\"body\":{\"stringValue\":\"\\\"\\\\\\n\\r\\t\\u0001\\u001f\x7f/\\u0000<\"}}");
  EXPECT_EQ(value_of(message(1, "\xc3\xa9\xf0\x9f\x90\xa6")),
            "{\"body\":{\"stringValue\":\"\xc3\xa9\xf0\x9f\x90\xa6\"}}");
  EXPECT_EQ(value_of(message(1, "\xc3\"\xff")), "{\"body\":{\"stringValue\":\"\xef\xbf\xbd\\\"\xef\xbf\xbd\"}}");
}

TEST(JsonEncode, WritesEachNameOnceHoweverOftenItComes) {
  EXPECT_EQ(encode(Signal::logs, {message(1, message(3, "a") + message(1, number(2, 5)) + message(2, message(3, "x")) +
                                                 message(3, "b") + message(1, number(2, 0)) + message(2, ""))})
                .json,
            R"({"resourceLogs":[{"resource":{},"scopeLogs":[{"schemaUrl":"x"},{}],"schemaUrl":"b"}]})");
  EXPECT_EQ(value_of(message(1, "x") + number(3, 1)), R"({"body":{"intValue":"1"}})") << "the last of a oneof counts";
  EXPECT_EQ(value_of(message(5, message(1, number(2, 1))) + message(5, message(1, number(3, 4)))),
            R"({"body":{"arrayValue":{"values":[{"boolValue":true},{"intValue":"4"}]}}})");
}

TEST(JsonEncode, TakesPackedNumbersInAnyForm) {
  const std::string one = "\x31" + std::string("\x01\0\0\0\0\0\0\0", 8);  // bucket_counts, not packed
  const std::string two = message(6, std::string("\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0", 16));
  EXPECT_EQ(item_of(Signal::metrics, message(9, message(1, one + two + message(6, "")))),
            R"({"histogram":{"dataPoints":[{"bucketCounts":["1","2","3"]}]}})");
  EXPECT_EQ(item_of(Signal::metrics, message(9, message(1, message(6, "")))), R"({"histogram":{"dataPoints":[{}]}})");
}

TEST(JsonEncode, RefusesWhatIsNoProtobuf) {
  for (const std::string& request : {std::string("\x0a"), std::string("\x0a\x05\x0a"), std::string("\x07"),
                                     item_protobuf("\x09\x01"), message(1, "\xff")}) {
    EXPECT_EQ(encode(Signal::traces, {request}).json, "malformed");
  }
  const std::string odd = item_protobuf(message(9, message(1, message(6, "1234567"))));
  EXPECT_EQ(encode(Signal::metrics, {odd}).json, "malformed");
}

TEST(JsonEncode, StopsAtItsLimits) {
  std::string deep = number(2, 1);
  for (std::uint32_t i = 1; i < limits::nesting_max; ++i) deep = message(5, message(1, deep));
  EXPECT_EQ(value_of(deep).substr(0, 8), R"({"body":)");
  for (std::uint32_t i = 0; i < limits::nesting_max; ++i) deep = message(5, message(1, deep));
  EXPECT_EQ(value_of(deep), "too deep");

  const std::string text = message(1, message(3, std::string(3000, 'a')));
  const std::size_t size = encode(Signal::traces, {text}).json.size();
  EXPECT_EQ(encode(Signal::traces, {text}, size).json.size(), size);
  EXPECT_EQ(encode(Signal::traces, {text}, size - 1).json, "too large");
  const std::string large = message(1, message(3, std::string(100'000, '\n')));
  EXPECT_EQ(encode(Signal::traces, {large}, 1u << 20, 128u << 10).json, "memory for data is full");

  std::string pieces;
  for (std::size_t i = 0; i < limits::json_pieces_max + 1000; ++i) pieces += message(1, number(2, 1));
  EXPECT_EQ(encode(Signal::traces, {message(1, pieces)}).json, "too many");
}

}  // namespace
}  // namespace stint::otlp
