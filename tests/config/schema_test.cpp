// SPDX-License-Identifier: Apache-2.0
// Decoding by schema: every kind of field, what is refused and with which words, and the documentation rows.
#include "config/schema.h"

#include <gtest/gtest.h>

#include "config/expand.h"

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

TEST(Schema, Works) {
  FixedEnvironment environment;
  FixedFiles files({{"c.yaml", "endpoint: http://x\nheaders: {a: b}\ngrpc:\nretry_on_failure: {multiplier: 2}\n"}});
  FileProvider file(files);
  EnvProvider env(environment);
  const Provider* providers[] = {&file, &env};
  Diagnostics diagnostics;
  auto root = load("c.yaml", providers, diagnostics);
  ASSERT_TRUE(root) << diagnostics.errors_text();
  ExporterConfig config;
  EXPECT_TRUE(decode(*root, config, Path{}, diagnostics)) << diagnostics.errors_text();
  EXPECT_EQ(config.client.endpoint, "http://x");
  EXPECT_TRUE(config.grpc);
  EXPECT_EQ(config.retry.multiplier, 2);
}

}  // namespace
}  // namespace stint::config
