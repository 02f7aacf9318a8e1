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

namespace {

// One entry of NO_PROXY: "*", a host, or a domain with everything below it. Networks and ports are not read.
bool is_exempt(std::string_view host, std::string_view entry) {
  while (entry.starts_with(' ')) entry.remove_prefix(1);
  while (entry.ends_with(' ')) entry.remove_suffix(1);
  if (entry == "*") return true;
  if (entry.starts_with('.')) entry.remove_prefix(1);
  if (entry.empty() || entry.size() > host.size()) return false;
  const std::string_view tail = host.substr(host.size() - entry.size());
  const bool at_a_dot = tail.size() == host.size() || host[host.size() - tail.size() - 1] == '.';
  return at_a_dot && wire::equals_ignoring_case(tail, entry);
}

std::string_view either(const config::Environment& environment, std::string_view upper, std::string_view lower) {
  const std::string_view value = environment.lookup(upper).value_or(std::string_view());
  return value.empty() ? environment.lookup(lower).value_or(std::string_view()) : value;
}

}  // namespace

std::string_view proxy_variable(const config::Environment& environment, std::string_view host, bool https) {
  const std::string_view variable = https ? "HTTPS_PROXY" : "HTTP_PROXY";
  if (either(environment, variable, https ? "https_proxy" : "http_proxy").empty()) return {};
  if (host == "localhost" || host == "::1" || host.starts_with("127.")) return {};
  std::string_view exempt = either(environment, "NO_PROXY", "no_proxy");
  while (!exempt.empty()) {
    const std::size_t comma = std::min(exempt.find(','), exempt.size());
    if (is_exempt(host, exempt.substr(0, comma))) return {};
    exempt.remove_prefix(std::min(comma + 1, exempt.size()));
  }
  return variable;
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
