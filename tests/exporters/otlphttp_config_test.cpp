// SPDX-License-Identifier: Apache-2.0
// The keys of otlphttp: what users write is taken, what cannot be is refused by name with what would be right.
#include <gtest/gtest.h>

#include "base/log.h"
#include "config/decoded.h"
#include "exporters/otlphttp.h"

namespace stint {
namespace {

using Decoded = config::Decoded<OtlpHttpExporter::Config>;

TEST(OtlpHttpConfig, HasTheReferencesDefaults) {
  const Decoded made("endpoint: http://localhost:4318\n");
  ASSERT_TRUE(made.good) << made.said;
  EXPECT_EQ(made.config.client.timeout, Seconds(30));
  EXPECT_EQ(made.config.client.compression, net::Compression::gzip);
  EXPECT_EQ(made.config.client.compression_level(), 1);
  EXPECT_TRUE(made.config.retry_on_failure.enabled);
  EXPECT_EQ(made.config.retry_on_failure.initial_interval, Seconds(5));
  EXPECT_EQ(made.config.retry_on_failure.max_interval, Seconds(30));
  EXPECT_EQ(made.config.retry_on_failure.max_elapsed_time, Seconds(300));
  EXPECT_EQ(made.said, "");
}

TEST(OtlpHttpConfig, TakesEveryKnownKey) {
  const Decoded made(
      "endpoint: http://localhost:4318/base\ntraces_endpoint: http://[::1]:1/x\nmetrics_endpoint: ''\n"
      "logs_endpoint: http://h\nprofiles_endpoint: http://h\nencoding: json\nproxy_url: "
      "http://u:p@proxy:3128\nheaders: {authorization: Bearer x}\n"
      "timeout: 2s\ncompression: gzip\ncompression_params: {level: 9}\n"
      "tls: {insecure: true, insecure_skip_verify: false, server_name_override: a, ca_file: /x, cert_file: /x,\n"
      "      key_pem: x, min_version: 1.2, max_version: '1.3', include_system_ca_certs_pool: true,\n"
      "      cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256],\n"
      "      include_insecure_cipher_suites: false, curve_preferences: [X25519, P256], reload_interval: 1h}\n"
      "read_buffer_size: 0\nwrite_buffer_size: 524288\nmax_idle_conns: 100\nmax_idle_conns_per_host: 0\n"
      "max_conns_per_host: 0\nidle_conn_timeout: 90s\ndisable_keep_alives: false\nhttp2_read_idle_timeout: 1s\n"
      "http2_ping_timeout: 1s\nforce_attempt_http2: true\n"
      "retry_on_failure: {enabled: true, initial_interval: 1s, randomization_factor: 0.1, multiplier: 2,\n"
      "                   max_interval: 10s, max_elapsed_time: 0}\n"
      "sending_queue: {enabled: true, num_consumers: 10, queue_size: 1000, sizer: items, wait_for_result: true,\n"
      "                block_on_overflow: true, batch: {flush_timeout: 200ms, min_size: 8192, max_size: 0,\n"
      "                sizer: items, partition: {metadata_keys: [a]}}}\n");
  ASSERT_TRUE(made.good) << made.said;
  // What the reference knows and has no effect here is said.
  for (const char* const key :
       {"read_buffer_size", "write_buffer_size", "max_idle_conns", "max_idle_conns_per_host", "max_conns_per_host"}) {
    const std::size_t at = made.said.find(std::string(": ") + key + ": this key has no effect here");
    EXPECT_NE(at, std::string::npos) << key << " in " << made.said;
  }
  EXPECT_EQ(made.said.find("error"), std::string::npos) << made.said;
  EXPECT_EQ(made.config.client.http2_keepalive().ping_after, Seconds(1));
  EXPECT_EQ(made.config.client.http2_keepalive().ping_timeout, Seconds(1));
  EXPECT_TRUE(made.config.client.offers_http2());
  EXPECT_EQ(made.config.client.proxy_url, "http://u:p@proxy:3128");
  EXPECT_EQ(made.config.client.idle_conn_timeout, Seconds(90));
  EXPECT_EQ(made.config.client.compression_level(), 9);
  EXPECT_EQ(made.config.client.timeout, Seconds(2));
  EXPECT_EQ(made.config.traces_endpoint, "http://[::1]:1/x");
  EXPECT_EQ(made.config.client.tls.min_version, net::TlsVersion::tls_1_2);
  EXPECT_EQ(made.config.client.tls.max_version, net::TlsVersion::tls_1_3);
}

TEST(OtlpHttpConfig, ReadsLevelsAsTheReferenceDoes) {
  struct {
    const char* document;
    int level;
    wire::ContentEncoding encoding;
  } const rows[] = {
      {"compression: gzip", 1, wire::ContentEncoding::gzip},
      {"compression: zlib\ncompression_params: {level: -1}", 6, wire::ContentEncoding::zlib},
      {"compression: deflate\ncompression_params: {level: -2}", 1, wire::ContentEncoding::deflate},
      {"compression: gzip\ncompression_params: {level: 0}", 1, wire::ContentEncoding::gzip},
      {"compression: zstd", 1, wire::ContentEncoding::zstd},
      {"compression: zstd\ncompression_params: {level: 6}", 6, wire::ContentEncoding::zstd},
      {"compression: zstd\ncompression_params: {level: 22}", 11, wire::ContentEncoding::zstd},
      {"compression: zstd\ncompression_params: {level: -1000}", 1, wire::ContentEncoding::zstd},
      {"compression: none\ncompression_params: {level: 77}", 11, wire::ContentEncoding::identity},
      {"compression: x-snappy-framed", 1, wire::ContentEncoding::x_snappy_framed},
      {"compression: snappy", 1, wire::ContentEncoding::snappy},
      {"compression: lz4", 1, wire::ContentEncoding::lz4},
  };
  for (const auto& row : rows) {
    const Decoded made(concat("endpoint: http://h\n", row.document, "\n"));
    EXPECT_TRUE(made.good) << row.document << made.said;
    EXPECT_EQ(made.config.client.compression_level(), row.level) << row.document;
    EXPECT_EQ(made.config.client.content_encoding(), row.encoding) << row.document;
  }
}

struct Case {
  const char* document;
  const char* said;
};
class OtlpHttpConfigRefuses : public testing::TestWithParam<Case> {};
TEST_P(OtlpHttpConfigRefuses, WithLineAndKey) {
  const Decoded made(GetParam().document);
  EXPECT_FALSE(made.good);
  EXPECT_NE(made.said.find(GetParam().said), std::string::npos) << made.said;
}
INSTANTIATE_TEST_SUITE_P(
    Keys, OtlpHttpConfigRefuses,
    testing::Values(
        Case{"timeout: 1s\n", "c.yaml:1: endpoint: this key is required"},
        Case{"timeout: 1s\nendpoint: ''\n", "c.yaml:2: endpoint: this key is required"},
        Case{"endpoint: localhost:4318\n", "c.yaml:1: endpoint: the URL must begin with http:// or https://, as in"},
        Case{"endpoint: 127.0.0.1\n", "the URL must begin with http://"},
        Case{"endpoint: unix:///tmp/x\n", "endpoint: the URL must begin with http://"},
        Case{"endpoint: http://host:70000\n", "endpoint: the URL has a port"},
        Case{"endpoint: http://u:p@host\n", "endpoint: the URL must not hold user and password"},
        Case{"endpoint: http://h\nencoding: xml\n", "encoding: expected one of proto, json"},
        Case{"endpoint: http://h\ncompression: lz4\ncompression_params: {level: 1}\n",
             "level: lz4 has no levels, found 1"},
        Case{"endpoint: http://h\ncompression: snappy\ncompression_params: {level: -1}\n", "snappy has no levels"},
        Case{"endpoint: http://h\ncompression: deflate\ncompression_params: {level: -3}\n", "deflate has the levels"},
        Case{"endpoint: http://h\ncompression: gzipp\n", "did you mean 'gzip'?"},
        Case{"endpoint: http://h\ncompression_params:\n  level: 10\n", "c.yaml:3: compression_params::level: gzip has"},
        Case{"endpoint: http://h\nheaders: {'a b': c}\n", "headers: 'a b' cannot be the name of a header"},
        Case{"endpoint: http://h\nheaders: {a: \"b\\r\\nc: d\"}\n", "headers: the value of 'a' holds control"},
        Case{"endpoint: http://h\nheaders: {Content-Length: '5'}\n", "'Content-Length' is set by the exporter itself"},
        Case{"endpoint: http://h\nproxy_url: p:3128\n", "c.yaml:2: proxy_url: must be a URL that begins with"},
        Case{"endpoint: http://h\nproxy_url: socks5://p\n", "proxy_url: is a SOCKS proxy, which is not supported"},
        Case{"endpoint: http://h\nauth: {authenticator: x}\n", "auth: this key is not supported yet"},
        Case{"endpoint: http://h\ncookies: {enabled: true}\n", "cookies: this key is not supported yet"},
        Case{"endpoint: http://h\nmiddlewares: [{id: x}]\n", "middlewares: this key is not supported yet"},
        Case{"endpoint: http://h\nsending_queue: {storage: x}\n", "sending_queue::storage: this key is not supported"},
        Case{"endpoint: http://h\nsending_queue: {size: 5}\n", "sending_queue::size: unknown key"},
        Case{"endpoint: http://h\nsending_queue: {queue_size: x}\n", "sending_queue::queue_size: expected a whole"},
        Case{"endpoint: http://h\ntls: {insecure: 5}\n", "tls::insecure: expected true or false"},
        Case{"endpoint: http://h\ntls: {secure: true}\n", "tls::secure: unknown key"},
        Case{"endpoint: http://h\ntls: {tpm: {enabled: true}}\n", "tls::tpm: this key is not supported yet"},
        Case{"endpoint: http://h\ntls: {min_version: '1.4'}\n", "tls::min_version: expected one of"},
        Case{"endpoint: http://h\ntls:\n  max_version: 1.1\n", "c.yaml:3: tls::max_version: is older than min_version"},
        Case{"endpoint: http://h\ntls: {min_version: 1.3, max_version: 1.2}\n", "tls::max_version: is older than"},
        Case{"endpoint: http://h\ntls: {ca_file: /x, ca_pem: x}\n", "tls::ca_pem: give either ca_file or ca_pem"},
        Case{"endpoint: http://h\ntls: {cert_file: /x}\n", "tls::cert_file: its key is missing"},
        Case{"endpoint: http://h\ntls: {key_pem: x}\n", "tls::key_pem: its certificate is missing"},
        Case{"endpoint: http://h\ntls: {key_file: x, key_pem: x, cert_pem: x}\n", "give either key_file or key_pem"},
        Case{"endpoint: http://h\ntls: {cipher_suites: [RC4]}\n", "tls::cipher_suites: 'RC4' is not a cipher suite"},
        Case{"endpoint: http://h\ntls: {cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]}\n", "is insecure; include_"},
        Case{"endpoint: http://h\ntls: {curve_preferences: [P128]}\n", "'P128' is not one of X25519, P256"},
        Case{"endpoint: http://h\ntimeout: -1s\n", "timeout: expected a duration of at least 0s"},
        Case{"endpoint: http://h\nretry_on_failure: {randomization_factor: 2}\n", "must be from 0 to 1"},
        Case{"endpoint: http://h\nretry_on_failure: {multiplier: -1}\n", "must be at least 0"},
        Case{"endpoint: http://h\nretry_on_failure: {max_elapsed_time: 1s}\n",
             "retry_on_failure::max_elapsed_time: is less than initial_interval"},
        Case{"endpoint: http://h\nretry_on_failure: {max_elapsed_time: 20s}\n", "is less than max_interval"},
        Case{"endpoint: http://h\nendpont: http://h\n", "did you mean 'endpoint'?"}));

}  // namespace
}  // namespace stint
