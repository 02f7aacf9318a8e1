// SPDX-License-Identifier: Apache-2.0
// Single values of OTLP/JSON: strings, numbers, ids, bytes, enumerations. Expected octets are written out.
#include <bit>
#include <cmath>
#include <cstdlib>
#include <protozero/pbf_reader.hpp>

#include "otlp/json_world.h"

namespace stint::otlp {
namespace {

// The text that the body becomes, and how many strings were repaired on the way.
std::string text(std::string_view json, std::uint32_t repaired_strings = 0) {
  const Decoded decoded =
      decode(Signal::logs, item_json(Signal::logs, concat(R"({"body":{"stringValue":)", json, "}}")));
  if (!decoded.accepted) return decoded.refusal;
  EXPECT_EQ(decoded.repaired_strings, repaired_strings);
  const std::string value = any_value(concat(R"({"stringValue":)", json, "}"));
  protozero::pbf_reader reader(value.data(), value.size());
  EXPECT_TRUE(reader.next(1));
  return reader.get_string();
}

TEST(JsonStrings, AreTakenAsTheyAre) {
  EXPECT_EQ(text("\"\""), "");
  EXPECT_EQ(text("\"plain text\""), "plain text");
  EXPECT_EQ(text("\"gr\u00f6\u00dfe \u2603 \U0001F426 and more text behind it\""),
            "gr\u00f6\u00dfe \u2603 \U0001F426 and more text behind it");
  EXPECT_EQ(text("\"\x7f\""), "\x7f");
}

TEST(JsonStrings, HaveTheirEscapesReplaced) {
  EXPECT_EQ(text(R"("\"\\\/\b\f\n\r\t")"), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(text(R"("a\u0041\u00e9\u20AC\ud83d\udc26z")"), "aA\u00e9\u20ac\U0001F426z");
  EXPECT_EQ(text(R"("\u0000")"), std::string(1, '\0'));
}

TEST(JsonStrings, HaveLoneSurrogatesReplaced) {
  EXPECT_EQ(text(R"("\ud800")", 1), "\uFFFD");
  EXPECT_EQ(text(R"("a\udc00b\ud800")", 1), "a\uFFFDb\uFFFD");
  EXPECT_EQ(text(R"("\ud800\ud83d\udc26")", 1), "\uFFFD\U0001F426");
  EXPECT_EQ(text(R"("\ud800\n")", 1), "\uFFFD\n");
}

TEST(JsonStrings, HaveBytesThatAreNoUtf8Replaced) {
  EXPECT_EQ(text("\"a\xFFz\"", 1), "a\uFFFDz");
  EXPECT_EQ(text("\"\xC3\\n\xE2\x82\"", 1), "\uFFFD\n\uFFFD");
  EXPECT_EQ(text("\"\xED\xA0\x80\"", 1), "\uFFFD\uFFFD\uFFFD");
}

TEST(JsonStrings, OfEveryLengthStayWhole) {
  for (std::size_t size = 0; size < 300; ++size) {
    std::string plain;
    for (std::size_t i = 0; i < size; ++i) plain.push_back(static_cast<char>('a' + i % 26));
    ASSERT_EQ(text('"' + plain + '"'), plain);
    ASSERT_EQ(text('"' + plain + "\\n" + plain + '"'), plain + "\n" + plain);
  }
}

TEST(JsonStrings, AreNoNumbers) {
  EXPECT_EQ(span(R"({"name":5})"),
            "resourceSpans[0].scopeSpans[0].spans[0].name: '5' is unexpected, want a string (byte 51)");
}

TEST(JsonIds, AreHexadecimalInEitherCase) {
  EXPECT_EQ(span(R"({"spanId":"0a1B2c3D4e5F6789"})"), message(2, "\x0a\x1b\x2c\x3d\x4e\x5f\x67\x89"));
  EXPECT_EQ(span(R"({"traceId":"000102030405060708090a0b0c0d0e0f"})"),
            message(1, std::string_view("\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17", 16)));
  EXPECT_EQ(span(R"({"traceId":"","parentSpanId":"0000000000000000"})"), message(4, std::string(8, '\0')));
  EXPECT_EQ(span(R"({"spanId":"\u0030a1b2c3d4e5f6789"})"), message(2, "\x0a\x1b\x2c\x3d\x4e\x5f\x67\x89"));
}

TEST(JsonIds, AreRefusedWhenTheyAreAnythingElse) {
  const auto words = [](std::string_view json) {
    const std::string refusal = span(json);
    return refusal.substr(refusal.find(": ") + 2);
  };
  EXPECT_EQ(words(R"({"traceId":"0102030405060708090a0b0c0d0e0"})"), "29 hexadecimal digits, want 32 (byte 54)");
  EXPECT_EQ(words(R"({"spanId":"0102030405060708090a0b0c0d0e0f10"})"), "32 hexadecimal digits, want 16 (byte 53)");
  EXPECT_EQ(words(R"({"traceId":"AAECAwQFBgcICQoLDA0ODw=="})"),
            "want 32 hexadecimal digits (base64 is no id) (byte 54)");
  EXPECT_EQ(words(R"({"spanId":"01020304050607g8"})"), "want 16 hexadecimal digits (base64 is no id) (byte 53)");
  EXPECT_EQ(words(R"({"spanId":[1,2,3,4,5,6,7,8]})"), "'[' is unexpected, want a string (byte 53)");
}

TEST(JsonBytes, AreBase64OfEitherAlphabetPaddedOrNot) {
  for (const std::string_view base64 : {"-_8AAQ==", "+/8AAQ==", "-_8AAQ", "+/8AAQ"}) {
    EXPECT_EQ(any_value(concat(R"({"bytesValue":")", base64, "\"}")), message(7, std::string_view("\xfb\xff\0\1", 4)));
  }
  EXPECT_EQ(any_value(R"({"bytesValue":""})"), message(7, ""));
  EXPECT_EQ(any_value(R"({"bytesValue":"YQ=="})"), message(7, "a"));
  EXPECT_EQ(any_value(R"({"bytesValue":"YWI="})"), message(7, "ab"));
  EXPECT_EQ(any_value(R"({"bytesValue":"YWJj"})"), message(7, "abc"));
}

TEST(JsonBytes, AreRefusedWhenTheyAreAnythingElse) {
  for (const std::string_view text :
       {"\"Y\"", "\"YQ=\"", "\"Y===\"", "\"Y Q=\"", "\"YQ=a\"", "\"YWJjY\"", "5", "[1]"}) {
    EXPECT_NE(any_value(concat("{\"bytesValue\":", text, "}")).find("body.bytesValue: "), std::string::npos) << text;
  }
}

std::string integer(std::string_view json) { return any_value(concat("{\"intValue\":", json, "}")); }
std::string varint(std::uint32_t number, std::int64_t value) {
  std::string text;
  MessageWriter(text).add_int64(number, value);
  return text;
}
std::string real(std::uint32_t number, double value) {
  std::string text;
  MessageWriter(text).add_double(number, value);
  return text;
}

TEST(JsonIntegers, ComeAsNumbersAndAsStrings) {
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, std::int64_t{1} << 53, INT64_MAX,
                                   INT64_MIN, std::int64_t{1'000'000'000'000'000'000}}) {
    EXPECT_EQ(integer(concat(value)), varint(3, value));
    EXPECT_EQ(integer(concat('"', value, '"')), varint(3, value));
  }
  EXPECT_EQ(integer("\"+007\""), varint(3, 7));
  EXPECT_EQ(integer("-0"), varint(3, 0));
}

TEST(JsonIntegers, WithFractionsOrExponentsAreRefused) {
  EXPECT_NE(integer("1.5").find("body.intValue: 1.5 is not a whole number of 64 bits (byte "), std::string::npos);
  for (const std::string_view text :
       {"1.0", "1e3", "-1E2", "\"1.5\"", "\"1e3\"", "\"\"", "\"-\"", "\" 1\"", "\"0x1\"", "\"9223372036854775808\"",
        "\"99999999999999999999999\"", "true", "[]", "01", "+1", "-"}) {
    EXPECT_NE(integer(text).find("body.intValue: "), std::string::npos) << text << ' ' << integer(text);
  }
}

// JavaScript has one type of number: whole doubles of any size come as integers.
TEST(JsonIntegers, BeyondSixtyFourBitsAreDoubles) {
  EXPECT_EQ(integer("9223372036854775808"), real(4, 0x1p63));
  EXPECT_EQ(integer("-9223372036854777856"), real(4, -9223372036854777856.0));
  EXPECT_EQ(integer("1e+21"), real(4, 1e21));
  EXPECT_EQ(integer("1.7976931348623157e+308"), real(4, 1.7976931348623157e+308));
  EXPECT_NE(integer("1e400").find("body.intValue: "), std::string::npos);
  EXPECT_EQ(metric(R"({"gauge":{"dataPoints":[{"asInt":1e+300}]}})"), message(5, message(1, real(4, 1e300))));
}

TEST(JsonIntegers, MustFitTheirFields) {
  EXPECT_EQ(span(R"({"flags":4294967295})"), "\x85\x01\xff\xff\xff\xff");
  EXPECT_EQ(span(R"({"droppedLinksCount":"4294967295"})"), "\x70\xff\xff\xff\xff\x0f");
  for (const std::string_view text : {"4294967296", "-1", "\"-1\""}) {
    EXPECT_NE(span(concat("{\"flags\":", text, "}")).find("flags: "), std::string::npos);
    EXPECT_NE(span(concat("{\"droppedLinksCount\":", text, "}")).find("droppedLinksCount: "), std::string::npos);
  }
  EXPECT_EQ(span(R"({"endTimeUnixNano":18446744073709551615})"), "\x41" + std::string(8, '\xff'));
  EXPECT_NE(span(R"({"endTimeUnixNano":18446744073709551616})").find("18446744073709551616 is not"), std::string::npos);
  EXPECT_EQ(metric(R"({"exponentialHistogram":{"dataPoints":[{"scale":-2147483648,"positive":{"offset":1}}]}})"),
            message(10, message(1, "\x30\xff\xff\xff\xff\x0f" + message(8, "\x08\x02"))));
  EXPECT_NE(metric(R"({"exponentialHistogram":{"dataPoints":[{"scale":2147483648}]}})").find("scale: "),
            std::string::npos);
}

double decoded_double(std::string_view json) {
  const std::string value = any_value(concat("{\"doubleValue\":", json, "}"));
  if (value.size() != 9 || value[0] != '\x21') return ADD_FAILURE() << json << ' ' << value, 0.0;
  double number = 0;
  std::memcpy(&number, value.data() + 1, sizeof number);
  return number;
}

TEST(JsonDoubles, ComeAsNumbersAndAsStrings) {
  for (const std::string_view text : {"0", "-0", "1", "-1.5", "2.5e-3", "1E5", "0.1", "1.7976931348623157e+308",
                                      "5e-324", "123456789012345678901234567890", "4.35", "2.2250738585072011e-308"}) {
    const double wanted = std::strtod(std::string(text).c_str(), nullptr);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(decoded_double(text)), std::bit_cast<std::uint64_t>(wanted)) << text;
    EXPECT_EQ(decoded_double(concat('"', text, '"')), wanted) << text;
  }
  EXPECT_TRUE(std::isnan(decoded_double("\"NaN\"")));
  EXPECT_EQ(decoded_double("\"Infinity\""), INFINITY);
  EXPECT_EQ(decoded_double("\"-Infinity\""), -INFINITY);
}

TEST(JsonDoubles, TooSmallForTheirTypeAreZeroAndTooLargeRefused) {
  EXPECT_EQ(decoded_double("1e-400"), 0.0);
  EXPECT_TRUE(std::signbit(decoded_double("-1e-400")));
  EXPECT_EQ(decoded_double("0." + std::string(400, '0') + "1"), 0.0);
  EXPECT_EQ(decoded_double("0e999999999999999999999"), 0.0);
  for (const std::string& text : {std::string("1e400"), std::string("-1e400"), "1" + std::string(400, '0'),
                                  std::string("1e99999999999999999999"), std::string("\"1e400\"")}) {
    const std::string refusal = any_value(concat("{\"doubleValue\":", text, "}"));
    EXPECT_NE(refusal.find("is not a number of 64 bits"), std::string::npos) << text << ' ' << refusal;
  }
}

TEST(JsonDoubles, AreRefusedWhenTheyAreAnythingElse) {
  for (const std::string_view text :
       {"\"\"", "\"x\"", "\"1.5 \"", "\"nan(1)\"", "NaN", "Infinity", ".5", "1.", "1e", "{}", "true"}) {
    const std::string refusal = any_value(concat("{\"doubleValue\":", text, "}"));
    EXPECT_NE(refusal.find("body.doubleValue: "), std::string::npos) << text << ' ' << refusal;
  }
}

TEST(JsonBooleans, AreTrueOrFalse) {
  EXPECT_EQ(any_value(R"({"boolValue":true})"), "\x10\x01");
  EXPECT_EQ(any_value(R"({"boolValue":false})"), std::string_view("\x10\x00", 2));
  EXPECT_EQ(metric(R"({"sum":{"isMonotonic":false}})"), message(7, ""));
  for (const std::string_view text : {"\"true\"", "1", "tru", "[]"}) {
    EXPECT_NE(any_value(concat("{\"boolValue\":", text, "}")).find("boolValue: "), std::string::npos) << text;
  }
}

TEST(JsonEnumerations, ComeByNameAndByNumber) {
  EXPECT_EQ(span(R"({"kind":"SPAN_KIND_CONSUMER"})"), "\x30\x05");
  EXPECT_EQ(span(R"({"kind":5,"status":{"code":"STATUS_CODE_ERROR"}})"), "\x30\x05" + message(15, "\x18\x02"));
  EXPECT_EQ(log_record(R"({"severityNumber":"SEVERITY_NUMBER_FATAL4"})"), "\x10\x18");
  EXPECT_EQ(span(R"({"kind":99})"), "\x30\x63");
  EXPECT_NE(span(R"({"kind":"CONSUMER"})").find("kind: want a SpanKind by name or number (byte "), std::string::npos);
  EXPECT_NE(span(R"({"kind":1.5})").find("kind: 1.5 is not a whole number of 32 bits"), std::string::npos);
}

TEST(JsonArrays, OfNumbersAreWrittenInOneRun) {
  const std::string json = R"({"histogram":{"dataPoints":[{"bucketCounts":["1", 2],"explicitBounds":[0.5,"NaN"]}]}})";
  const std::string counts = message(6, std::string_view("\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0", 16));
  const std::string bounds = message(7, std::string_view("\0\0\0\0\0\0\xe0\x3f\0\0\0\0\0\0\xf8\x7f", 16));
  EXPECT_EQ(metric(json), message(9, message(1, counts + bounds)));
  EXPECT_EQ(metric(R"({"histogram":{"dataPoints":[{"bucketCounts":[]}]}})"), message(9, message(1, "")));
  EXPECT_NE(metric(R"({"histogram":{"dataPoints":[{"bucketCounts":[1,null]}]}})").find("bucketCounts[1]: "),
            std::string::npos);
}

TEST(JsonArrays, OfStringsKeepTheEmptyOnes) {
  const Decoded decoded =
      decode(Signal::logs, R"({"resourceLogs":[{"resource":{"entityRefs":[{"idKeys":["a","","b"]}]}}]})");
  EXPECT_EQ(decoded.protobuf, message(1, message(1, message(3, message(3, "a") + message(3, "") + message(3, "b")))));
}

}  // namespace
}  // namespace stint::otlp
