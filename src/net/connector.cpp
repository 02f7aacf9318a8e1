// SPDX-License-Identifier: Apache-2.0
#include "net/connector.h"

#include <algorithm>
#include <cerrno>

#include "base/log.h"
#include "net/http_response.h"
#include "net/proxy_tunnel.h"
#include "net/tls_error.h"
#include "net/tls_library.h"

namespace stint::net {
namespace {

// More than a clock is ever set by while all goes well.
constexpr Nanoseconds clock_jump = Seconds(5);
constexpr Nanoseconds resolve_timeout = Seconds(5);

// TlsPlace of the TLS to a proxy, as a place of its own.
constexpr std::uint16_t proxy_tls_offset = 0x100;
bool is_proxy_tls(Error error) {
  return error.place > proxy_tls_offset &&
         is_tls(Error{error.code, static_cast<std::uint16_t>(error.place - proxy_tls_offset), error.detail});
}

}  // namespace

bool peer_is_gone(Error error) {
  return !is_tls(error) && (error.code == ErrorCode::closed || error.code == ErrorCode::system);
}

bool may_have_answered(Error error) {
  return error.code == ErrorCode::closed ||
         (error.code == ErrorCode::system && !is_tls(error) && (error.detail == EPIPE || error.detail == ECONNRESET));
}

Connector::Connector(Runtime& runtime, HttpOrigin origin, TlsClient* tls, ConnectorSettings settings)
    : runtime_(runtime), origin_(std::move(origin)), settings_(std::move(settings)) {
  if (tls != nullptr) peer_ = std::make_unique<TlsPeer>(*tls, origin_.host);
}

std::string Connector::host_port() const {
  const bool six = origin_.host.find(':') != std::string::npos;
  return concat(six ? "[" : "", origin_.host, six ? "]:" : ":", origin_.port);
}

std::string Connector::explain(Error error) const {
  if (error.place == static_cast<std::uint16_t>(ProxyPlace::settings)) return proxy_refusal_;
  if (is_proxy_error(error) && proxy_) return proxy_text(error, *proxy_, host_port());
  if (is_proxy_tls(error) && proxy_peer_) {
    error.place -= proxy_tls_offset;
    return concat("the proxy ", proxy_->name, ": ", proxy_peer_->explain(error));
  }
  if (!is_tls(error)) return to_string(error);
  return peer_ ? peer_->explain(error) : tls_text(error, origin_.host);
}

// Once, at the first connection.
Result<> Connector::choose_proxy() {
  if (proxy_chosen_ || !origin_.unix_path.empty()) return {};
  proxy_refusal_.clear();
  Result<std::optional<Proxy>> found =
      find_proxy(settings_.proxy, origin_.host, origin_.port, is_secured() || settings_.tunnel, proxy_refusal_);
  if (!found) return proxy_error(found.error().code, ProxyPlace::settings);
  proxy_ = std::move(*found);
  proxy_chosen_ = true;
  if (proxy_ && proxy_->secured && settings_.proxy.tls != nullptr) {
    proxy_peer_ = std::make_unique<TlsPeer>(*settings_.proxy.tls, proxy_->host);
  }
  return {};
}

// An error on the way to the next hop; a proxy's is told from the origin's.
Error Connector::below(Error error) const {
  const bool ours = error.code == ErrorCode::cancelled || error.place != 0 || !proxy_;
  return ours ? error : proxy_error(error.code, ProxyPlace::connection, error.detail);
}

Task<Result<>> Connector::look_up(MonotonicTime end) {
  if (!addresses_.empty()) co_return Result<>();
  if (!origin_.unix_path.empty()) {
    const auto path = Address::unix_path(origin_.unix_path);
    if (!path) co_return Error{ErrorCode::too_large};
    addresses_.push_back(*path);
    co_return Result<>();
  }
  const Nanoseconds timeout = std::min(time_left(runtime_, end), resolve_timeout);
  const std::string& host = proxy_ ? proxy_->host : origin_.host;
  Result<std::vector<Address>> resolved =
      co_await runtime_.resolve(host, proxy_ ? proxy_->port : origin_.port, timeout);
  if (!resolved) co_return below(resolved.error());
  addresses_ = std::move(*resolved);
  co_return Result<>();
}

// Whatever lies between a connected stream and the request: TLS to a proxy, its tunnel, TLS to the origin.
Task<Result<ByteStream>> Connector::secure(Stream plain, MonotonicTime end) {
  ByteStream stream(std::move(plain));
  if (proxy_peer_) {
    Result<std::unique_ptr<TlsStream>> secured =
        co_await proxy_peer_->secure(std::move(stream), TlsProtocols::http1, end);
    if (!secured) {
      Error error = secured.error();
      if (is_tls(error)) error.place += proxy_tls_offset;
      co_return error;
    }
    stream = ByteStream(std::move(*secured));
  }
  if (proxy_ && (peer_ || settings_.tunnel)) {
    const Result<> tunnel = co_await open_tunnel(stream, *proxy_, host_port(), end);
    if (!tunnel) co_return tunnel.error();
  }
  if (!peer_) co_return std::move(stream);
  Result<std::unique_ptr<TlsStream>> secured = co_await peer_->secure(std::move(stream), settings_.protocols, end);
  if (!secured) co_return secured.error();
  co_return ByteStream(std::move(*secured));
}

Task<Result<ByteStream>> Connector::open(MonotonicTime end) {
  if (const Result<> chosen = choose_proxy(); !chosen) co_return chosen.error();
  const Result<> found = co_await look_up(end);
  if (!found) co_return found.error();
  Error last{ErrorCode::not_found};
  std::vector<Address> addresses = addresses_;
  if (settings_.rotate && !addresses.empty()) {
    const auto first = static_cast<std::ptrdiff_t>(next_address_++ % addresses.size());
    std::rotate(addresses.begin(), addresses.begin() + first, addresses.end());
  }
  for (const Address& address : addresses) {
    Result<Stream> stream = co_await connect(runtime_, address, time_left(runtime_, end));
    if (stream) {
      ++opened_;
      Result<ByteStream> secured = co_await secure(std::move(*stream), end);
      if (secured) co_return std::move(secured);
      last = secured.error();
      break;
    }
    last = below(stream.error());
    if (last.code == ErrorCode::cancelled || last.code == ErrorCode::timed_out) break;
  }
  addresses_.clear();  // looked up again next time: the back end may have moved
  co_return last;
}

// In a snapshot's new life the epoch has moved, the monotonic clock has not.
bool Connector::has_jumped() {
  const Nanoseconds apart = runtime_.epoch_now().time_since_epoch() - runtime_.now().time_since_epoch();
  const Nanoseconds jumped = clocks_apart_ ? apart - *clocks_apart_ : Nanoseconds::zero();
  clocks_apart_ = apart;
  if (jumped < clock_jump && jumped > -clock_jump) return false;
  addresses_.clear();
  renew_tls_entropy();
  return true;
}

}  // namespace stint::net
