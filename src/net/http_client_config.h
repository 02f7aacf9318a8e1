// SPDX-License-Identifier: Apache-2.0
// The keys of every component that calls a back end over HTTP: one schema, embedded into each component's own. A key
// that is known is taken, accepted because it has no meaning here, or refused by name; none is dropped in silence.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/schema.h"
#include "net/keepalive.h"
#include "net/proxy.h"
#include "net/tls_config.h"
#include "wire/compression.h"
#include "wire/url.h"

namespace stint::net {

enum class Compression : std::uint8_t { none, gzip, zstd, snappy, x_snappy_framed, zlib, deflate, lz4 };

constexpr auto choices_of(Compression*) {
  return config::choices<Compression>({{"none", Compression::none},
                                       {"", Compression::none},
                                       {"gzip", Compression::gzip},
                                       {"zstd", Compression::zstd},
                                       {"snappy", Compression::snappy},
                                       {"x-snappy-framed", Compression::x_snappy_framed},
                                       {"zlib", Compression::zlib},
                                       {"deflate", Compression::deflate},
                                       {"lz4", Compression::lz4}});
}

struct CompressionParams {
  std::int32_t level = 0;  // 0: ours
};
constexpr auto fields_of(CompressionParams*) {
  return config::fields(config::field<&CompressionParams::level>(
      "level",
      "of gzip, zlib and deflate: 1 (fast) to 9 (small), -1 for their own (6); of zstd: 1 to 11; without it 1"));
}

struct HttpClientConfig {
  std::string endpoint;
  config::TextMap headers;
  Nanoseconds timeout{};  // 0: none
  Compression compression = Compression::gzip;
  CompressionParams compression_params;
  TlsClientConfig tls;
  std::string proxy_url;
  Nanoseconds idle_conn_timeout{};  // 0: none
  bool disable_keep_alives = false;
  bool force_attempt_http2 = true;
  Nanoseconds http2_read_idle_timeout{};  // 0: no pings
  Nanoseconds http2_ping_timeout{};       // 0: 15 s

  void validate(const config::Report& report);
  wire::ContentEncoding content_encoding() const;
  bool offers_http2() const { return force_attempt_http2 && !disable_keep_alives; }
  KeepaliveSettings http2_keepalive() const;
  /// The level for wire::Compressor.
  int compression_level() const;
};

/// For `checked<>`: what is wrong with the URL of a back end; an empty one counts as not given.
std::string check_http_endpoint(const std::string& endpoint);
/// For `checked<>`: names and values that can stand in a request, and are not the client's own business.
std::string check_headers(const config::TextMap& headers);

constexpr auto fields_of(HttpClientConfig*) {
  using namespace config;
  using Config = HttpClientConfig;
  return fields(field<&Config::endpoint>("endpoint", "URL of the back end", checked<&check_http_endpoint>),
                field<&Config::headers>("headers", "added to each request; Host is honoured", checked<&check_headers>),
                field<&Config::timeout>("timeout", "of one attempt; 0: none"),
                field<&Config::compression>("compression", "of request bodies"),
                field<&Config::compression_params>("compression_params", "how hard it tries"),
                field<&Config::tls>("tls", "of https:// endpoints"),
                field<&Config::proxy_url>("proxy_url",
                                          "URL of a proxy for all requests; without it the variables HTTP_PROXY, "
                                          "HTTPS_PROXY and NO_PROXY count",
                                          checked<&check_proxy_url>),
                refused<>("auth", "an extension that authenticates requests"), refused<>("cookies", "cookies are kept"),
                refused<>("middlewares", "extensions that see each request"),
                field<&Config::idle_conn_timeout>("idle_conn_timeout",
                                                  "a connection that rested longer is not used again; 0: until it has "
                                                  "died, and then the request is sent once more in silence"),
                field<&Config::disable_keep_alives>("disable_keep_alives", "a connection for each request"),
                ignored<std::int64_t>("read_buffer_size", "bytes; buffers follow the data here"),
                ignored<std::int64_t>("write_buffer_size", "bytes; bodies are sent from where they lie"),
                ignored<std::int64_t>("max_idle_conns", "at most 4 connections to a back end are kept while idle"),
                ignored<std::int64_t>("max_idle_conns_per_host", "as max_idle_conns"),
                ignored<std::int64_t>("max_conns_per_host",
                                      "over HTTP/1.1 there are as many connections as requests at one time"),
                field<&Config::force_attempt_http2>(
                    "force_attempt_http2",
                    "https:// endpoints are offered HTTP/2, on which requests share a connection; they choose"),
                field<&Config::http2_read_idle_timeout>(
                    "http2_read_idle_timeout", "silence of an HTTP/2 connection after which it is pinged; 0: never"),
                field<&Config::http2_ping_timeout>(
                    "http2_ping_timeout", "for the answer to a ping, then the connection is replaced; 0: 15 s"));
}

}  // namespace stint::net
