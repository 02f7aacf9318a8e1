// SPDX-License-Identifier: Apache-2.0
#include "net/http_client_config.h"

#include <algorithm>

#include "base/log.h"
#include "wire/http1.h"

namespace stint::net {

namespace {

// How the levels of a compression are read. zstd takes any and uses the nearest it has.
enum class Levels : std::uint8_t { none, deflate, zstd };
struct CompressionTraits {
  Compression compression;
  wire::ContentEncoding encoding;
  Levels levels;
};
constexpr CompressionTraits compression_table[] = {
    {Compression::none, wire::ContentEncoding::identity, Levels::zstd},  // nobody reads it, so none is wrong
    {Compression::gzip, wire::ContentEncoding::gzip, Levels::deflate},
    {Compression::zstd, wire::ContentEncoding::zstd, Levels::zstd},
    {Compression::snappy, wire::ContentEncoding::snappy, Levels::none},
    {Compression::x_snappy_framed, wire::ContentEncoding::x_snappy_framed, Levels::none},
    {Compression::zlib, wire::ContentEncoding::zlib, Levels::deflate},
    {Compression::deflate, wire::ContentEncoding::deflate, Levels::deflate},
    {Compression::lz4, wire::ContentEncoding::lz4, Levels::none},
};

const CompressionTraits& traits_of(Compression compression) {
  return compression_table[static_cast<std::size_t>(compression)];
}

constexpr int deflate_own_level = 6;

}  // namespace

void HttpClientConfig::validate(const config::Report& report) {
  const CompressionTraits& traits = traits_of(compression);
  const std::int32_t level = compression_params.level;
  if (traits.levels == Levels::deflate && (level < -2 || level > 9)) {
    report.error("compression_params::level",
                 concat(wire::name(traits.encoding), " has the levels 1 to 9, found ", level));
  }
  if (traits.levels == Levels::none && level != 0) {
    report.error("compression_params::level",
                 concat(wire::name(traits.encoding), " has no levels, found ", level, "; remove this key"));
  }
}

wire::ContentEncoding HttpClientConfig::content_encoding() const { return traits_of(compression).encoding; }

int HttpClientConfig::compression_level() const {
  const std::int32_t level = compression_params.level;
  if (traits_of(compression).levels == Levels::zstd) return std::clamp(level, 1, wire::ZstdCompressor::level_max);
  return level == -1 ? deflate_own_level : std::max(level, 1);
}

// Go's.
KeepaliveSettings HttpClientConfig::http2_keepalive() const {
  KeepaliveSettings settings{.ping_after = KeepaliveSettings::never, .ping_timeout = Seconds(15)};
  if (http2_read_idle_timeout > Nanoseconds::zero()) settings.ping_after = http2_read_idle_timeout;
  if (http2_ping_timeout > Nanoseconds::zero()) settings.ping_timeout = http2_ping_timeout;
  return settings;
}

std::string check_http_endpoint(const std::string& endpoint) {
  if (endpoint.empty()) return {};
  const Result<wire::Url> url = wire::parse_url(endpoint);
  if (!url) {
    const auto mistake = static_cast<wire::UrlMistake>(url.error().place);
    if (mistake == wire::UrlMistake::scheme) {
      return "the URL must begin with http:// or https://, as in http://localhost:4318";
    }
    return concat("the URL ", wire::to_text(mistake));
  }
  if (url->scheme == wire::UrlScheme::unix_socket) {
    return "the URL must begin with http:// or https://; a socket file has no path";
  }
  return {};
}

std::string check_headers(const config::TextMap& headers) {
  // What frames a request on its connection is the client's own.
  constexpr std::string_view own[] = {
      "content-length", "transfer-encoding", "connection", "trailer", "upgrade", "expect", "te", "content-encoding"};
  for (const auto& [name, value] : headers) {
    if (!wire::is_token(name)) return concat("'", name, "' cannot be the name of a header");
    if (!wire::is_header_value(value)) return concat("the value of '", name, "' holds control characters");
    for (const std::string_view one : own) {
      if (wire::equals_ignoring_case(name, one)) return concat("'", name, "' is set by the exporter itself; remove it");
    }
  }
  return {};
}

}  // namespace stint::net
