// SPDX-License-Identifier: Apache-2.0
// The keys of otlp: what users write is taken, what cannot be is refused by name with what would be right.
#include <gtest/gtest.h>

#include "base/log.h"
#include "config/decoded.h"
#include "exporters/otlp_grpc.h"

namespace stint {
namespace {

using Decoded = config::Decoded<OtlpGrpcExporter::Config>;

TEST(OtlpGrpcConfig, HasTheReferencesDefaults) {
  const Decoded made("endpoint: localhost:4317\n");
  ASSERT_TRUE(made.good) << made.said;
  EXPECT_EQ(made.config.timeout, Seconds(5));
  EXPECT_EQ(made.config.client.encoding_name(), "gzip");
  EXPECT_EQ(made.config.client.balancer_name, net::Balancer::round_robin);
  EXPECT_EQ(made.config.client.keepalive_settings().ping_after, net::KeepaliveSettings::never);
  EXPECT_TRUE(made.config.retry_on_failure.enabled);
  EXPECT_EQ(made.said, "");
}

TEST(OtlpGrpcConfig, TakesEveryKnownKey) {
  const Decoded made(
      "endpoint: https://collector.example:443\ncompression: zstd\ntimeout: 2s\nwait_for_ready: true\n"
      "tls: {insecure: true, insecure_skip_verify: false, server_name_override: a, ca_file: /x, min_version: '1.2'}\n"
      "keepalive: {time: 30s, timeout: 5s, permit_without_stream: true}\nread_buffer_size: 0\n"
      "write_buffer_size: 524288\nheaders: {x-tenant: a, key-bin: b}\nuser_agent: mine\nauthority: other\n"
      "balancer_name: pick_first\nretry_on_failure: {enabled: true, initial_interval: 1s}\n"
      "sending_queue: {enabled: true, num_consumers: 10}\n");
  ASSERT_TRUE(made.good) << made.said;
  const net::KeepaliveSettings keepalive = made.config.client.keepalive_settings();
  EXPECT_EQ(keepalive.ping_after, Seconds(30));
  EXPECT_EQ(keepalive.ping_timeout, Seconds(5));
  EXPECT_FALSE(keepalive.needs_calls);
  EXPECT_NE(made.said.find("read_buffer_size"), std::string::npos);
  EXPECT_NE(made.said.find("write_buffer_size"), std::string::npos);
}

TEST(OtlpGrpcConfig, PingsNotMoreOftenThanEveryTenSecondsAndByItsDefaults) {
  const net::KeepaliveSettings quick =
      Decoded("endpoint: a:1\nkeepalive: {time: 1s}\n").config.client.keepalive_settings();
  EXPECT_EQ(quick.ping_after, Seconds(10));
  EXPECT_EQ(quick.ping_timeout, Seconds(20));
  EXPECT_TRUE(quick.needs_calls);
  const net::KeepaliveSettings none = Decoded("endpoint: a:1\nkeepalive:\n").config.client.keepalive_settings();
  EXPECT_EQ(none.ping_after, net::KeepaliveSettings::never);
}

struct Endpoint {
  std::string text, host, authority;
  std::uint16_t port;
  bool secured;
};
class OtlpGrpcEndpoint : public testing::TestWithParam<Endpoint> {};
TEST_P(OtlpGrpcEndpoint, SaysWhereAndNotWhetherTls) {
  std::string refusal;
  const Result<net::GrpcTarget> target = net::parse_grpc_endpoint(GetParam().text, refusal);
  ASSERT_TRUE(target) << refusal;
  EXPECT_EQ(target->origin.host, GetParam().host);
  EXPECT_EQ(target->origin.port, GetParam().port);
  EXPECT_EQ(target->authority, GetParam().authority);
  net::GrpcClientConfig config;
  EXPECT_TRUE(config.is_secured(*target)) << "secure by default";
  config.tls.insecure = true;
  EXPECT_EQ(config.is_secured(*target), GetParam().secured);
  config.tls.ca_file = "/ca.pem";
  EXPECT_TRUE(config.is_secured(*target)) << "as the reference: a CA counts more";
}
INSTANTIATE_TEST_SUITE_P(Forms, OtlpGrpcEndpoint,
                         testing::Values(Endpoint{"localhost:4317", "localhost", "localhost:4317", 4317, false},
                                         Endpoint{"http://a.example:80", "a.example", "a.example:80", 80, false},
                                         Endpoint{"https://a.example:443", "a.example", "a.example:443", 443, true},
                                         Endpoint{"dns:///a:1", "a", "a:1", 1, false},
                                         Endpoint{"dns://a:1", "a", "a:1", 1, false},
                                         Endpoint{"[::1]:4317", "::1", "[::1]:4317", 4317, false}));

TEST(OtlpGrpcConfig, TakesAUnixSocket) {
  std::string refusal;
  const Result<net::GrpcTarget> target = net::parse_grpc_endpoint("unix:///tmp/a.sock", refusal);
  ASSERT_TRUE(target);
  EXPECT_EQ(target->origin.unix_path, "/tmp/a.sock");
  EXPECT_EQ(target->authority, "localhost");
}

class OtlpGrpcConfigRefuses : public testing::TestWithParam<std::pair<std::string, std::string>> {};
TEST_P(OtlpGrpcConfigRefuses, WithTheKey) {
  const Decoded made(GetParam().first);
  EXPECT_FALSE(made.good);
  EXPECT_NE(made.said.find(GetParam().second), std::string::npos) << made.said;
}
INSTANTIATE_TEST_SUITE_P(
    Keys, OtlpGrpcConfigRefuses,
    testing::Values(std::pair("timeout: 5s\n", "endpoint"), std::pair("endpoint: ''\n", "this key is required"),
                    std::pair("endpoint: localhost\n", "has no port"), std::pair("endpoint: localhost:x\n", "port"),
                    std::pair("endpoint: localhost:0\n", "port"),
                    std::pair("endpoint: http://a:1/b\n", "without a path"),
                    std::pair("endpoint: dns://8.8.8.8/a:1\n", "without a path"),
                    std::pair("endpoint: ':4317'\n", "host"), std::pair("endpoint: unix://\n", "path"),
                    std::pair("endpoint: a:1\ncompression: lz4\n", "compression"),
                    std::pair("endpoint: a:1\nbalancer_name: grpclb\n", "balancer_name"),
                    std::pair("endpoint: a:1\nauth: {authenticator: a}\n", "auth"),
                    std::pair("endpoint: a:1\nmiddlewares: [{id: a}]\n", "middlewares"),
                    std::pair("endpoint: a:1\nheaders: {grpc-timeout: 1S}\n", "grpc-timeout"),
                    std::pair("endpoint: a:1\nheaders: {'a b': c}\n", "'a b'"),
                    std::pair("endpoint: a:1\nheaders: {a: \"b\\nc\"}\n", "'a'"),
                    std::pair("endpoint: a:1\nauthority: \"b\\nc\"\n", "authority"),
                    std::pair("endpoint: a:1\nkeepalive: {time: -1s}\n", "keepalive::time"),
                    std::pair("endpoint: a:1\nproxy_url: http://p\n", "proxy_url")));

}  // namespace
}  // namespace stint
