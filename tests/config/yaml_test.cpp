// SPDX-License-Identifier: Apache-2.0
// YAML into trees: places, aliases, merge keys, `::` keys, and every refusal with its line.
#include "config/yaml.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "base/log.h"
#include "worlds.h"

namespace stint::config {
namespace {

struct Parsed {
  std::optional<Node> root;
  std::string said;
};

Parsed parse(std::string_view text) {
  Parsed parsed;
  Diagnostics diagnostics;
  TreeBudget budget;
  parsed.root = parse_yaml(text, diagnostics.add_source("f"), budget, diagnostics);
  parsed.said = diagnostics.errors_text();
  return parsed;
}

std::string shape_of(std::string_view text) {
  const Parsed parsed = parse(text);
  return parsed.root ? shape(*parsed.root) : "refused: " + parsed.said;
}

std::string repeated(std::string_view part, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text.append(part);
  return text;
}

TEST(Yaml, KeepsTheDifferenceBetweenPlainAndQuoted) {
  EXPECT_EQ(shape_of("a: 5\nb: \"5\"\nc: '5'\nd: |\n  x\n  y\ne:\nf: ~\ng: ''\nh: [1, 'a', {k: v}]\ni: {}\n"),
            "{a: 5, b: \"5\", c: \"5\", d: \"x\ny\n\", e: null, f: null, g: \"\", h: [1, \"a\", {k: v}], i: {}}");
  EXPECT_EQ(shape_of("a: !!str 5\nb: !!int \"5\"\nc: !!null ''\n"), "{a: \"5\", b: 5, c: null}");
}

TEST(Yaml, KnowsThePlaceOfEveryNodeAndKey) {
  const Parsed parsed = parse("a:\n  b: [x,\n      y]\n");
  ASSERT_TRUE(parsed.root);
  const Entry* const b = parsed.root->find("a")->find_entry("b");
  EXPECT_EQ(b->position.line, 2u);
  EXPECT_EQ(b->position.column, 3u);
  EXPECT_EQ(b->value.items[1].position.line, 3u);
  EXPECT_EQ(b->value.items[1].position.column, 7u);
}

TEST(Yaml, ReadsAnEmptyDocumentAsNull) {
  EXPECT_EQ(shape_of(""), "null");
  EXPECT_EQ(shape_of("# only a comment\n"), "null");
  EXPECT_EQ(shape_of("---\n"), "null");
}

TEST(Yaml, ReadsCarriageReturnsAndAByteOrderMark) {
  EXPECT_EQ(shape_of("\xef\xbb\xbf"
                     "a: 1\r\nb:\r\n  - c\r\n"),
            "{a: 1, b: [c]}");
  EXPECT_EQ(parse("a: 1\r\nb: {\r\n").said.substr(0, 4), "f:3:");
}

TEST(Yaml, RefusesUtf16AndControlCharactersInPlainWords) {
  EXPECT_EQ(parse(std::string_view("\xff\xfe"
                                   "a\0:\0",
                                   6))
                .said,
            "f: written as UTF-16; save it as UTF-8");
  EXPECT_EQ(parse(std::string_view("a\0:\0 \0", 6)).said, "f: written as UTF-16; save it as UTF-8");
  EXPECT_EQ(parse(std::string_view("\0a\0:", 4)).said, "f: written as UTF-16; save it as UTF-8");
  EXPECT_TRUE(parse("a: 1\nb: \x01\n").said.starts_with("f:2: not UTF-8 text")) << parse("a: 1\nb: \x01\n").said;
  EXPECT_TRUE(parse("a: 1\nb: 2\nc: \xc3\n").said.starts_with("f:3: not UTF-8 text")) << parse("a: \xc3\n").said;
}

TEST(Yaml, NamesTheLineWhereAQuoteIsOpened) {
  EXPECT_EQ(parse("a: 1\nb: \"x\nc: 3\nd: 4\n").said, "f:2: the quote opened here is never closed");
  EXPECT_EQ(parse("a: 1\nb: 'x\nc: 3\n").said, "f:2: the quote opened here is never closed");
  EXPECT_EQ(parse("a: 1\nb: \"x\nc: 3\nd: \"debug\"\ne: 5\n").said,
            "f:2: the quote opened here ends only in line 4, where the text goes on as if it had not: is its closing "
            "quote missing?");
}

TEST(Yaml, NamesTheLineOfOtherMistakes) {
  EXPECT_TRUE(parse("a: 1\nb:\n\tc: 2\n").said.starts_with("f:3: ")) << parse("a: 1\nb:\n\tc: 2\n").said;
  EXPECT_NE(parse("a: 1\nb:\n\tc: 2\n").said.find("not with tabs"), std::string::npos);
  EXPECT_TRUE(parse("a: [1, 2\nb: 3\n").said.starts_with("f:1: the bracket opened here is not closed"))
      << parse("a: [1, 2\nb: 3\n").said;
  EXPECT_TRUE(parse("a: 1\n  b: 2\n").said.starts_with("f:2: ")) << parse("a: 1\n  b: 2\n").said;
  EXPECT_TRUE(parse("a: }\n").said.starts_with("f:1: "));
}

TEST(Yaml, RefusesASecondDocument) {
  EXPECT_EQ(parse("a: 1\n---\nb: 2\n").said, "f:2: a second document begins here: a configuration is one document");
  EXPECT_EQ(shape_of("---\na: 1\n...\n"), "{a: 1}");
}

TEST(Yaml, RefusesDuplicateKeysNamingBothLines) {
  EXPECT_EQ(parse("a: 1\nb: 2\na: 3\n").said, "f:3: the key 'a' is already in line 1");
  EXPECT_EQ(parse("x: {k: 1, \"k\": 2}\n").said, "f:1: the key 'k' is already in line 1");
  EXPECT_EQ(parse("x:\n  <<: {a: 1}\n  <<: {b: 1}\n").said.substr(0, 4), "f:3:");
}

TEST(Yaml, RefusesKeysThatAreNoText) {
  EXPECT_EQ(parse("? [a]\n: 1\n").said.substr(0, 4), "f:1:");
  EXPECT_EQ(parse("x: &a k\n*a : 1\n").said.substr(0, 4), "f:2:");
}

TEST(Yaml, RefusesTagsThatItDoesNotKnow) {
  EXPECT_EQ(parse("a: 1\nb: !Ref x\n").said, "f:2: the tag !Ref is not supported; write the value without it");
}

TEST(Yaml, ResolvesAliases) {
  EXPECT_EQ(shape_of("a: &x [1, {b: c}]\nd: *x\ne: [*x, 2]\n"),
            "{a: [1, {b: c}], d: [1, {b: c}], e: [[1, {b: c}], 2]}");
  EXPECT_EQ(shape_of("a: &x 1\nb: &x 2\nc: *x\n"), "{a: 1, b: 2, c: 2}");
  EXPECT_EQ(parse("a: *x\n").said, "f:1: the alias '*x' names no anchor that is complete above it");
  EXPECT_EQ(parse("a: &x [*x]\n").said, "f:1: the alias '*x' names no anchor that is complete above it");
}

TEST(Yaml, MergesMapsAsGoDoes) {
  EXPECT_EQ(shape_of("a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  l: 3\n"), "{a: {k: 1, l: 2}, b: {l: 3, k: 1}}");
  EXPECT_EQ(shape_of("a: &x {k: 1}\nb: &y {k: 2, m: 3}\nc: {<<: [*x, *y], n: 4}\n"),
            "{a: {k: 1}, b: {k: 2, m: 3}, c: {n: 4, k: 1, m: 3}}");
  EXPECT_EQ(shape_of("b: {<<: {k: 1}}\n"), "{b: {k: 1}}");
  EXPECT_EQ(shape_of("b: {\"<<\": {k: 1}}\n"), "{b: {<<: {k: 1}}}");
  EXPECT_EQ(parse("b: {<<: 5}\n").said, "f:1: '<<' takes a map, an alias of a map or a list of them");
}

TEST(Yaml, TakesKeysWithDoubleColonsApart) {
  EXPECT_EQ(shape_of("otlphttp::endpoint: x\n"), "{otlphttp: {endpoint: x}}");
  EXPECT_EQ(shape_of("a:\n  b: 1\na::c: 2\na::d::e: 3\n"), "{a: {b: 1, c: 2, d: {e: 3}}}");
  EXPECT_EQ(shape_of("a::b: 1\na: {c: 2}\n"), "{a: {b: 1, c: 2}}");
  EXPECT_EQ(shape_of("a:\na::b: 1\n"), "{a: {b: 1}}");
  EXPECT_EQ(parse("a: 5\na::b: 1\n").said, "f:2: the key 'a' is already in line 1");
  EXPECT_EQ(parse("a::b: 1\na:\n  b: 2\n").said, "f:3: the key 'b' is already in line 1");
  EXPECT_FALSE(parse(repeated("a::", 100) + "b: 1\n").root);
}

TEST(Yaml, RefusesWhatIsNestedTooDeeply) {
  const std::size_t most = limits::config_nesting_max;
  EXPECT_TRUE(parse(repeated("[", most) + repeated("]", most)).root);
  EXPECT_NE(parse(repeated("[", most + 1) + repeated("]", most + 1)).said.find("nested too deeply"), std::string::npos);
  EXPECT_FALSE(parse(repeated("[", 500'000)).root);
  EXPECT_FALSE(parse(repeated("{a: ", 200'000)).root);
  std::string block;
  for (std::size_t i = 0; i < 100; ++i) block.append(i, ' ').append("a:\n");
  EXPECT_FALSE(parse(block).root);
}

TEST(Yaml, RefusesAliasBombs) {
  std::string laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 30; ++i) {
    laughs += concat("a", i, ": &a", i, " [");
    for (int j = 0; j < 10; ++j) laughs += concat("*a", i - 1, ",");
    laughs += "]\n";
  }
  EXPECT_NE(parse(laughs).said.find("too large or too deep"), std::string::npos) << parse(laughs).said;

  const std::string text_bomb = "a: &a " + std::string(100'000, 'x') + "\nb: [" + repeated("*a,", 1000) + "]\n";
  EXPECT_NE(parse(text_bomb).said.find("too large or too deep"), std::string::npos);

  std::string deep = "a0: &a0 " + repeated("[", 60) + repeated("]", 60) + "\n";
  for (int i = 1; i < 200; ++i) deep += concat("a", i, ": &a", i, " [[[[[*a", i - 1, "]]]]]\n");
  EXPECT_NE(parse(deep).said.find("too large or too deep"), std::string::npos);
}

TEST(Yaml, RefusesTooManyBytesAndTooManyValues) {
  EXPECT_EQ(parse(std::string(limits::config_bytes_max + 1, '#')).said, "f: larger than 1048576 bytes");
  EXPECT_NE(parse("[" + repeated("1,", limits::config_nodes_max) + "]").said.find("too large"), std::string::npos);
}

TEST(Yaml, RefusesFloodsOfTagDirectives) {
  EXPECT_EQ(parse(repeated("%TAG !a! x\n", 100) + "--- a\n").said,
            "f: has a hundred %TAG directives; a configuration needs none");
}

TEST(Yaml, EndsOnEveryPrefixOfADocument) {
  const std::string text =
      "a: &x {k: 1, l: \"q\\n\", m: 'r'}\nb:\n  - *x\n  - <<: *x\n    c::d: |\n      text\n---\n? y\n: !!str 5\n";
  for (std::size_t size = 0; size <= text.size(); ++size) {
    const Parsed parsed = parse(std::string_view(text).substr(0, size));
    EXPECT_EQ(parsed.root.has_value(), parsed.said.empty()) << size;
  }
}

}  // namespace
}  // namespace stint::config
