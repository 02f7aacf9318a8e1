// SPDX-License-Identifier: Apache-2.0
#include "net/http_client_config.h"

#include <algorithm>

#include "base/log.h"
#include "wire/http1.h"

namespace stint::net {

void HttpClientConfig::validate(const config::Report& report) {
  if (compression != Compression::none && compression != Compression::gzip) {
    report.error("compression", "this compression is not supported yet; write gzip or none");
  }
  const std::int32_t level = compression_params.level;
  if (compression == Compression::gzip && level > 9) {
    report.error("compression_params::level", concat("gzip has the levels 1 to 9, found ", level));
  }
}

int HttpClientConfig::gzip_level() const {
  if (compression_params.level == -1) return 6;
  return std::max(compression_params.level, 1);
}

std::string check_http_endpoint(const std::string& endpoint) {
  if (endpoint.empty()) return {};
  const Result<wire::Url> url = wire::parse_url(endpoint);
  if (!url) {
    const auto mistake = static_cast<wire::UrlMistake>(url.error().place);
    if (mistake == wire::UrlMistake::scheme) return "the URL must begin with http://, as in http://localhost:4318";
    return concat("the URL ", wire::to_text(mistake));
  }
  if (url->scheme == wire::UrlScheme::https) return "https is not supported yet; only http:// is";
  if (url->scheme == wire::UrlScheme::unix_socket) return "the URL must begin with http://; a socket file has no path";
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
