// SPDX-License-Identifier: Apache-2.0
// Decoding by schema: every kind of field, what is refused and with which words, and the documentation rows.
#include "config/schema.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/log.h"
#include "decoded.h"

namespace stint::config {
namespace {

enum class Compression : std::uint8_t { none, gzip, zstd };
constexpr auto choices_of(Compression*) {
  return choices<Compression>(
      {{"none", Compression::none}, {"", Compression::none}, {"gzip", Compression::gzip}, {"zstd", Compression::zstd}});
}

struct ServerConfig {
  std::string endpoint = "localhost:4318";
  std::int64_t body_bytes_max = 20 << 20;
  std::uint32_t streams_max = 100;
};
std::string wrong_endpoint(const std::string& endpoint) {
  return endpoint.find(':') == std::string::npos ? "a port is missing; write host:port" : "";
}
constexpr auto fields_of(ServerConfig*) {
  return fields(field<&ServerConfig::endpoint>("endpoint", "host:port to listen on", checked<&wrong_endpoint>),
                field<&ServerConfig::body_bytes_max>("max_request_body_size", "bytes of one body", range(1)),
                field<&ServerConfig::streams_max>("max_concurrent_streams", "streams of a connection"),
                refused("tpm", "keys in a TPM"), ignored<std::int64_t>("read_buffer_size", "bytes read at once"));
}

struct RetryConfig {
  bool enabled = true;
  Nanoseconds initial_interval = Seconds(5);
  double multiplier = 1.5;
  void validate(const Report& report) const {
    if (multiplier < 1) report.error("multiplier", "must be at least 1");
  }
};
constexpr auto fields_of(RetryConfig*) {
  return fields(field<&RetryConfig::enabled>("enabled", "try again"),
                field<&RetryConfig::initial_interval>("initial_interval", "first wait"),
                field<&RetryConfig::multiplier>("multiplier", "growth of the wait"));
}

struct ActionConfig {
  std::string key;
  std::string action = "upsert";
};
constexpr auto fields_of(ActionConfig*) {
  return fields(field<&ActionConfig::key>("key", "the attribute's name", required),
                field<&ActionConfig::action>("action", "what is done"));
}

struct ClientConfig {
  std::string endpoint;
  TextMap headers;
};
constexpr auto fields_of(ClientConfig*) {
  return fields(field<&ClientConfig::endpoint>("endpoint", "URL of the back end", required),
                field<&ClientConfig::headers>("headers", "headers of every request"));
}

struct ExporterConfig {
  ClientConfig client;
  Compression compression = Compression::gzip;
  TextList keys;
  RetryConfig retry;
  Optional<ServerConfig> grpc{ServerConfig{.endpoint = "localhost:4317"}};
  std::vector<ActionConfig> actions;
  Node raw;
};
constexpr auto fields_of(ExporterConfig*) {
  return fields(embedded<&ExporterConfig::client>(),
                field<&ExporterConfig::compression>("compression", "encoding of bodies"),
                field<&ExporterConfig::keys>("metadata_keys", "keys of metadata"),
                field<&ExporterConfig::retry>("retry_on_failure", "what is done when a request fails"),
                field<&ExporterConfig::grpc>("grpc", "the gRPC server"),
                field<&ExporterConfig::actions>("actions", "what is done, in order"),
                field<&ExporterConfig::raw>("raw", "anything"));
}

/// The document as an exporter with the required key.
Decoded<ExporterConfig> decoded(const std::string& document) {
  return Decoded<ExporterConfig>(
      "endpoint: http://x\n" + document,
      {{"NUMBER", "8080"}, {"TEXT", "abc"}, {"MAP", "{a: b, c: \"5\"}"}, {"LIST", "[a, b]"}, {"FLAG", "true"}});
}

TEST(Schema, LeavesDefaultsWhereNothingIsWritten) {
  const Decoded made = decoded("retry_on_failure:\nmetadata_keys: ~\ncompression:\n");
  ASSERT_TRUE(made.good) << made.said;
  EXPECT_EQ(made.config.client.endpoint, "http://x");
  EXPECT_EQ(made.config.compression, Compression::gzip);
  EXPECT_EQ(made.config.retry.initial_interval, Seconds(5));
  EXPECT_FALSE(made.config.grpc);
  EXPECT_TRUE(made.config.raw.is_null());
}

TEST(Schema, TakesEveryKindOfField) {
  const Decoded made = decoded(
      "compression: zstd\nheaders: {a: b, c: '5', d: }\nmetadata_keys: [x, y]\n"
      "retry_on_failure: {enabled: false, initial_interval: 1.5s, multiplier: 2}\n"
      "grpc: {endpoint: 'h:1', max_request_body_size: 0x10, max_concurrent_streams: 4294967295}\n"
      "actions: [{key: k}, {key: l, action: delete}]\nraw: {any: [thing]}\n");
  ASSERT_TRUE(made.good) << made.said;
  EXPECT_EQ(made.config.compression, Compression::zstd);
  EXPECT_EQ(made.config.client.headers, (TextMap{{"a", "b"}, {"c", "5"}, {"d", ""}}));
  EXPECT_EQ(made.config.keys, (TextList{"x", "y"}));
  EXPECT_FALSE(made.config.retry.enabled);
  EXPECT_EQ(made.config.retry.initial_interval, Milliseconds(1500));
  EXPECT_EQ(made.config.retry.multiplier, 2);
  ASSERT_TRUE(made.config.grpc);
  EXPECT_EQ(made.config.grpc->endpoint, "h:1");
  EXPECT_EQ(made.config.grpc->body_bytes_max, 16);
  EXPECT_EQ(made.config.grpc->streams_max, 4294967295u);
  ASSERT_EQ(made.config.actions.size(), 2u);
  EXPECT_EQ(made.config.actions[0].action, "upsert");
  EXPECT_EQ(made.config.actions[1].action, "delete");
  EXPECT_EQ(shape(made.config.raw), "{any: [thing]}");
}

TEST(Schema, SwitchesAnOptionalPartByItsPresence) {
  EXPECT_FALSE(decoded("").config.grpc);
  EXPECT_TRUE(decoded("grpc:\n").config.grpc);
  EXPECT_TRUE(decoded("grpc: {}\n").config.grpc);
  EXPECT_EQ(decoded("grpc: {}\n").config.grpc->endpoint, "localhost:4317");
  EXPECT_FALSE(decoded("grpc: {enabled: false}\n").config.grpc);
  EXPECT_FALSE(decoded("grpc: {enabled: false, endpoint: 'h:1'}\n").config.grpc);
  EXPECT_TRUE(decoded("grpc: {enabled: true, endpoint: 'h:1'}\n").config.grpc);
  EXPECT_EQ(decoded("grpc: {enabled: 5}\n").said,
            "c.yaml:2: grpc::enabled: expected true or false, found the number 5");
  EXPECT_EQ(decoded("grpc: {enabled: false, endpiont: x}\n").said,
            "c.yaml:2: grpc::endpiont: unknown key; did you mean 'endpoint'?");
}

TEST(Schema, TakesHeadersAsAListOfPairs) {
  const Decoded made = decoded("headers:\n  - {name: a, value: b}\n  - {name: c}\n  - {name: d, value: '${NUMBER}'}\n");
  ASSERT_TRUE(made.good) << made.said;
  EXPECT_EQ(made.config.client.headers, (TextMap{{"a", "b"}, {"c", ""}, {"d", "8080"}}));
  EXPECT_EQ(decoded("headers:\n  - {name: a}\n  - {name: a}\n").said,
            "c.yaml:4: headers[1]: the name 'a' is given twice");
  EXPECT_EQ(decoded("headers: [{value: b}]\n").said, "c.yaml:2: headers[0]: a name is missing");
  EXPECT_EQ(decoded("headers: [{name: a, vaule: b}]\n").said,
            "c.yaml:2: headers[0]::vaule: unknown key; an item has name and value");
  EXPECT_EQ(decoded("headers: [a]\n").said,
            "c.yaml:2: headers[0]: expected a map with name and value, found the text 'a'");
}

TEST(Schema, SplitsTextAtCommasWhereAListIsWanted) {
  EXPECT_EQ(decoded("metadata_keys: a, b,c\n").config.keys, (TextList{"a", "b", "c"}));
  EXPECT_EQ(decoded("metadata_keys: ''\n").config.keys, TextList{});
  EXPECT_EQ(decoded("metadata_keys: ${LIST}\n").config.keys, (TextList{"a", "b"}));
  EXPECT_EQ(decoded("metadata_keys: [a, 5]\n").said,
            "c.yaml:2: metadata_keys[1]: expected text, found the number 5; put it in quotes: \"5\"");
  EXPECT_EQ(decoded("metadata_keys: {a: b}\n").said,
            "c.yaml:2: metadata_keys: expected a list of texts, or one text with commas, found a map");
}

TEST(Schema, TakesWhatExpansionsGive) {
  const Decoded made = decoded(
      "headers: ${env:MAP}\nretry_on_failure: {enabled: '${FLAG}'}\n"
      "grpc: {max_request_body_size: '${env:NUMBER}', endpoint: 'x:${NUMBER}'}\n");
  ASSERT_TRUE(made.good) << made.said;
  EXPECT_EQ(made.config.client.headers, (TextMap{{"a", "b"}, {"c", "5"}}));
  EXPECT_EQ(made.config.grpc->body_bytes_max, 8080);
  EXPECT_EQ(made.config.grpc->endpoint, "x:8080");
  EXPECT_EQ(decoded("headers: {authorization: '${NUMBER}'}\n").config.client.headers,
            (TextMap{{"authorization", "8080"}}));
}

TEST(Schema, DoesNotTypeWeakly) {
  const std::pair<const char*, const char*> cases[] = {
      {"headers: {a: 5}", "headers::a: expected text, found the number 5; put it in quotes: \"5\""},
      {"headers: {a: true}", "headers::a: expected text, found true; put it in quotes: \"true\""},
      {"headers: {a: [b]}", "headers::a: expected text, found a list"},
      {"headers: a=b", "headers: expected a map of texts, or a list of maps with name and value, found the text 'a=b'"},
      {"compression: gzipp",
       "compression: expected one of none, gzip, zstd, found the text 'gzipp'; did you mean 'gzip'?"},
      {"compression: 5", "compression: expected one of none, gzip, zstd, found the number 5"},
      {"compression: [gzip]", "compression: expected one of none, gzip, zstd, found a list"},
      {"retry_on_failure: {enabled: yes}", "retry_on_failure::enabled: expected true or false, found the text 'yes'"},
      {"retry_on_failure: {enabled: 'true'}",
       "retry_on_failure::enabled: expected true or false, found the text 'true'"},
      {"retry_on_failure: {multiplier: '2'}", "retry_on_failure::multiplier: expected a number, found the text '2'"},
      {"retry_on_failure: {initial_interval: '10'}",
       "retry_on_failure::initial_interval: expected a duration such as 200ms, 5s or 1m30s, found the text '10'"},
      {"retry_on_failure: {initial_interval: 1.5}",
       "retry_on_failure::initial_interval: expected a duration such as 200ms, 5s or 1m30s, found the number 1.5"},
      {"retry_on_failure: {initial_interval: -5s}",
       "retry_on_failure::initial_interval: expected a duration of at least 0s, found the text '-5s'"},
      {"retry_on_failure: [a]", "retry_on_failure: expected a map of keys, found a list"},
      {"retry_on_failure: x", "retry_on_failure: expected a map of keys, found the text 'x'"},
      {"grpc: {max_request_body_size: '5'}",
       "grpc::max_request_body_size: expected a whole number, found the text '5'"},
      {"grpc: {max_request_body_size: 1.5}",
       "grpc::max_request_body_size: expected a whole number, found the number 1.5"},
      {"grpc: {max_request_body_size: 0}",
       "grpc::max_request_body_size: expected a number of at least 1, found the number 0"},
      {"grpc: {max_concurrent_streams: -1}",
       "grpc::max_concurrent_streams: expected a number from 0 to 4294967295, found the number -1"},
      {"grpc: {max_concurrent_streams: 4294967296}",
       "grpc::max_concurrent_streams: expected a number from 0 to 4294967295, found the number 4294967296"},
      {"grpc: {endpoint: localhost}", "grpc::endpoint: a port is missing; write host:port"},
      {"grpc: {tpm: {enabled: true}}", "grpc::tpm: this key is not supported yet; remove it"},
      {"actions: {key: a}", "actions: expected a list of maps, found a map"},
      {"actions: [{action: x}]", "actions[0]::key: this key is required: the attribute's name"},
      {"retry_on_failure: {multiplier: 0.5}", "retry_on_failure::multiplier: must be at least 1"},
      {"retry_on_failure: {Enabled: true}", "retry_on_failure::Enabled: unknown key; did you mean 'enabled'?"},
      {"timeuot: 5", "timeuot: unknown key"},
      {"header: {}", "header: unknown key; did you mean 'headers'?"},
  };
  for (const auto& [document, expected] : cases) {
    const Decoded made = decoded(concat(document, "\n"));
    EXPECT_FALSE(made.good) << document;
    EXPECT_EQ(made.said, concat("c.yaml:2: ", expected)) << document;
  }
}

TEST(Schema, ReportsAllErrorsOfADocumentAndKeepsDefaultsThere) {
  const Decoded made =
      decoded("compression: brotli\nheaders:\n  a: 5\nretry_on_failure:\n  multiplier: x\nnonsense: 1\n");
  EXPECT_EQ(made.said,
            "c.yaml:2: compression: expected one of none, gzip, zstd, found the text 'brotli'\n"
            "c.yaml:4: headers::a: expected text, found the number 5; put it in quotes: \"5\"\n"
            "c.yaml:6: retry_on_failure::multiplier: expected a number, found the text 'x'\n"
            "c.yaml:7: nonsense: unknown key");
  EXPECT_EQ(made.config.compression, Compression::gzip);
  EXPECT_EQ(made.config.retry.multiplier, 1.5);
}

TEST(Schema, NamesAMissingKeyAtItsSection) {
  ExporterConfig config;
  World world;
  const auto root = world.document("a:\n  compression: gzip\nb:\n  endpoint:\n");
  EXPECT_FALSE(decode(*root->find("a"), config, Path{}.child("a"), world.diagnostics));
  EXPECT_FALSE(decode(*root->find("b"), config, Path{}.child("b"), world.diagnostics));
  EXPECT_EQ(world.said(),
            "c.yaml:2: a::endpoint: this key is required: URL of the back end\n"
            "c.yaml:4: b::endpoint: this key is required: URL of the back end");
}

TEST(Schema, WarnsOfWhatHasNoEffect) {
  const Decoded made = decoded("grpc: {read_buffer_size: 5}\nretry_on_failure: {initial_interval: 10}\n");
  EXPECT_TRUE(made.good);
  EXPECT_EQ(
      made.said,
      "warning: c.yaml:2: grpc::read_buffer_size: this key has no effect here\n"
      "warning: c.yaml:3: retry_on_failure::initial_interval: a number without a unit is nanoseconds; write 10s for "
      "seconds");
  EXPECT_EQ(made.config.retry.initial_interval, Nanoseconds(10));
  EXPECT_EQ(decoded("grpc: {read_buffer_size: x}\n").said,
            "warning: c.yaml:2: grpc::read_buffer_size: this key has no effect here\n"
            "c.yaml:2: grpc::read_buffer_size: expected a whole number, found the text 'x'");
}

TEST(Schema, KnowsWhetherDefaultsSuffice) {
  EXPECT_TRUE(defaults_suffice<RetryConfig>());
  EXPECT_TRUE(defaults_suffice<ServerConfig>());
  EXPECT_FALSE(defaults_suffice<ExporterConfig>());
}

TEST(Schema, CountsErrorsBeyondAHundred) {
  std::string document;
  for (int i = 0; i < 300; ++i) document += concat("nonsense", i, ": 1\n");
  const Decoded made = decoded(document);
  EXPECT_FALSE(made.good);
  EXPECT_EQ(std::count(made.said.begin(), made.said.end(), '\n'), 99);
}

TEST(Schema, RendersItselfAsMarkdown) {
  EXPECT_EQ(markdown_rows(schema_of<ExporterConfig>, "x."),
            "| `x.endpoint` | string | required | URL of the back end |\n"
            "| `x.headers` | map of strings |  | headers of every request |\n"
            "| `x.compression` | none, gzip, zstd | `gzip` | encoding of bodies |\n"
            "| `x.metadata_keys` | list of strings | `[]` | keys of metadata |\n"
            "| `x.retry_on_failure` | section |  | what is done when a request fails |\n"
            "| `x.retry_on_failure.enabled` | bool | `true` | try again |\n"
            "| `x.retry_on_failure.initial_interval` | duration | `5s` | first wait |\n"
            "| `x.retry_on_failure.multiplier` | float | `1.5` | growth of the wait |\n"
            "| `x.grpc` | section, off if absent | `off` | the gRPC server |\n"
            "| `x.grpc.endpoint` | string | `localhost:4317` | host:port to listen on |\n"
            "| `x.grpc.max_request_body_size` | uint | `20971520` | bytes of one body |\n"
            "| `x.grpc.max_concurrent_streams` | uint | `100` | streams of a connection |\n"
            "| `x.grpc.tpm` | any |  | keys in a TPM; not supported yet: refused |\n"
            "| `x.grpc.read_buffer_size` | int |  | bytes read at once; has no effect here, which a warning says |\n"
            "| `x.actions` | list of sections |  | what is done, in order |\n"
            "| `x.actions[].key` | string | required | the attribute's name |\n"
            "| `x.actions[].action` | string | `upsert` | what is done |\n"
            "| `x.raw` | any |  | anything |\n");
}

TEST(NameGuess, TakesTheNearestNameAndNothingFar) {
  const auto best = [](std::string_view given) {
    NameGuess guess(given);
    for (const char* known : {"endpoint", "headers", "timeout", "tls"}) guess.consider(known);
    return std::string(guess.best());
  };
  EXPECT_EQ(best("endpiont"), "endpoint");
  EXPECT_EQ(best("end_point"), "endpoint");
  EXPECT_EQ(best("header"), "headers");
  EXPECT_EQ(best("TLS"), "");
  EXPECT_EQ(best("tsl"), "tls");
  EXPECT_EQ(best("verbosity"), "");
  EXPECT_EQ(best(""), "");
  EXPECT_EQ(best(std::string(1000, 'e')), "");
}

}  // namespace
}  // namespace stint::config
