// SPDX-License-Identifier: Apache-2.0
// The JSON reader on what functions and the platform really write, and on nonsense.
#include "wire/json_reader.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/limits.h"

namespace stint::wire {
namespace {

using namespace std::string_literals;

// Reads to the end and gives the tokens as text, or the error's name as the last one.
std::string tokens(std::string_view bytes) {
  const auto copy = std::make_unique<char[]>(bytes.size());  // so that a read past the end is seen
  bytes.copy(copy.get(), bytes.size());
  JsonReader reader(std::string_view(copy.get(), bytes.size()));
  std::string text;
  for (;;) {
    const auto token = reader.next();
    if (!token) return text + "!" + std::string(name(token.error().code));
    if (*token == JsonToken::end) return text;
    constexpr std::string_view kinds = "{}[]KSNB0";
    text += kinds[static_cast<std::size_t>(*token)];
    if (*token >= JsonToken::key) text += "(" + std::string(reader.text()) + ")";
  }
}

std::string unescaped(std::string_view text) {
  std::string out;
  append_unescaped(out, text);
  return out;
}

struct Scalar {
  std::string path, text;
  JsonToken kind;
  friend bool operator==(const Scalar&, const Scalar&) = default;
};

Result<std::vector<Scalar>> flat(std::string_view bytes, std::vector<Scalar>* partial = nullptr) {
  std::vector<Scalar> scalars;
  const auto result = parse_flat(bytes, [&](std::string_view path, std::string_view text, JsonToken kind) {
    scalars.push_back({std::string(path), std::string(text), kind});
  });
  if (partial != nullptr) *partial = scalars;
  if (!result) return result.error();
  return scalars;
}

TEST(JsonReader, GivesTheTokensOfADocument) {
  EXPECT_EQ(tokens(R"( {"a" : [1, -2.5e+3, true,false , null],"b":{},"c":"x\"y"} )"),
            R"({K(a)[N(1)N(-2.5e+3)B(true)B(false)0(null)]K(b){}K(c)S(x\"y)})");
  EXPECT_EQ(tokens("[]"), "[]");
  EXPECT_EQ(tokens("\t\"\"\r\n"), "S()");
  EXPECT_EQ(tokens("0"), "N(0)");
}

TEST(JsonReader, RefusesWhatIsNoJson) {
  for (const std::string& bytes : {""s,
                                   " "s,
                                   "["s,
                                   "{"s,
                                   "]"s,
                                   "[1"s,
                                   "[1,"s,
                                   "[1,]"s,
                                   "[,1]"s,
                                   "[1 2]"s,
                                   "{\"a\"}"s,
                                   "{\"a\":}"s,
                                   "{\"a\":1,}"s,
                                   "{a:1}"s,
                                   "{1:2}"s,
                                   "{\"a\":1 \"b\":2}"s,
                                   "[1}"s,
                                   "{\"a\":1]"s,
                                   "01"s,
                                   "-"s,
                                   "1."s,
                                   ".5"s,
                                   "1e"s,
                                   "+1"s,
                                   "0x1"s,
                                   "tru"s,
                                   "True"s,
                                   "nul"s,
                                   "NaN"s,
                                   "\"a"s,
                                   "\"\\\""s,
                                   "\"\\x\""s,
                                   "\"\\u12\""s,
                                   "\"\\u12g4\""s,
                                   "\"a\nb\""s,
                                   "\"a\0b\""s,
                                   "\"\\\0\""s,
                                   "[]x"s,
                                   "[][]"s,
                                   "1 2"s,
                                   "truefalse"s,
                                   "[]\0"s,
                                   "\xEF\xBB\xBF[]"s,
                                   "//\n1"s,
                                   "'a'"s}) {
    EXPECT_TRUE(tokens(bytes).ends_with("!malformed")) << bytes << " gave " << tokens(bytes);
  }
}

TEST(JsonReader, RefusesEveryTruncation) {
  const std::string document = R"({"a":[1,-2.5e+3,true,null,{"b":"\u00e9\n"}],"c":"d"})";
  for (std::size_t size = 0; size < document.size(); ++size) {
    EXPECT_TRUE(tokens(document.substr(0, size)).ends_with("!malformed")) << size;
  }
}

TEST(JsonReader, FailsInTheSameWayEverAfter) {
  JsonReader reader("[x");
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.next().error().code, ErrorCode::malformed);
  EXPECT_EQ(reader.next().error().code, ErrorCode::malformed);
}

TEST(JsonReader, TakesNumbersOfAnySizeAndTextOfAnyBytes) {
  EXPECT_EQ(tokens("[1e400,-0,123456789012345678901234567890]"), "[N(1e400)N(-0)N(123456789012345678901234567890)]");
  EXPECT_EQ(tokens("[\"\xff\",\"\\ud800\"]"), "[S(\xff)S(\\ud800)]");
}

TEST(JsonReader, RefusesWhatIsTooDeepWithoutRecursion) {
  for (const char* const level : {"[", "{\"a\":"}) {
    std::string deep;
    for (int i = 0; i < 100000; ++i) deep += level;
    EXPECT_TRUE(tokens(deep).ends_with("!" + std::string(name(ErrorCode::too_deep))));
  }
  const std::string deepest = std::string(JsonReader::depth_limit, '[') + std::string(JsonReader::depth_limit, ']');
  EXPECT_EQ(tokens(deepest), deepest);
}

TEST(JsonReader, KeepsObjectsAndArraysApartAtEveryDepth) {
  std::string opened;
  std::string closed;
  for (int i = 0; i < 100; ++i) {
    const bool object = (i * 7 / 3) % 2 == 0;
    opened += object ? "{\"k\":" : "[";
    closed.insert(closed.begin(), object ? '}' : ']');
  }
  EXPECT_TRUE(tokens(opened + "1" + closed).ends_with("N(1)" + closed));
  for (std::size_t at = 0; at < closed.size(); ++at) {
    std::string wrong = closed;
    wrong[at] = wrong[at] == ']' ? '}' : ']';
    EXPECT_TRUE(tokens(opened + "1" + wrong).ends_with("!malformed")) << at;
  }
}

TEST(JsonReader, SkipsAWholeValue) {
  JsonReader reader(R"({"a":{"b":[{},[1]]},"c":2})");
  auto token = reader.next();
  ASSERT_TRUE(reader.next());
  ASSERT_TRUE(reader.skip(JsonToken::key));
  EXPECT_EQ(reader.depth(), 1u);
  token = reader.next();
  ASSERT_TRUE(token);
  EXPECT_EQ(reader.text(), "c");
  token = reader.next();
  ASSERT_TRUE(reader.skip(*token));
  EXPECT_EQ(*reader.next(), JsonToken::end_object);
  EXPECT_EQ(*reader.next(), JsonToken::end);
}

TEST(JsonText, IsUnescaped) {
  EXPECT_EQ(unescaped(R"(plain)"), "plain");
  EXPECT_EQ(unescaped(R"(\"\\\/\b\f\n\r\t)"), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(unescaped(R"(\u0041\u00e9\u20AC\ud83d\ude00!)"), "A\u00e9\u20AC\U0001F600!");
  EXPECT_EQ(unescaped(R"(\u0000)"), "\0"s);
  EXPECT_EQ(unescaped(R"(\uffff\udbff\udfff)"), "\uffff\U0010FFFF");
}

TEST(JsonText, TurnsLoneSurrogatesIntoTheReplacementCharacter) {
  EXPECT_EQ(unescaped(R"(a\ud83d)"), "a\uFFFD");
  EXPECT_EQ(unescaped(R"(\ud83dx)"), "\uFFFDx");
  EXPECT_EQ(unescaped(R"(\ude00)"), "\uFFFD");
  EXPECT_EQ(unescaped(R"(\ude00\ude00)"), "\uFFFD\uFFFD");
  EXPECT_EQ(unescaped(R"(\ud83d\u0041)"), "\uFFFDA");
  EXPECT_EQ(unescaped(R"(\ud83d\ud83d\ude00)"), "\uFFFD\U0001F600");
  EXPECT_EQ(unescaped(R"(\ud83d\n)"), "\uFFFD\n");
}

TEST(JsonFlat, GivesWhatTheExtensionsApiSays) {
  const auto event =
      flat(R"({"eventType":"INVOKE","deadlineMs":1775516174092,"requestId":"3da1f2dc-3222-475e-9205-e2e6c6318895",)"
           R"("invokedFunctionArn":"arn:aws:lambda:us-east-1:123456789012:function:ExtensionTest","tracing":)"
           R"({"type":"X-Amzn-Trace-Id","value":"Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Sampled=1"}})");
  ASSERT_TRUE(event);
  const std::vector<Scalar> expected = {
      {"eventType", "INVOKE", JsonToken::string},
      {"deadlineMs", "1775516174092", JsonToken::number},
      {"requestId", "3da1f2dc-3222-475e-9205-e2e6c6318895", JsonToken::string},
      {"invokedFunctionArn", "arn:aws:lambda:us-east-1:123456789012:function:ExtensionTest", JsonToken::string},
      {"tracing.type", "X-Amzn-Trace-Id", JsonToken::string},
      {"tracing.value", "Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Sampled=1", JsonToken::string},
  };
  EXPECT_EQ(*event, expected);
}

TEST(JsonFlat, NamesPlacesInObjectsAndArrays) {
  const auto scalars = flat(R"({"a":[1,[true,"x\ny"],{"b":null}],"c\"d":{"":2},"e":{},"f":3})");
  ASSERT_TRUE(scalars);
  const std::vector<Scalar> expected = {
      {"a.0", "1", JsonToken::number},    {"a.1.0", "true", JsonToken::boolean}, {"a.1.1", "x\ny", JsonToken::string},
      {"a.2.b", "null", JsonToken::null}, {"c\"d.", "2", JsonToken::number},     {"f", "3", JsonToken::number},
  };
  EXPECT_EQ(*scalars, expected);
  EXPECT_EQ(*flat("7"), (std::vector<Scalar>{{"", "7", JsonToken::number}}));
}

TEST(JsonFlat, DeliversWhatCameBeforeAnError) {
  std::vector<Scalar> scalars;
  EXPECT_EQ(flat(R"({"a":1,"b":2,)", &scalars).error().code, ErrorCode::malformed);
  EXPECT_EQ(scalars.size(), 2u);
  EXPECT_EQ(flat("[1," + std::string(limits::nesting_max, '['), &scalars).error().code, ErrorCode::too_deep);
  EXPECT_EQ(scalars.size(), 1u);
}

}  // namespace
}  // namespace stint::wire
