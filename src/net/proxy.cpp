// SPDX-License-Identifier: Apache-2.0
#include "net/proxy.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "base/log.h"
#include "wire/base64.h"
#include "wire/http1.h"
#include "wire/url.h"

namespace stint::net {
namespace {

using wire::equals_ignoring_case;

// An address as its bytes: 4 or 16 of them, an IPv4 address within IPv6 as what it is.
struct IpBytes {
  std::array<std::uint8_t, 16> bytes{};
  std::size_t size = 0;
  friend bool operator==(const IpBytes&, const IpBytes&) = default;
};

std::optional<IpBytes> read_ip(std::string_view text) {
  const std::string terminated(text);
  IpBytes ip;
  if (inet_pton(AF_INET, terminated.c_str(), ip.bytes.data()) == 1) {
    ip.size = 4;
    return ip;
  }
  if (inet_pton(AF_INET6, terminated.c_str(), ip.bytes.data()) != 1) return std::nullopt;
  ip.size = 16;
  constexpr std::uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::memcmp(ip.bytes.data(), mapped, sizeof mapped) != 0) return ip;
  IpBytes inner;
  inner.size = 4;
  std::copy_n(ip.bytes.begin() + 12, 4, inner.bytes.begin());
  return inner;
}

bool is_loopback(const IpBytes& ip) {
  if (ip.size == 4) return ip.bytes[0] == 127;
  return ip == *read_ip("::1");
}

// `text` is a network: "10.0.0.0/8", "fd00::/8".
struct Network {
  IpBytes ip;
  unsigned bits = 0;
};
std::optional<Network> read_network(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::optional<IpBytes> ip = read_ip(text.substr(0, slash));
  const std::string_view digits = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (!ip || digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (bits > 8 * ip->size) return std::nullopt;
  return Network{*ip, bits};
}

bool contains(const Network& network, const IpBytes& ip) {
  if (network.ip.size != ip.size) return false;
  for (unsigned bit = 0; bit < network.bits; ++bit) {
    if (((network.ip.bytes[bit / 8] ^ ip.bytes[bit / 8]) >> (7 - bit % 8) & 1) != 0) return false;
  }
  return true;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool ends_with_ignoring_case(std::string_view text, std::string_view tail) {
  return text.size() >= tail.size() && equals_ignoring_case(text.substr(text.size() - tail.size()), tail);
}

// An entry's host and port, which may be missing.
struct Entry {
  std::string_view host, port;
};
Entry split_entry(std::string_view entry) {
  const std::size_t colon = entry.rfind(':');
  if (entry.starts_with('[')) {
    const std::size_t bracket = entry.find(']');
    if (bracket != std::string_view::npos && bracket + 1 == colon) {
      return {entry.substr(1, bracket - 1), entry.substr(colon + 1)};
    }
    return {entry, {}};
  }
  if (colon == std::string_view::npos || entry.find(':') != colon) return {entry, {}};  // none, or an IPv6 address
  return {entry.substr(0, colon), entry.substr(colon + 1)};
}

bool names_domain(std::string_view entry, std::string_view host) {
  if (entry.starts_with("*.")) entry.remove_prefix(1);
  if (entry.starts_with('.')) return ends_with_ignoring_case(host, entry);
  if (equals_ignoring_case(host, entry)) return true;
  return host.size() > entry.size() && host[host.size() - entry.size() - 1] == '.' &&
         ends_with_ignoring_case(host, entry);
}

bool entry_names(std::string_view entry, std::string_view host, const std::optional<IpBytes>& ip,
                 std::string_view port) {
  if (entry.empty()) return false;
  if (entry == "*") return true;
  if (const std::optional<Network> network = read_network(entry)) return ip && contains(*network, *ip);
  const Entry parts = split_entry(entry);
  if (parts.host.empty() || (!parts.port.empty() && parts.port != port)) return false;
  if (const std::optional<IpBytes> named = read_ip(parts.host)) return ip && *named == *ip;
  return names_domain(parts.host, host);
}

std::string_view without_zone(std::string_view host) { return host.substr(0, host.find('%')); }

std::string_view either(const config::Environment& environment, std::string_view upper, std::string_view lower) {
  const std::string_view value = environment.lookup(upper).value_or(std::string_view());
  return value.empty() ? environment.lookup(lower).value_or(std::string_view()) : value;
}

// What stands before the @ becomes a header.
Result<> read_user(std::string_view user, Proxy& proxy) {
  const std::size_t colon = std::min(user.find(':'), user.size());
  std::string plain;
  if (const Result<> name = wire::append_percent_decoded(plain, user.substr(0, colon)); !name) return name;
  plain += ':';
  if (colon < user.size()) {
    if (const Result<> password = wire::append_percent_decoded(plain, user.substr(colon + 1)); !password) {
      return password;
    }
  }
  proxy.authorization = "Basic ";
  wire::append_base64(proxy.authorization, plain);
  return {};
}

}  // namespace

Result<Proxy> parse_proxy(std::string_view text, std::string& refusal) {
  const std::size_t scheme_end = text.find("://");
  const std::string_view scheme = text.substr(0, scheme_end);
  if (equals_ignoring_case(scheme, "socks5") || equals_ignoring_case(scheme, "socks5h")) {
    refusal = "is a SOCKS proxy, which is not supported; an http:// or https:// proxy is";
    return Error{ErrorCode::unsupported};
  }
  const bool known = equals_ignoring_case(scheme, "http") || equals_ignoring_case(scheme, "https");
  if (scheme_end == std::string_view::npos || !known) {
    refusal = "must be a URL that begins with http:// or https://, as in http://proxy:3128";
    return Error{ErrorCode::malformed};
  }
  Proxy proxy;
  std::string_view authority = text.substr(scheme_end + 3);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    if (const Result<> read = read_user(authority.substr(0, at), proxy); !read) {
      refusal = "has a user or password with a % that is not followed by two hexadecimal digits";
      return read.error();
    }
    authority.remove_prefix(at + 1);
  }
  const Result<wire::Url> url = wire::parse_url(concat(scheme, "://", authority));
  if (!url) {
    refusal = wire::to_text(static_cast<wire::UrlMistake>(url.error().place));
    return url.error();
  }
  proxy.host = url->host;
  proxy.port = url->port;
  proxy.secured = url->scheme == wire::UrlScheme::https;
  proxy.name = concat(proxy.secured ? "https://" : "http://", url->authority());
  return proxy;
}

std::string check_proxy_url(const std::string& url) {
  std::string refusal;
  if (!url.empty() && !parse_proxy(url, refusal)) return refusal;
  return {};
}

bool is_exempt(std::string_view no_proxy, std::string_view host, std::uint16_t port) {
  const std::optional<IpBytes> ip = read_ip(without_zone(host));
  const std::string port_text = std::to_string(port);
  while (!no_proxy.empty()) {
    const std::size_t comma = std::min(no_proxy.find(','), no_proxy.size());
    if (entry_names(trimmed(no_proxy.substr(0, comma)), host, ip, port_text)) return true;
    no_proxy.remove_prefix(std::min(comma + 1, no_proxy.size()));
  }
  return false;
}

Result<std::optional<Proxy>> find_proxy(const ProxySource& source, std::string_view host, std::uint16_t port,
                                        bool secured, std::string& refusal) {
  const auto refused = [&](std::string_view what, Error error) {
    refusal = concat(what, " ", refusal);
    return error;
  };
  if (!source.url.empty()) {
    Result<Proxy> proxy = parse_proxy(source.url, refusal);
    if (!proxy) return refused("proxy_url", proxy.error());
    return std::optional<Proxy>(std::move(*proxy));
  }
  if (source.environment == nullptr) return std::optional<Proxy>();
  const std::string_view variable = secured ? "HTTPS_PROXY" : "HTTP_PROXY";
  const std::string_view value = either(*source.environment, variable, secured ? "https_proxy" : "http_proxy");
  const std::optional<IpBytes> ip = read_ip(without_zone(host));
  if (value.empty() || equals_ignoring_case(host, "localhost") || (ip && is_loopback(*ip)) ||
      is_exempt(either(*source.environment, "NO_PROXY", "no_proxy"), host, port)) {
    return std::optional<Proxy>();
  }
  // A proxy without a scheme is an http one.
  const bool whole = value.find("://") != std::string_view::npos;
  Result<Proxy> proxy = parse_proxy(whole ? std::string(value) : concat("http://", value), refusal);
  if (proxy) return std::optional<Proxy>(std::move(*proxy));
  if (proxy.error().code == ErrorCode::unsupported) return refused(variable, proxy.error());
  log(LogLevel::warn, "the variable ", variable, " ", refusal, "; ", host, " is connected to directly");
  return std::optional<Proxy>();
}

std::string proxy_text(Error error, const Proxy& proxy, std::string_view target) {
  std::string cause = to_string(Error{error.code, 0, error.detail});
  switch (static_cast<ProxyPlace>(error.place)) {
    case ProxyPlace::connection: return concat("no connection to the proxy ", proxy.name, ": ", cause);
    case ProxyPlace::answer:
      return concat("the proxy ", proxy.name, " gives no answer to CONNECT that could be read: ", cause);
    case ProxyPlace::status:
      if (error.detail != 407) {
        return concat("the proxy ", proxy.name, " makes no connection to ", target, ": ", error.detail, " ",
                      wire::reason_phrase(error.detail));
      }
      return concat("the proxy ", proxy.name,
                    proxy.authorization.empty() ? " wants user and password, as in http://user:password@host:port"
                                                : " refuses the user and password of its URL",
                    " (407)");
    default: return cause;
  }
}

}  // namespace stint::net
