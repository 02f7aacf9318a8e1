// SPDX-License-Identifier: Apache-2.0
#include "net/grpc_client_config.h"

#include <algorithm>

#include "base/log.h"
#include "wire/http1.h"
#include "wire/url.h"

namespace stint::net {
namespace {

// grpc-go's.
constexpr Nanoseconds shortest_ping_time = Seconds(10);

// Takes `prefix` off the front.
bool take_off(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

Result<GrpcTarget> unix_target(std::string_view endpoint, std::string& refusal) {
  const Result<wire::Url> url = wire::parse_url(endpoint);
  if (!url) {
    refusal = wire::to_text(static_cast<wire::UrlMistake>(url.error().place));
    return url.error();
  }
  GrpcTarget target;
  target.origin.host = target.authority = "localhost";
  target.origin.unix_path = url->path;
  return target;
}

}  // namespace

Result<GrpcTarget> parse_grpc_endpoint(std::string_view endpoint, std::string& refusal) {
  if (endpoint.starts_with("unix://")) return unix_target(endpoint, refusal);
  GrpcTarget target;
  std::string_view rest = endpoint;
  target.wants_tls = take_off(rest, "https://");
  if (!target.wants_tls && !take_off(rest, "http://") && take_off(rest, "dns://")) take_off(rest, "/");
  if (rest.find('/') != std::string_view::npos) {
    refusal = "must be host:port without a path; http://, https:// or dns:/// may stand before it";
    return Error{ErrorCode::malformed};
  }
  Result<wire::HostPort> parts = wire::parse_host_port(rest);
  if (!parts || parts->host.empty() || parts->port == 0) {
    const auto mistake = parts ? parts->host.empty() ? wire::UrlMistake::host : wire::UrlMistake::port
                               : static_cast<wire::UrlMistake>(parts.error().place);
    refusal = wire::to_text(mistake);
    return Error{ErrorCode::malformed};
  }
  target.origin.host = std::move(parts->host);
  target.origin.port = parts->port;
  target.authority = rest;
  return target;
}

std::string check_grpc_endpoint(const std::string& endpoint) {
  std::string refusal;
  if (endpoint.empty() || parse_grpc_endpoint(endpoint, refusal)) return {};
  return concat("the endpoint ", refusal, ", as in localhost:4317");
}

std::string check_grpc_headers(const config::TextMap& headers) {
  constexpr std::string_view own[] = {"content-type",      "te",        "host", "content-length", "connection",
                                      "transfer-encoding", "user-agent"};
  for (const auto& [name, value] : headers) {
    if (!wire::is_token(name)) return concat("'", name, "' cannot be the name of a header");
    const bool is_binary = name.ends_with("-bin");
    if (!is_binary && !wire::is_header_value(value))
      return concat("the value of '", name, "' holds control characters");
    const auto same = [&](std::string_view one) { return wire::equals_ignoring_case(name, one); };
    if (name.starts_with("grpc-") || std::any_of(std::begin(own), std::end(own), same)) {
      return concat("'", name, "' is set by gRPC itself; remove it");
    }
  }
  return {};
}

std::string check_authority(const std::string& authority) {
  return wire::is_header_value(authority) ? std::string() : "holds control characters";
}

KeepaliveSettings GrpcClientConfig::keepalive_settings() const {
  KeepaliveSettings settings{.ping_after = KeepaliveSettings::never};
  if (!keepalive.on) return settings;
  if (keepalive->time > Nanoseconds::zero()) settings.ping_after = std::max(keepalive->time, shortest_ping_time);
  if (keepalive->timeout > Nanoseconds::zero()) settings.ping_timeout = keepalive->timeout;
  settings.needs_calls = !keepalive->permit_without_stream;
  return settings;
}

// Under gRPC's name snappy stands for frames.
wire::ContentEncoding GrpcClientConfig::content_encoding() const {
  switch (compression) {
    case GrpcCompression::none: return wire::ContentEncoding::identity;
    case GrpcCompression::gzip: return wire::ContentEncoding::gzip;
    case GrpcCompression::snappy: return wire::ContentEncoding::x_snappy_framed;
    case GrpcCompression::zstd: return wire::ContentEncoding::zstd;
  }
  return wire::ContentEncoding::identity;
}

std::string_view GrpcClientConfig::encoding_name() const {
  return compression == GrpcCompression::snappy ? "snappy" : wire::name(content_encoding());
}

}  // namespace stint::net
