// SPDX-License-Identifier: Apache-2.0
#include "net/server_config.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/log.h"
#include "net/socket_file.h"
#include "wire/http1.h"
#include "wire/url.h"

namespace stint::net {
namespace {

// The sockets of a collector that was killed close later than it ends when io_uring held them.
constexpr Nanoseconds in_use_patience = Milliseconds(100);
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

// Tries again for a while when it is in use: a socket outlives its process by some milliseconds.
Task<Result<Listener>> open_listener(Runtime& runtime, Address address, MonotonicTime give_up) {
  Result<Listener> listener = Listener::open(runtime, address);
  while (!listener && listener.error().code == ErrorCode::in_use && runtime.now() < give_up) {
    const Result<> slept = co_await runtime.sleep(in_use_pause);
    if (!slept) co_return Error{ErrorCode::cancelled};
    listener = Listener::open(runtime, address);
  }
  co_return std::move(listener);
}

Task<Result<std::vector<Listener>>> bind_unix(Runtime& runtime, std::string path) {
  const auto address = Address::unix_path(path);
  if (!address) co_return Error{ErrorCode::too_large};
  Result<Listener> listener = Listener::open(runtime, *address);
  if (!listener && listener.error().code == ErrorCode::in_use && remove_dead_socket(path)) {
    listener = Listener::open(runtime, *address);
  }
  if (!listener) listener = co_await open_listener(runtime, *address, runtime.now() + in_use_patience);
  if (!listener) co_return listener.error();
  std::vector<Listener> listeners;
  listeners.push_back(std::move(*listener));
  co_return std::move(listeners);
}

}  // namespace

std::string check_endpoint(const std::string& endpoint) {
  const Result<wire::HostPort> parsed = wire::parse_host_port(endpoint);
  if (parsed) return {};
  return concat(wire::to_text(static_cast<wire::UrlMistake>(parsed.error().place)),
                "; write host:port, such as localhost:4318");
}

std::string check_endpoint_of(const std::string& endpoint, Transport transport) {
  if (transport != Transport::unix_socket) return check_endpoint(endpoint);
  if (endpoint.starts_with("unix:")) return "write the path of the socket alone, such as /tmp/otlp.sock";
  if (endpoint.empty()) return "is empty; write the path of the socket, such as /tmp/otlp.sock";
  if (!Address::unix_path(endpoint)) return "the path of a socket may have at most 107 bytes, none of them zero";
  return {};
}

std::string check_response_headers(const config::TextMap& headers) {
  // What frames a response on its connection is the server's own.
  constexpr std::string_view own[] = {"content-length", "transfer-encoding", "connection", "trailer", "upgrade"};
  for (const auto& [name, value] : headers) {
    if (!wire::is_token(name)) return concat("'", name, "' is no name of a header");
    if (!wire::is_header_value(value)) return concat("the value of '", name, "' has control characters");
    const auto same = [&](std::string_view one) { return wire::equals_ignoring_case(one, name); };
    if (std::any_of(std::begin(own), std::end(own), same)) return concat("'", name, "' is set by the server itself");
  }
  return {};
}

std::string check_compression_algorithms(const config::TextList& names) {
  for (const std::string& name : names) {
    if (wire::content_encoding_of(name)) continue;
    return concat("'", name, "' is not supported; there are \"\", gzip, zstd, zlib, snappy, deflate, lz4 and ",
                  "x-snappy-framed");
  }
  return {};
}

wire::ContentEncodings HttpServerConfig::content_encodings() const {
  wire::ContentEncodings encodings;
  for (const std::string& name : compression_algorithms) {
    if (const auto encoding = wire::content_encoding_of(name)) encodings.add(*encoding);
  }
  // As in the reference, an empty list leaves every body as it is.
  if (compression_algorithms.empty()) encodings.add(wire::ContentEncoding::identity);
  return encodings;
}

void HttpServerConfig::validate(const config::Report& report) {
  if (const std::string wrong = check_endpoint_of(endpoint, transport); !wrong.empty()) {
    report.error("endpoint", wrong);
  }
  const std::pair<std::string_view, std::string*> paths[] = {{"traces_url_path", &traces_url_path},
                                                             {"metrics_url_path", &metrics_url_path},
                                                             {"logs_url_path", &logs_url_path}};
  for (const auto& [key, path] : paths) {
    // Before the first slash a colon ends a scheme, which a path has not.
    if (path->substr(0, path->find('/')).find(':') != std::string::npos) {
      report.error(key, concat("'", *path, "' is not a path; write it without scheme and host, as /v1/traces"));
    }
    if (path->empty() || path->front() != '/') path->insert(path->begin(), '/');
  }
}

void GrpcServerConfig::validate(const config::Report& report) {
  if (const std::string wrong = check_endpoint_of(endpoint, transport); !wrong.empty()) {
    report.error("endpoint", wrong);
  }
}

KeepaliveSettings KeepaliveServerConfig::settings() const {
  KeepaliveSettings settings;
  const auto given = [](Nanoseconds value, Nanoseconds& setting) {
    if (value > Nanoseconds::zero()) setting = value;
  };
  given(server_parameters.max_connection_idle, settings.idle_max);
  given(server_parameters.max_connection_age, settings.age_max);
  given(server_parameters.max_connection_age_grace, settings.age_grace);
  given(server_parameters.time, settings.ping_after);
  given(server_parameters.timeout, settings.ping_timeout);
  given(enforcement_policy.min_time, settings.min_ping_interval);
  settings.pings_without_calls = enforcement_policy.permit_without_stream;
  return settings;
}

Task<Result<std::vector<Listener>>> bind_endpoint(Runtime& runtime, std::string endpoint, Transport transport) {
  if (transport == Transport::unix_socket) co_return co_await bind_unix(runtime, std::move(endpoint));
  const Result<wire::HostPort> parsed = wire::parse_host_port(endpoint);
  if (!parsed) co_return parsed.error();
  Result<std::vector<Address>> addresses = addresses_of(*parsed, transport);
  if (!addresses) co_return addresses.error();
  const MonotonicTime give_up = runtime.now() + in_use_patience;
  std::vector<Listener> listeners;
  for (Address& address : *addresses) {
    // A port chosen by the kernel is the same for both families.
    if (address.port() == 0 && !listeners.empty()) address.set_port(listeners.front().address()->port());
    Result<Listener> listener = co_await open_listener(runtime, address, give_up);
    if (!listener && has_no_such_family(listener.error()) && addresses->size() > 1) continue;
    if (!listener) co_return listener.error();
    listeners.push_back(std::move(*listener));
  }
  if (listeners.empty()) co_return system_error(EAFNOSUPPORT);
  co_return std::move(listeners);
}

}  // namespace stint::net
