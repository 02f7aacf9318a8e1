// SPDX-License-Identifier: Apache-2.0
#include "wire/url.h"

#include <algorithm>
#include <charconv>

#include "wire/hex.h"
#include "wire/http1.h"

namespace stint::wire {

namespace {

Error mistake(UrlMistake kind) { return Error{ErrorCode::malformed, static_cast<std::uint16_t>(kind)}; }

bool is_letter_or_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Names, IPv4 addresses, and the underscores that container networks allow themselves.
bool is_host(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return is_letter_or_digit(c) || c == '-' || c == '.' || c == '_'; });
}

// Enough to tell an IPv6 address (with a zone) from a mistake; whoever binds or connects reads it in full.
bool is_bracketed_host(std::string_view text) {
  const std::string_view address = text.substr(0, text.find('%'));
  const auto allowed = [](char c) { return hex_digit(c) >= 0 || c == ':' || c == '.'; };
  if (std::count(address.begin(), address.end(), ':') < 2) return false;
  if (!std::all_of(address.begin(), address.end(), allowed)) return false;
  return address.size() == text.size() || is_host(text.substr(address.size() + 1));
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) > 32 && c != 127; });
}

struct Authority {
  std::string_view host;
  std::string_view port;
  bool colon = false;
};

// Takes host and port apart, brackets off the host. An empty host is let through.
Result<Authority> split_authority(std::string_view text) {
  Authority parts;
  std::size_t host_end = text.find(':');
  if (text.starts_with('[')) {
    const std::size_t bracket = text.find(']');
    if (bracket == std::string_view::npos) return mistake(UrlMistake::brackets);
    parts.host = text.substr(1, bracket - 1);
    host_end = bracket + 1;
    if (!is_bracketed_host(parts.host)) return mistake(UrlMistake::host);
    if (host_end < text.size() && text[host_end] != ':') return mistake(UrlMistake::brackets);
  } else {
    if (host_end != std::string_view::npos && text.find(':', host_end + 1) != std::string_view::npos) {
      return mistake(UrlMistake::brackets);
    }
    parts.host = text.substr(0, host_end);
    if (!parts.host.empty() && !is_host(parts.host)) return mistake(UrlMistake::host);
  }
  parts.colon = host_end < text.size();
  if (parts.colon) parts.port = text.substr(host_end + 1);
  return parts;
}

Result<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return mistake(UrlMistake::port);
  return port;
}

Result<Url> parse_unix(std::string_view rest) {
  Url url;
  url.scheme = UrlScheme::unix_socket;
  if (rest.size() < 2 || !rest.starts_with('/') || !is_printable(rest)) return mistake(UrlMistake::path);
  if (const Result<> decoded = append_percent_decoded(url.path, rest); !decoded) return decoded.error();
  if (url.path.find('\0') != std::string::npos) return mistake(UrlMistake::path);
  return url;
}

Result<> read_authority(std::string_view text, Url& url) {
  if (text.find('@') != std::string_view::npos) return mistake(UrlMistake::userinfo);
  std::string decoded;
  // In a URL the zone of an IPv6 address stands behind %25.
  if (text.starts_with('[')) {
    if (const Result<> done = append_percent_decoded(decoded, text); !done) return done;
    text = decoded;
  }
  const Result<Authority> parts = split_authority(text);
  if (!parts) return parts.error();
  if (parts->host.empty()) return mistake(UrlMistake::host);
  url.host = parts->host;
  url.port = url.scheme == UrlScheme::https ? 443 : 80;
  // RFC 3986 allows a colon with nothing behind it.
  if (parts->port.empty()) return {};
  const Result<std::uint16_t> port = parse_port(parts->port);
  if (!port) return port.error();
  if (*port == 0) return mistake(UrlMistake::port);
  url.port = *port;
  url.port_said = true;
  return {};
}

}  // namespace

std::string_view to_text(UrlMistake mistake) {
  switch (mistake) {
    case UrlMistake::none: return "is fine";
    case UrlMistake::scheme: return "must begin with http://, https:// or unix:///";
    case UrlMistake::userinfo: return "must not hold user and password; use headers or an authenticator";
    case UrlMistake::host: return "has no valid host";
    case UrlMistake::brackets: return "must hold an IPv6 address in brackets, as in [::1]:4318";
    case UrlMistake::port: return "has a port that is not a number up to 65535";
    case UrlMistake::no_port: return "has no port; write host:port";
    case UrlMistake::path: return "has a path with blanks or control characters, or none where a file is needed";
    case UrlMistake::percent: return "has a % that is not followed by two hexadecimal digits";
  }
  return "is wrong";
}

std::string Url::authority() const {
  std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  const int default_port = scheme == UrlScheme::https ? 443 : 80;
  if (port != default_port && port != 0) text += ":" + std::to_string(port);
  return text;
}

std::string Url::target() const {
  std::string text = path.empty() ? "/" : path;
  if (!query.empty()) text += "?" + query;
  return text;
}

Result<> append_percent_decoded(std::string& out, std::string_view text) {
  const std::size_t before = out.size();
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out.push_back(text[at]);
      continue;
    }
    const int high = at + 1 < text.size() ? hex_digit(text[at + 1]) : -1;
    const int low = at + 2 < text.size() ? hex_digit(text[at + 2]) : -1;
    if (high < 0 || low < 0) {
      out.resize(before);
      return mistake(UrlMistake::percent);
    }
    out.push_back(static_cast<char>(high << 4 | low));
    at += 2;
  }
  return {};
}

Result<Url> parse_url(std::string_view text) {
  const std::size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) return mistake(UrlMistake::scheme);
  const std::string_view scheme = text.substr(0, scheme_end);
  std::string_view rest = text.substr(scheme_end + 3);
  if (equals_ignoring_case(scheme, "unix")) return parse_unix(rest);

  Url url;
  if (equals_ignoring_case(scheme, "https")) {
    url.scheme = UrlScheme::https;
  } else if (!equals_ignoring_case(scheme, "http")) {
    return mistake(UrlMistake::scheme);
  }
  rest = rest.substr(0, rest.find('#'));
  const std::size_t authority_end = std::min(rest.find_first_of("/?"), rest.size());
  if (const Result<> read = read_authority(rest.substr(0, authority_end), url); !read) return read.error();
  rest.remove_prefix(authority_end);
  if (!is_printable(rest)) return mistake(UrlMistake::path);
  const std::size_t question = std::min(rest.find('?'), rest.size());
  url.path = rest.substr(0, question);
  if (question < rest.size()) url.query = rest.substr(question + 1);
  return url;
}

Result<HostPort> parse_host_port(std::string_view text) {
  if (text.find('@') != std::string_view::npos) return mistake(UrlMistake::userinfo);
  const Result<Authority> parts = split_authority(text);
  if (!parts) return parts.error();
  if (!parts->colon) return mistake(UrlMistake::no_port);
  const Result<std::uint16_t> port = parse_port(parts->port);
  if (!port) return port.error();
  return HostPort{std::string(parts->host), *port};
}

}  // namespace stint::wire
