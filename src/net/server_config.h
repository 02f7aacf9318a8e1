// SPDX-License-Identifier: Apache-2.0
// The keys of servers as the reference has them, one schema each for HTTP and gRPC, and the binding of their endpoints.
#pragma once

#include <string>
#include <vector>

#include "base/limits.h"
#include "config/schema.h"
#include "net/cors.h"
#include "net/keepalive.h"
#include "net/tls_config.h"
#include "runtime/stream.h"
#include "wire/compression.h"

namespace stint::net {

std::string check_endpoint(const std::string& endpoint);

enum class Transport : std::uint8_t { tcp, tcp4, tcp6, unix_socket };
constexpr auto choices_of(Transport*) {
  return config::choices<Transport>({{"tcp", Transport::tcp},
                                     {"tcp4", Transport::tcp4},
                                     {"tcp6", Transport::tcp6},
                                     {"unix", Transport::unix_socket}});
}

/// For `validate`: what is wrong with an endpoint of this transport, host:port or the path of a socket; empty: nothing.
std::string check_endpoint_of(const std::string& endpoint, Transport transport);
/// For `checked<>`: headers that a server may add to what it answers.
std::string check_response_headers(const config::TextMap& headers);

struct DialerConfig {
  Nanoseconds timeout{};
};
constexpr auto fields_of(DialerConfig*) {
  return config::fields(config::field<&DialerConfig::timeout>("timeout", "without meaning for a server"));
}

/// For `checked<>`: names of encodings that are known.
std::string check_compression_algorithms(const config::TextList& names);

struct HttpServerConfig {
  std::string endpoint = "localhost:4318";
  Transport transport = Transport::tcp;
  DialerConfig dialer;
  std::string traces_url_path = "/v1/traces";
  std::string metrics_url_path = "/v1/metrics";
  std::string logs_url_path = "/v1/logs";
  std::uint64_t max_request_body_size = limits::http_body_bytes_max;
  config::TextList compression_algorithms = {"", "gzip", "zstd", "zlib", "snappy", "deflate", "lz4", "x-snappy-framed"};
  bool keep_alives_enabled = true;
  bool include_metadata = false;
  Nanoseconds read_timeout{};
  Nanoseconds read_header_timeout{};
  Nanoseconds write_timeout{};
  Nanoseconds idle_timeout{};
  config::Optional<TlsServerConfig> tls;
  config::Optional<CorsConfig> cors;
  config::TextMap response_headers;

  void validate(const config::Report& report);
  wire::ContentEncodings content_encodings() const;
};

constexpr auto fields_of(HttpServerConfig*) {
  using Config = HttpServerConfig;
  return config::fields(
      config::field<&Config::endpoint>(
          "endpoint", "host:port to listen on; localhost is 127.0.0.1 and ::1; with transport unix the socket's path"),
      config::field<&Config::transport>("transport",
                                        "tcp, tcp4, tcp6; unix: a socket file with the permissions of the umask, "
                                        "removed at the end and when a dead process left it"),
      config::field<&Config::dialer>("dialer", "without meaning for a server"),
      config::field<&Config::traces_url_path>("traces_url_path", "path of traces"),
      config::field<&Config::metrics_url_path>("metrics_url_path", "path of metrics"),
      config::field<&Config::logs_url_path>("logs_url_path", "path of logs"),
      config::field<&Config::max_request_body_size>(
          "max_request_body_size", "bytes of a body, compressed or not; 0: the default", config::range(0, 1 << 30)),
      config::field<&Config::keep_alives_enabled>("keep_alives_enabled", "connections serve more than one request"),
      config::field<&Config::include_metadata>("include_metadata",
                                               "keeps a request's headers for processors, such as batch"),
      config::field<&Config::read_timeout>("read_timeout", "a whole request; 0: no end, but 10 s without a byte"),
      config::field<&Config::read_header_timeout>("read_header_timeout",
                                                  "a whole head, or TLS handshake; 0: read_timeout, else 30 s"),
      config::field<&Config::write_timeout>("write_timeout", "a response that is not taken; 0: the limit of 10 s"),
      config::field<&Config::idle_timeout>("idle_timeout",
                                           "a connection without a request; 0: read_timeout, else 60 s"),
      config::field<&Config::tls>("tls", "HTTPS in place of HTTP"),
      config::field<&Config::cors>("cors", "browsers as clients"),
      config::field<&Config::response_headers>("response_headers", "added to every response",
                                               config::checked<&check_response_headers>),
      config::field<&Config::compression_algorithms>("compression_algorithms",
                                                     "encodings of bodies that are accepted; \"\": none",
                                                     config::checked<&check_compression_algorithms>),
      config::refused("auth", "an authenticator extension"), config::refused("middlewares", "middleware extensions"));
}

/// grpc-go's; 0 means its default.
struct KeepaliveServerParameters {
  Nanoseconds max_connection_idle{};
  Nanoseconds max_connection_age{};
  Nanoseconds max_connection_age_grace{};
  Nanoseconds time{};
  Nanoseconds timeout{};
};
constexpr auto fields_of(KeepaliveServerParameters*) {
  using Config = KeepaliveServerParameters;
  return config::fields(
      config::field<&Config::max_connection_idle>("max_connection_idle", "without a call, then GOAWAY; 0: never"),
      config::field<&Config::max_connection_age>("max_connection_age", "then GOAWAY; 0: never"),
      config::field<&Config::max_connection_age_grace>("max_connection_age_grace",
                                                       "for calls under way at that age, then closed; 0: no end"),
      config::field<&Config::time>("time", "silence after which the client is pinged; 0: 2 h"),
      config::field<&Config::timeout>("timeout", "for its answer, then closed; 0: 20 s"));
}

struct KeepaliveEnforcementPolicy {
  Nanoseconds min_time{};
  bool permit_without_stream = false;
};
constexpr auto fields_of(KeepaliveEnforcementPolicy*) {
  using Config = KeepaliveEnforcementPolicy;
  return config::fields(
      config::field<&Config::min_time>("min_time", "between pings of a client, else too_many_pings; 0: 5 min"),
      config::field<&Config::permit_without_stream>("permit_without_stream", "pings without a call are allowed"));
}

struct KeepaliveServerConfig {
  KeepaliveServerParameters server_parameters;
  KeepaliveEnforcementPolicy enforcement_policy;

  KeepaliveSettings settings() const;
};
constexpr auto fields_of(KeepaliveServerConfig*) {
  using Config = KeepaliveServerConfig;
  return config::fields(
      config::field<&Config::server_parameters>("server_parameters", "what the server does with connections"),
      config::field<&Config::enforcement_policy>("enforcement_policy", "what clients may do"));
}

struct GrpcServerConfig {
  std::string endpoint = "localhost:4317";
  Transport transport = Transport::tcp;
  DialerConfig dialer;
  std::uint64_t max_recv_msg_size_mib = 0;
  std::uint32_t max_concurrent_streams = 0;
  std::uint64_t read_buffer_size = 524'288;
  std::uint64_t write_buffer_size = 0;
  bool include_metadata = false;
  KeepaliveServerConfig keepalive;
  config::Optional<TlsServerConfig> tls;

  void validate(const config::Report& report);
};

constexpr auto fields_of(GrpcServerConfig*) {
  using Config = GrpcServerConfig;
  return config::fields(
      config::field<&Config::endpoint>("endpoint", "host:port to listen on; with transport unix the socket's path"),
      config::field<&Config::transport>("transport", "tcp, tcp4, tcp6; unix: a socket file, as for HTTP"),
      config::field<&Config::dialer>("dialer", "without meaning for a server"),
      config::field<&Config::max_recv_msg_size_mib>(
          "max_recv_msg_size_mib", "MiB of one message, compressed or not; 0: 4", config::range(0, 1024)),
      config::field<&Config::max_concurrent_streams>("max_concurrent_streams", "streams per connection; 0: the limit"),
      config::field<&Config::read_buffer_size>("read_buffer_size", "without effect"),
      config::field<&Config::write_buffer_size>("write_buffer_size", "without effect"),
      config::field<&Config::include_metadata>("include_metadata",
                                               "keeps a call's metadata for processors, such as batch"),
      config::field<&Config::keepalive>("keepalive", "probes, and the age of connections"),
      config::field<&Config::tls>("tls", "TLS, with HTTP/2 by ALPN"),
      config::refused("auth", "an authenticator extension"), config::refused("middlewares", "middleware extensions"));
}

/// Binds the endpoint: `localhost` on 127.0.0.1 and, where it exists, ::1; no host on every address; a path with
/// `unix`, in place of a dead socket (its file is the caller's: SocketFile). What is in use is tried again for 20 ms.
/// Suspends: meanwhile. Fails: in_use, not_found (a name), unsupported, system.
Task<Result<std::vector<Listener>>> bind_endpoint(Runtime& runtime, std::string endpoint, Transport transport);

}  // namespace stint::net
