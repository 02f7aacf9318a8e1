// SPDX-License-Identifier: Apache-2.0
#include "net/server_config.h"

#include <cerrno>

#include "base/log.h"
#include "wire/url.h"

namespace stint::net {
namespace {

constexpr Nanoseconds in_use_patience = Milliseconds(20);
constexpr Nanoseconds in_use_pause = Milliseconds(2);

Result<std::vector<Address>> addresses_of(const wire::HostPort& endpoint, Transport transport) {
  std::vector<Address> addresses;
  const bool four = transport != Transport::tcp6;
  const bool six = transport != Transport::tcp4;
  if (endpoint.host.empty()) {
    // Not every kernel has IPv6; then the first alone does.
    if (four) addresses.push_back(Address::ipv4_any(endpoint.port));
    if (six) addresses.push_back(Address::ipv6_any(endpoint.port));
  } else if (endpoint.host == "localhost") {
    if (four) addresses.push_back(Address::ipv4_loopback(endpoint.port));
    if (six) addresses.push_back(Address::ipv6_loopback(endpoint.port));
  } else if (const auto literal = Address::from_literal(endpoint.host, endpoint.port)) {
    addresses.push_back(*literal);
  } else {
    return Error{ErrorCode::not_found};
  }
  return addresses;
}

// A host without IPv6 says one of these for an IPv6 address.
bool has_no_such_family(Error error) {
  return error.code == ErrorCode::system && (error.detail == EAFNOSUPPORT || error.detail == EADDRNOTAVAIL);
}

}  // namespace

std::string check_endpoint(const std::string& endpoint) {
  const Result<wire::HostPort> parsed = wire::parse_host_port(endpoint);
  if (parsed) return {};
  return concat(wire::to_text(static_cast<wire::UrlMistake>(parsed.error().place)),
                "; write host:port, such as localhost:4318");
}

void HttpServerConfig::validate(const config::Report& report) {
  if (transport == Transport::unix_socket) report.error("transport", "unix sockets are not supported yet");
  for (std::string* path : {&traces_url_path, &metrics_url_path, &logs_url_path}) {
    if (path->empty() || path->front() != '/') path->insert(path->begin(), '/');
  }
}

Task<Result<std::vector<Listener>>> bind_endpoint(Runtime& runtime, std::string endpoint, Transport transport) {
  const Result<wire::HostPort> parsed = wire::parse_host_port(endpoint);
  if (!parsed) co_return parsed.error();
  Result<std::vector<Address>> addresses = addresses_of(*parsed, transport);
  if (!addresses) co_return addresses.error();
  const MonotonicTime give_up = runtime.now() + in_use_patience;
  std::vector<Listener> listeners;
  for (Address& address : *addresses) {
    // A port chosen by the kernel is the same for both families.
    if (address.port() == 0 && !listeners.empty()) address.set_port(listeners.front().address()->port());
    Result<Listener> listener = Listener::open(runtime, address);
    while (!listener && listener.error().code == ErrorCode::in_use && runtime.now() < give_up) {
      if (!co_await runtime.sleep(in_use_pause)) co_return Error{ErrorCode::cancelled};
      listener = Listener::open(runtime, address);
    }
    if (!listener && has_no_such_family(listener.error()) && addresses->size() > 1) continue;
    if (!listener) co_return listener.error();
    listeners.push_back(std::move(*listener));
  }
  if (listeners.empty()) co_return system_error(EAFNOSUPPORT);
  co_return std::move(listeners);
}

}  // namespace stint::net
