// SPDX-License-Identifier: Apache-2.0
// Expansion: the reference's rules re-derived as tables of our own, our deviations, roots, cycles and limits.
#include "config/expand.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>

#include "base/limits.h"
#include "base/log.h"
#include "config/schema.h"
#include "worlds.h"

namespace stint::config {
namespace {

struct TextTarget {
  std::string field;
};
constexpr auto fields_of(TextTarget*) { return fields(field<&TextTarget::field>("field", "text")); }
struct IntegerTarget {
  std::int64_t field = -1;
};
constexpr auto fields_of(IntegerTarget*) { return fields(field<&IntegerTarget::field>("field", "a number")); }
struct BooleanTarget {
  bool field = false;
};
constexpr auto fields_of(BooleanTarget*) { return fields(field<&BooleanTarget::field>("field", "a flag")); }
struct ListTarget {
  TextList field;
};
constexpr auto fields_of(ListTarget*) { return fields(field<&ListTarget::field>("field", "a list")); }

/// Decodes `field: ...` in a world; what was said takes the value's place when something was wrong.
template <typename Target>
std::string decoded(World& world, std::string document, std::string (*render)(const Target&)) {
  std::optional<Node> root = world.document(std::move(document));
  Target target;
  if (!root || !decode(*root, target, Path{}, world.diagnostics)) return "refused: " + world.said();
  return world.diagnostics.has_errors() ? "refused: " + world.said() : render(target);
}
std::string as_text(World& world, std::string document) {
  return decoded<TextTarget>(world, std::move(document), [](const TextTarget& target) { return target.field; });
}
std::string as_integer(World& world, std::string document) {
  return decoded<IntegerTarget>(world, std::move(document),
                                [](const IntegerTarget& target) { return concat(target.field); });
}
std::string as_boolean(World& world, std::string document) {
  return decoded<BooleanTarget>(world, std::move(document), [](const BooleanTarget& target) {
    return std::string(target.field ? "true" : "false");
  });
}
std::string as_list(World& world, std::string document) {
  return decoded<ListTarget>(world, std::move(document), [](const ListTarget& target) {
    std::string text;
    for (const std::string& item : target.field) text.append(text.empty() ? "" : "|").append(item);
    return text;
  });
}

TEST(Expand, TreatsDollarsAsTheReferenceDoes) {
  const std::pair<const char*, const char*> cases[] = {
      {"$$V", "$V"},
      {"$$$$V", "$$V"},
      {"$$${V}", "$value"},
      {"some${V}text", "somevaluetext"},
      {"some$${V}text", "some${V}text"},
      {"$${ONE}$${TWO}", "${ONE}${TWO}"},
      {"text$$", "text$"},
      {"$$", "$"},
      {"$", "$"},
      {"$${1}$${env:2}", "${1}${env:2}"},
      {"some$${env:V}text", "some${env:V}text"},
      {"$${env:${V}}", "${env:value}"},
      {"$${env:$${V}}", "${env:${V}}"},
      {"env:M}$${V}{", "env:M}${V}{"},
      {"$$${env:V}", "$value"},
      {"$V", "$V"},
      {"${env:ONE_DOLLAR}", "one $"},
      {"${env:TWO_DOLLARS}", "two $$"},
      {"${env:NESTED}", "value came from within"},
      {"${env:UNSET:-fallback}", "fallback"},
      {"${env:UNSET:-$${env:UNSET}}", "${env:UNSET:-${env:UNSET}}"},
  };
  for (const auto& [given, expected] : cases) {
    World world(Variables{
        {"V", "value"}, {"ONE_DOLLAR", "one $$"}, {"TWO_DOLLARS", "two $$$"}, {"NESTED", "${env:V} came from within"}});
    EXPECT_EQ(as_text(world, concat("field: '", given, "'\n")), expected) << given;
  }
}

TEST(Expand, UnescapesInsideExpandedListsAndMaps) {
  World world(Variables{{"LIST", "['$$A','$${A}','$${env:A}']"}, {"MAP", "{'k':'$$A','l':'$${env:A}'}"}});
  const auto root = world.document("list: ${env:LIST}\nmap: ${env:MAP}\n");
  EXPECT_EQ(shape(*root),
            "{list: [\"$A\", \"${A}\", \"${env:A}\"]|['$A','${A}','${env:A}'], "
            "map: {k: \"$A\", l: \"${env:A}\"}|{'k':'$A','l':'${env:A}'}}");
}

TEST(Expand, FindsReferencesInMalformedTextAsTheReferenceDoes) {
  const std::pair<const char*, const char*> cases[] = {
      {"${HOST}:${PORT}", "localhost:3044"},
      {"${HOST}:$PORT", "localhost:$PORT"},
      {"${env:HOST}:3043", "localhost:3043"},
      {"https://${env:HOST}:3045", "https://localhost:3045"},
      {"a_${env:FLAG}_b_${env:FLAG}", "a_true_b_true"},
      {"${yaml:localhost:${env:PORT}}", "localhost:3044"},
      {"${yaml:${env:HOST}:${PORT}}", "localhost:3044"},
      {"${yaml:localhost:${env:PORT}}?os=${env:OS}", "localhost:3044?os=ubuntu"},
      {"${yaml:1${yaml:2${yaml:3${yaml:4${yaml:5${yaml:6}}}}}}", "123456"},
      {"env:HOST}", "env:HOST}"},
      {"${HOST", "${HOST"},
      {"HO{ST}", "HO{ST}"},
      {"${env:HOST${env:PORT?os=${env:OS", "${env:HOST${env:PORT?os=${env:OS"},
      {"env:HOST}env:PORT}?os=env:OS}", "env:HOST}env:PORT}?os=env:OS}"},
      {"env:HOST}${env:PORT", "env:HOST}${env:PORT"},
      {"env:HOST}${env:PORT}", "env:HOST}3044"},
      {"${env:HOST}env:PORT}", "localhostenv:PORT}"},
      {"${env:HOST${env:PORT}", "${env:HOST3044"},
      {"${env:HOST}${env:PORT", "localhost${env:PORT"},
      {"env:HOST}env:PORT}?os=${env:OS}", "env:HOST}env:PORT}?os=ubuntu"},
      {"${env:HOST${env:PORT?os=${env:OS}", "${env:HOST${env:PORT?os=ubuntu"},
      {"${env:HOST}}}}}}${env:PORT?os=${env:OS}", "localhost}}}}}${env:PORT?os=ubuntu"},
      {"${env:HOST}${${${${${env:PORT}?os=${env:OS}", "localhost${${${${3044?os=ubuntu"},
      {"env:HOST}${env:PORT}?os=env:OS}&pr=${env:PR}", "env:HOST}3044?os=env:OS}&pr=amd"},
      {"${env:HOST${env:PORT}?os=${env:OS&pr=${env:PR}", "${env:HOST3044?os=${env:OS&pr=amd"},
      {"${HOST}${env:PORT}", "localhost3044"},
      {"${env:${env:NAME}}", "localhost"},
      {"${}", "${}"},
      {"${1}", "${1}"},
      {"${a b}", "${a b}"},
      {"}}}}", "}}}}"},
  };
  for (const auto& [given, expected] : cases) {
    World world(
        {{"HOST", "localhost"}, {"PORT", "3044"}, {"OS", "ubuntu"}, {"PR", "amd"}, {"FLAG", "true"}, {"NAME", "HOST"}});
    EXPECT_EQ(as_text(world, concat("field: '", given, "'\n")), expected) << given;
  }
}

TEST(Expand, ExpandsWhatFollowsAnEscapedReference) {
  World world(Variables{{"V", "value"}});
  EXPECT_EQ(as_text(world, "field: '$${V} ${V} $${V}'\n"), "${V} value ${V}");
}

TEST(Expand, TypesAValueByItsTarget) {
  struct Case {
    const char* variable;
    std::string (*decode)(World&, std::string);
    const char* expected;  // "" stands for any refusal
  };
  const Case cases[] = {
      {"123", as_integer, "123"},
      {"123", as_text, "123"},
      {"0123", as_integer, "83"},
      {"0123", as_text, "0123"},
      {"0xdeadbeef", as_integer, "3735928559"},
      {"0xdeadbeef", as_text, "0xdeadbeef"},
      {"\"0123\"", as_text, "\"0123\""},
      {"\"0123\"", as_integer, ""},
      {"!!str 0123", as_text, "!!str 0123"},
      {"t", as_boolean, ""},
      {"23", as_boolean, ""},
      {"true", as_boolean, "true"},
      {"true", as_text, "true"},
      {"null", as_text, "null"},
      {"null", as_integer, "-1"},
      {"1111:1111:1111:1111:1111::", as_text, "1111:1111:1111:1111:1111::"},
      {"2006-01-02T15:04:05Z07:00", as_text, "2006-01-02T15:04:05Z07:00"},
      {"2023-03-20T03:17:55.432328Z", as_text, "2023-03-20T03:17:55.432328Z"},
      {"true # a comment with ${env:hello.world} in it", as_boolean, "true"},
      {"true # a comment with ${env:hello.world} in it", as_text, ""},
      {"[\"a\",", as_text, "[\"a\","},
      {"[filelog,windowseventlog/application]", as_list, "filelog|windowseventlog/application"},
      {"[filelog,windowseventlog/application]", as_text, "[filelog,windowseventlog/application]"},
      {"a,b", as_list, "a|b"},
      {"$$ENV", as_text, "$ENV"},
      {"$${ENV}", as_text, "${ENV}"},
      {"$${env:ENV}", as_text, "${env:ENV}"},
      {"[filelog,${env:INNER}]", as_text, "[filelog,inner]"},
      {"[filelog,${INNER}]", as_text, "[filelog,inner]"},
      {"[\"filelog\",\"$${env:INNER}\"]", as_text, "[\"filelog\",\"${env:INNER}\"]"},
      {"[\"filelog\",\"$$INNER\"]", as_text, "[\"filelog\",\"$INNER\"]"},
      {"[\"filelog\",\"$INNER\"]", as_text, "[\"filelog\",\"$INNER\"]"},
      {"{\"k\": 1}", as_text, "{\"k\": 1}"},
      {"  spaced  ", as_text, "  spaced  "},
      {"", as_text, ""},
      {"~", as_text, "~"},
      {"---", as_text, "---"},
      {"- a", as_list, "a"},
      {"*secret", as_text, "*secret"},
      {"@secret", as_text, "@secret"},
      {"%secret", as_text, "%secret"},
      {"a: b: c", as_text, "a: b: c"},
      {"two\nlines", as_text, "two\nlines"},
  };
  for (const Case& test : cases) {
    for (const bool indirect : {false, true}) {
      World world(Variables{{"X", indirect ? "${env:Y}" : test.variable}, {"Y", test.variable}, {"INNER", "inner"}});
      const std::string got = test.decode(world, "field: ${env:X}\n");
      const bool is_refusal = test.expected[0] == '\0' && test.variable[0] != '\0';
      if (is_refusal) {
        EXPECT_TRUE(got.starts_with("refused: c.yaml:1: field: ")) << test.variable << " gave " << got;
      } else {
        EXPECT_EQ(got, test.expected) << test.variable;
      }
    }
  }
}

TEST(Expand, IsAlwaysTextInsideOtherText) {
  const std::pair<const char*, const char*> cases[] = {
      {"123", "<123>"},
      {"0123", "<0123>"},
      {"\"0123\"", "<\"0123\">"},
      {"!!str 0123", "<!!str 0123>"},
      {"{\"field\": 123}", "<{\"field\": 123}>"},
      {"[\"a\",", "<[\"a\",>"},
      {"[a,b]", "<[a,b]>"},
      {"$$ENV", "<$ENV>"},
      {"$${env:ENV}", "<${env:ENV}>"},
      {"The ${env:INNER} is wrapped", "<The inner is wrapped>"},
      {"", "<>"},
  };
  for (const auto& [variable, expected] : cases) {
    World world(Variables{{"X", variable}, {"INNER", "inner"}});
    EXPECT_EQ(as_text(world, "field: <${env:X}>\n"), expected) << variable;
  }
  World world(Variables{{"X", "true # with ${env:hello.world}"}});
  EXPECT_TRUE(as_text(world, "field: <${env:X}>\n").starts_with("refused: c.yaml:1: field: 'hello.world' cannot be"));
  World numbers(Variables{{"A", "80"}});
  EXPECT_TRUE(as_integer(numbers, "field: ${env:A}${env:A}\n").starts_with("refused:"));
}

TEST(Expand, ExpandsMapsWithinMaps) {
  World world(
      {{"A", "{inner: \"${env:B}\", inline: \"inline ${env:B}\"}"}, {"B", "{b: \"${env:C}\"}"}, {"C", "{v: 123}"}});
  const auto root = world.document("field: ${env:A}\n");
  EXPECT_EQ(root->find("field")->find("inner")->find("b")->find("v")->text, "123");
  EXPECT_EQ(root->find("field")->find("inline")->text, "inline {b: \"{v: 123}\"}");
  EXPECT_EQ(*root->find("field")->original, "{inner: \"{b: \"{v: 123}\"}\", inline: \"inline {b: \"{v: 123}\"}\"}");
}

TEST(Expand, LeavesKeysAlone) {
  World world(Variables{{"V", "value"}});
  EXPECT_EQ(shape(*world.document("${env:V}: $$\n$$k: ${V}\n")), "{${env:V}: $, $$k: \"value\"}");
}

TEST(Expand, TakesAnUnsetVariableAsEmptyAndSaysSo) {
  World world;
  const auto root = world.document("a: ${env:UNSET}\nb: x${UNSET_TOO}y\nc: ${env:UNSET:-}\nd: ${UNSET:-0123}\n");
  EXPECT_EQ(shape(*root), "{a: null|, b: \"xy\", c: \"\", d: 0123|0123}");
  EXPECT_EQ(world.said(),
            "warning: c.yaml:1: a: the environment variable UNSET is not set: taken as empty; ${env:UNSET:-default} "
            "names a default\n"
            "warning: c.yaml:2: b: the environment variable UNSET_TOO is not set: taken as empty; "
            "${env:UNSET_TOO:-default} names a default");
}

TEST(Expand, TakesASetButEmptyVariableAsEmptyInSilence) {
  World world(Variables{{"EMPTY", ""}});
  EXPECT_EQ(shape(*world.document("a: ${env:EMPTY}\nb: ${env:EMPTY:-default}\n")), "{a: null|, b: null|}");
  EXPECT_EQ(world.said(), "");
}

TEST(Expand, ReadsFilesAsValues) {
  World world(Variables{{"NAME", "part"}}, {{"c.yaml",
                                             "a: ${file:part.yaml}\nb: ${file:secret}\nc: <${file:secret}>\n"
                                             "d: ${file:${env:NAME}.yaml}\n"},
                                            {"part.yaml", "x: [1, 2]\ny: ${env:NAME}\n"},
                                            {"secret", "s3cret\n"}});
  EXPECT_EQ(shape(*world.load("c.yaml")),
            "{a: {x: [1, 2], y: \"part\"}, b: \"s3cret\", c: \"<s3cret>\", d: {x: [1, 2], y: \"part\"}}");
  EXPECT_EQ(world.said(), "");
}

TEST(Expand, NamesFileAndLineOfWhatStandsInAnIncludedFile) {
  World world({}, {{"c.yaml", "a:\n  ${file:part.yaml}\n"}, {"part.yaml", "x: 1\nfield: {wrong: 2}\n"}});
  const auto root = world.load("c.yaml");
  TextTarget target;
  EXPECT_FALSE(decode(*root->find("a"), target, Path{}, world.diagnostics));
  EXPECT_EQ(world.said(), "part.yaml:1: x: unknown key\npart.yaml:2: field: expected text, found a map");
}

TEST(Expand, ReportsAllThatCannotBeRetrieved) {
  World world({}, {{"c.yaml",
                    "a: ${file:missing.yaml}\nb: [1, '${ssm:/x}']\nc: {d: '${s3:bucket}'}\ne: ${env:a.b}\n"
                    "f: ${env:x$y}\ng: ${x y:z}\n"}});
  const auto root = world.load("c.yaml");
  ASSERT_TRUE(root);
  EXPECT_EQ(shape(*root), "{a: null, b: [1, null], c: {d: null}, e: null, f: null, g: null}");
  EXPECT_EQ(world.said(),
            "c.yaml:1: a: the file missing.yaml cannot be read: No such file or directory\n"
            "c.yaml:2: b[1]: the scheme 'ssm:' is unknown; known are env:, file:, yaml:\n"
            "c.yaml:3: c::d: the scheme 's3:' is not supported yet\n"
            "c.yaml:4: e: 'a.b' cannot be the name of an environment variable: letters, digits and underscores, no "
            "digit first\n"
            "c.yaml:5: f: a '$' cannot be part of ${env:x$y}\n"
            "c.yaml:6: g: 'x y' cannot be a scheme; write ${env:NAME}, or $${ for a plain ${");
}

TEST(Expand, SaysWhenAFileIsTextOnlyBecauseItIsNoYaml) {
  World world({}, {{"c.yaml", "a: ${file:part.yaml}\n"}, {"part.yaml", "x: [1\ny: 2\n"}});
  EXPECT_TRUE(world.load("c.yaml"));
  EXPECT_TRUE(world.said().starts_with("warning: c.yaml:1: a: taken as text, since it is not YAML: part.yaml:1: "))
      << world.said();
}

TEST(Expand, EndsACycleAtOnce) {
  const FixedFiles::Contents cycles[] = {
      {{"c.yaml", "a: ${file:c.yaml}\n"}},
      {{"c.yaml", "a: '${file:c.yaml}'\nb: ['${file:c.yaml}', 'x${file:c.yaml}']\n"}},
      {{"c.yaml", "a: ${file:d.yaml}\nb: ${file:d.yaml}\n"},
       {"d.yaml", "[\"${file:e.yaml}\", \"${file:e.yaml}\"]\n"},
       {"e.yaml", "[\"${file:d.yaml}\", \"${file:d.yaml}\"]\n"}},
  };
  for (const FixedFiles::Contents& contents : cycles) {
    World world({}, contents);
    (void)world.load("c.yaml");
    EXPECT_TRUE(world.diagnostics.has_errors());
  }
  for (const char* variable : {"${env:X}", "a${env:X}", "${env:X}${env:X}", "[\"${env:X}\"]", "{a: \"${env:X}\"}",
                               "[\"${env:X}\", \"${env:X}\", \"${env:X}\"]", "${env:${env:X}}"}) {
    World world(Variables{{"X", variable}});
    (void)world.document("field: ${env:X}\nother: <${env:X}>\n");
    EXPECT_TRUE(world.diagnostics.has_errors()) << variable;
  }
  World world(Variables{{"X", "${env:X}"}});
  (void)world.document("field: ${env:X}\n");
  EXPECT_EQ(world.said(), "c.yaml:1: field: more than 1000 expansions; does ${env:X} lead back to itself?");
}

TEST(Expand, BoundsWhatComesOut) {
  World world(Variables{{"BIG", std::string(200'000, 'x')}});
  std::string document;
  for (int i = 0; i < 100; ++i) document += concat("k", i, ": ${env:BIG}\n");
  (void)world.document(document);
  EXPECT_NE(world.said().find("more than 4194304 bytes"), std::string::npos) << world.said();
  World one(Variables{{"BIG", std::string(200'000, 'x')}});
  (void)one.document("k: " + [] {
    std::string text;
    for (int i = 0; i < 10; ++i) text += "${env:BIG}";
    return text;
  }() + "\n");
  EXPECT_NE(one.said().find("expands to more than 1048576 bytes"), std::string::npos) << one.said();
}

TEST(Expand, ReadsOnWhereAnExpansionCompletesAnother) {
  World world(Variables{{"CLOSE", "HOST}"}, {"HOST", "localhost"}, {"OPEN", "${"}, {"V", "x"}});
  EXPECT_EQ(as_text(world, "field: 'a}b${env:${CLOSE}c'\n"), "a}blocalhostc");
  EXPECT_EQ(as_text(world, "field: '}${OPEN}V}'\n"), "}x");
  EXPECT_EQ(as_text(world, "field: '${V}}${V}{${V}'\n"), "x}x{x");
}

TEST(Expand, IsNotSlowedByManyBraces) {
  World world(Variables{{"V", "}"}});
  std::string text(900'000, '}');
  for (std::uint32_t i = 0; i < limits::config_expansions_max; ++i) text += "${V}";
  EXPECT_EQ(as_text(world, concat("field: '", text, "'\n")), std::string(900'000 + limits::config_expansions_max, '}'));
}

TEST(Expand, ShowsNoValueThatAnExpansionGave) {
  World world(Variables{{"SECRET", "s3cret"}, {"MAP", "{field: s3cret}"}});
  EXPECT_EQ(as_integer(world, "field: ${env:SECRET}\n"),
            "refused: c.yaml:1: field: expected a whole number, found a text that an expansion gave");
  EXPECT_EQ(as_boolean(world, "field: x${env:SECRET}\n").find("s3cret"), std::string::npos);
  const auto root = world.document("map: ${env:MAP}\n");
  IntegerTarget target;
  EXPECT_FALSE(decode(*root->find("map"), target, Path{}, world.diagnostics));
  EXPECT_EQ(world.said().find("s3cret"), std::string::npos) << world.said();
}

TEST(Load, TakesPathsAndUris) {
  const FixedFiles::Contents contents = {{"/opt/c.yaml", "a: 1\n"}, {"C:\\c.yaml", "a: 2\n"}, {"c.yaml", "a: 3\n"}};
  const std::pair<const char*, const char*> cases[] = {
      {"/opt/c.yaml", "{a: 1}"},
      {"C:\\c.yaml", "{a: 2}"},
      {"c.yaml", "{a: 3}"},
      {"file:/opt/c.yaml", "{a: 1}"},
      {"file:c.yaml", "{a: 3}"},
      {"env:CONFIG", "{b: $x, c: 3}"},
      {"yaml:a::b: 1", "{a: {b: 1}}"},
      {"yaml:{a: '${env:V}'}", "{a: \"value\"}"},
      {"yaml:${env:CONFIG}", "{b: $x, c: 3}|b: $x\nc: 3\n"},
  };
  for (const auto& [uri, expected] : cases) {
    World world(Variables{{"CONFIG", "b: $$x\nc: 3\n"}, {"V", "value"}}, contents);
    const auto root = world.load(uri);
    ASSERT_TRUE(root) << uri << ": " << world.said();
    EXPECT_EQ(shape(*root), expected) << uri;
  }
}

TEST(Load, SaysWhatIsWrongWithARoot) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "the configuration's URI is empty; give a path"},
      {"missing.yaml", "missing.yaml: the file missing.yaml cannot be read: No such file or directory"},
      {"file:", "file:: a path is missing after 'file:'"},
      {"s3://b.s3.eu-west-1.amazonaws.com/c",
       "s3://b.s3.eu-west-1.amazonaws.com/c: the scheme 's3:' is not supported yet"},
      {"https://x/c", "https://x/c: the scheme 'https:' is not supported yet"},
      {"secretsmanager:x", "secretsmanager:x: the scheme 'secretsmanager:' is not supported yet"},
      {"ssm:/x", "ssm:/x: the scheme 'ssm:' is unknown; known are env:, file:, yaml:"},
      {"env:UNSET",
       "env:UNSET: nothing there: the environment variable UNSET is not set: taken as empty; "
       "${env:UNSET:-default} names a default"},
      {"env:EMPTY", "env:EMPTY:1: the configuration is empty; it must be a map with receivers, exporters and service"},
      {"yaml:[1]", "yaml::1: the configuration is a list; it must be a map with receivers, exporters and service"},
      {"yaml:abc", "yaml::1: the configuration is text; it must be a map with receivers, exporters and service"},
      {"yaml:a: [", "yaml::2: did not find expected node content (while parsing a flow node that begins in line 2)"},
  };
  for (const auto& [uri, expected] : cases) {
    World world(Variables{{"EMPTY", ""}});
    EXPECT_FALSE(world.load(uri)) << uri;
    EXPECT_EQ(world.said(), expected) << uri;
  }
}

TEST(SystemEnvironment, LooksUpWholeNames) {
  const SystemEnvironment environment;
  ASSERT_EQ(::setenv("STINT_TEST_NAME", "a=b", 1), 0);
  ASSERT_EQ(::setenv("STINT_TEST_EMPTY", "", 1), 0);
  EXPECT_EQ(environment.lookup("STINT_TEST_NAME"), "a=b");
  EXPECT_EQ(environment.lookup("STINT_TEST_EMPTY"), "");
  EXPECT_EQ(environment.lookup("STINT_TEST_NAM"), std::nullopt);
  EXPECT_EQ(environment.lookup("STINT_TEST_NAME=a"), std::nullopt);
}

TEST(SystemFiles, ReadsWholeFilesAndRefusesLargeOnes) {
  char path[] = "/tmp/stint_files_test_XXXXXX";
  const int descriptor = ::mkstemp(path);
  ASSERT_GE(descriptor, 0);
  const std::string content(100'000, 'x');
  ASSERT_EQ(::write(descriptor, content.data(), content.size()), static_cast<ssize_t>(content.size()));
  const SystemFiles files;
  Result<std::string> got = files.read(path);
  ASSERT_TRUE(got);
  EXPECT_EQ(*got, content);
  ASSERT_EQ(::ftruncate(descriptor, static_cast<off_t>(limits::config_bytes_max + 1)), 0);
  got = files.read(path);
  ::close(descriptor);
  ::unlink(path);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, ErrorCode::too_large);
  EXPECT_EQ(files.read(path).error(), system_error(ENOENT));
  EXPECT_EQ(files.read("/tmp").error(), system_error(EISDIR));
}

}  // namespace
}  // namespace stint::config
