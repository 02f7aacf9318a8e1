// SPDX-License-Identifier: Apache-2.0
// Which proxy a request goes through: what proxy_url or the environment says, and for whom it does not hold. Text only;
// the connection through it is proxy_tunnel.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "config/provider.h"

namespace stint::net {

class TlsClient;

struct Proxy {
  std::string host;  // without brackets
  std::uint16_t port = 0;
  bool secured = false;       // TLS to the proxy itself
  std::string authorization;  // the value of Proxy-Authorization; empty: none
  std::string name;           // "http://host:port", for people: without user and password
};

/// Where a client looks for its proxy, at its first connection. Without an environment and a URL: nowhere.
/// Borrows: both pointers.
struct ProxySource {
  std::string url;  // the key proxy_url: for every host
  const config::Environment* environment = nullptr;
  TlsClient* tls = nullptr;  // of https:// proxies
};

/// `http://[user[:password]@]host[:port]`, https the same. Fails: malformed, unsupported (socks5), and `refusal` is
/// then the rest of a sentence that begins with what was read.
Result<Proxy> parse_proxy(std::string_view text, std::string& refusal);
/// For `checked<>`; an empty one counts as not given.
std::string check_proxy_url(const std::string& url);

/// What requests to a host go through; nothing: they go directly. Fails: as parse_proxy(), and `refusal` is a sentence.
/// What the environment says of localhost and loopback addresses does not count; one that is no URL is passed over with
/// a warning. Source: Go's golang.org/x/net/http/httpproxy.
Result<std::optional<Proxy>> find_proxy(const ProxySource& source, std::string_view host, std::uint16_t port,
                                        bool secured, std::string& refusal);

/// Whether `no_proxy` (the value of NO_PROXY) names this host: `*`, a domain with all below it, `.domain` and
/// `*.domain` for what is below it only, an address, a network; each but the network with a port, if it wants.
bool is_exempt(std::string_view no_proxy, std::string_view host, std::uint16_t port);

/// Error::place of what goes wrong on the way to a proxy.
enum class ProxyPlace : std::uint16_t {
  settings = 0x5601,  // what was written cannot be used; nothing was tried
  connection,         // no connection to the proxy; code and detail are the connection's
  status,             // it refuses the tunnel; detail: its HTTP status
  answer,             // what came instead of an answer to CONNECT; the code says how
};
constexpr bool is_proxy_error(Error error) {
  return error.place >= static_cast<std::uint16_t>(ProxyPlace::settings) &&
         error.place <= static_cast<std::uint16_t>(ProxyPlace::answer);
}
constexpr Error proxy_error(ErrorCode code, ProxyPlace place, int detail = 0) {
  return Error{code, static_cast<std::uint16_t>(place), detail};
}
/// One sentence for a person. Requires: is_proxy_error(error), not `settings`. `target`: host:port that was wanted.
std::string proxy_text(Error error, const Proxy& proxy, std::string_view target);

}  // namespace stint::net
