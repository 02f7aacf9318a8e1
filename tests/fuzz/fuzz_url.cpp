// SPDX-License-Identifier: Apache-2.0
// Addresses: a URL and a host:port read, written and read again are the same, and so is what a proxy's URL leads to; a
// list of hosts that need no proxy may be anything. Input: the text.
#include "base/log.h"
#include "fuzz/fuzz.h"
#include "net/proxy.h"
#include "wire/http1.h"
#include "wire/url.h"

namespace stint::fuzz {
namespace {

void run_url(std::string_view text) {
  const Result<wire::Url> url = wire::parse_url(text);
  if (!url) {
    STINT_CHECK(!wire::to_text(static_cast<wire::UrlMistake>(url.error().place)).empty());
    return;
  }
  if (url->scheme == wire::UrlScheme::unix_socket) {
    STINT_CHECK(!url->path.empty() && url->host.empty());
    return;
  }
  STINT_CHECK(!url->host.empty() && url->port != 0);
  const std::string scheme = url->scheme == wire::UrlScheme::http ? "http://" : "https://";
  const Result<wire::Url> again = wire::parse_url(scheme + url->authority() + url->target());
  STINT_CHECK(again && again->scheme == url->scheme && again->host == url->host && again->port == url->port);
  STINT_CHECK(again->target() == url->target() && again->authority() == url->authority());
  std::string head;
  STINT_CHECK(wire::append_request_head(head, "POST", url->target(), url->authority(), {}, 0));
  plant_bug({url->host.find(':') != std::string::npos, !url->query.empty(), url->query.size() == 3}, text);
}

void run_host_port(std::string_view text) {
  const Result<wire::HostPort> read = wire::parse_host_port(text);
  if (!read) return;
  const bool brackets = read->host.find(':') != std::string::npos;
  const std::string host = brackets ? concat('[', read->host, ']') : read->host;
  const Result<wire::HostPort> again = wire::parse_host_port(concat(host, ':', read->port));
  STINT_CHECK(again && again->host == read->host && again->port == read->port);
}

void run_proxy(std::string_view text) {
  std::string refusal;
  const Result<net::Proxy> proxy = net::parse_proxy(text, refusal);
  STINT_CHECK(proxy.has_value() == refusal.empty());
  if (proxy) {
    const Result<net::Proxy> again = net::parse_proxy(proxy->name, refusal);
    STINT_CHECK(again && again->host == proxy->host && again->port == proxy->port && again->name == proxy->name);
    STINT_CHECK(again->authorization.empty() && wire::is_header_value(proxy->authorization));
  }
  STINT_CHECK(net::is_exempt(concat(text, ",example.com"), "www.example.com", 80));
  (void)net::is_exempt(text, text, 80);
}

}  // namespace

void run(std::string_view text) {
  run_url(text);
  run_proxy(text);
  run_host_port(text);
  std::string decoded = "before";
  const Result<> decoding = wire::append_percent_decoded(decoded, text);
  STINT_CHECK(decoding ? decoded.size() <= 6 + text.size() : decoded == "before");
}

}  // namespace stint::fuzz
