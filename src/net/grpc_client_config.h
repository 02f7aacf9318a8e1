// SPDX-License-Identifier: Apache-2.0
// The keys of every component that calls a back end over gRPC, as the reference has them, and what its endpoint means.
#pragma once

#include <string>
#include <string_view>

#include "config/schema.h"
#include "net/connector.h"
#include "net/keepalive.h"
#include "net/tls_config.h"
#include "wire/compression.h"

namespace stint::net {

enum class GrpcCompression : std::uint8_t { none, gzip, snappy, zstd };
constexpr auto choices_of(GrpcCompression*) {
  return config::choices<GrpcCompression>({{"none", GrpcCompression::none},
                                           {"", GrpcCompression::none},
                                           {"gzip", GrpcCompression::gzip},
                                           {"snappy", GrpcCompression::snappy},
                                           {"zstd", GrpcCompression::zstd}});
}

enum class Balancer : std::uint8_t { round_robin, pick_first };
constexpr auto choices_of(Balancer*) {
  return config::choices<Balancer>(
      {{"round_robin", Balancer::round_robin}, {"", Balancer::round_robin}, {"pick_first", Balancer::pick_first}});
}

struct KeepaliveClientConfig {
  Nanoseconds time{};
  Nanoseconds timeout{};
  bool permit_without_stream = false;
};
constexpr auto fields_of(KeepaliveClientConfig*) {
  using namespace config;
  using Config = KeepaliveClientConfig;
  return fields(
      field<&Config::time>("time", "silence after which the back end is pinged, at least 10 s; 0: never"),
      field<&Config::timeout>("timeout", "for its answer, then the connection is replaced; 0: 20 s"),
      field<&Config::permit_without_stream>("permit_without_stream", "pings while no request is under way, too"));
}

/// What an endpoint says.
struct GrpcTarget {
  HttpOrigin origin;
  std::string authority;   // host:port as written
  bool wants_tls = false;  // https://
};
/// `host:port`, the same behind http://, https://, dns:// or dns:///; unix:///file. Fails: malformed, and `refusal` is
/// the rest of a sentence that begins with the endpoint.
Result<GrpcTarget> parse_grpc_endpoint(std::string_view endpoint, std::string& refusal);
/// For `checked<>`; an empty one counts as not given.
std::string check_grpc_endpoint(const std::string& endpoint);
/// For `checked<>`: names and values that can stand in a call, and are not gRPC's own business.
std::string check_grpc_headers(const config::TextMap& headers);
std::string check_authority(const std::string& authority);

struct GrpcClientConfig {
  std::string endpoint;
  GrpcCompression compression = GrpcCompression::gzip;
  TlsClientConfig tls;
  config::Optional<KeepaliveClientConfig> keepalive;
  bool wait_for_ready = false;
  config::TextMap headers;
  std::string user_agent;
  std::string authority;
  Balancer balancer_name = Balancer::round_robin;

  /// Whether connections to `target` are TLS: unless the keys say `insecure` and no CA. What counts then is
  /// tls.effective().
  bool is_secured(const GrpcTarget& target) const { return target.wants_tls || !tls.insecure || tls.has_ca(); }
  KeepaliveSettings keepalive_settings() const;
  wire::ContentEncoding content_encoding() const;
  /// The value of grpc-encoding; empty: none.
  std::string_view encoding_name() const;
};

constexpr auto fields_of(GrpcClientConfig*) {
  using namespace config;
  using Config = GrpcClientConfig;
  return fields(
      field<&Config::endpoint>("endpoint",
                               "host:port of the back end; http://, https:// and dns:/// may stand before it, or "
                               "unix:/// before a socket's path. TLS goes by tls.insecure, whatever stands there",
                               checked<&check_grpc_endpoint>),
      field<&Config::compression>("compression", "of messages"),
      field<&Config::tls>("tls", "of the connection: on unless tls.insecure"),
      field<&Config::keepalive>("keepalive", "probes of a silent connection; without this key none"),
      field<&Config::wait_for_ready>("wait_for_ready", "an attempt waits for a connection that cannot be made at once"),
      field<&Config::headers>("headers", "metadata of each call; values of names in -bin are sent in base64",
                              checked<&check_grpc_headers>),
      field<&Config::user_agent>("user_agent", "in place of ours", checked<&check_authority>),
      field<&Config::authority>("authority", "in place of the endpoint's host and port, as :authority",
                                checked<&check_authority>),
      field<&Config::balancer_name>("balancer_name",
                                    "one connection is used at a time; round_robin: each new one goes to the next of "
                                    "the host's addresses, pick_first: to the first that takes it"),
      ignored<std::int64_t>("read_buffer_size", "bytes; buffers follow the data here"),
      ignored<std::int64_t>("write_buffer_size", "bytes; messages are sent from where they lie"),
      refused<>("auth", "an extension that authenticates calls"),
      refused<>("middlewares", "extensions that see each call"));
}

}  // namespace stint::net
