// SPDX-License-Identifier: Apache-2.0
// The way from here to one origin: its addresses, a proxy if there is one, TLS. What HTTP/1.1 and HTTP/2 clients have
// in common before the first byte of HTTP.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/byte_stream.h"
#include "net/proxy.h"
#include "net/tls_client.h"
#include "runtime/stream.h"

namespace stint::net {

/// Where a client connects to.
struct HttpOrigin {
  std::string host;  // a name or literal, without brackets
  std::uint16_t port = 80;
  std::string unix_path;  // instead of host and port
};

/// The peer has closed or lost the connection, as it does to one that was kept over a freeze.
bool peer_is_gone(Error error);
/// After a send that failed so there may be an answer. After any other failure there is none to wait for.
bool may_have_answered(Error error);

struct ConnectorSettings {
  ProxySource proxy;
  bool tunnel = false;  // a proxy makes a tunnel for connections without TLS, too
  bool rotate = false;  // each connection begins with the next of the addresses
  /// What is offered in TLS.
  TlsProtocols protocols = TlsProtocols::http1;
};

class Connector {
 public:
  /// With `tls` every connection is TLS. The proxy is looked for at the first connection: nothing reads the environment
  /// before. Borrows: runtime, tls, what the proxy's source borrows.
  Connector(Runtime& runtime, HttpOrigin origin, TlsClient* tls, ConnectorSettings settings);
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  /// Suspends: until connected, or `end`. Fails: timed_out, cancelled, system, closed, not_found, too_large, and what
  /// TlsPlace and ProxyPlace name.
  Task<Result<ByteStream>> open(MonotonicTime end);

  Runtime& runtime() const { return runtime_; }
  const HttpOrigin& origin() const { return origin_; }
  bool is_secured() const { return peer_ != nullptr; }
  /// What is offered from now on.
  void offer(TlsProtocols protocols) { settings_.protocols = protocols; }
  TlsProtocols offers() const { return settings_.protocols; }
  /// The proxy that plain requests are sent to; null: none, or it makes tunnels.
  const Proxy* plain_proxy() const { return proxy_ && !peer_ && !settings_.tunnel ? &*proxy_ : nullptr; }
  /// "host:port", brackets around an IPv6 address.
  std::string host_port() const;
  /// A failed open()'s error as a sentence.
  std::string explain(Error error) const;

  /// To be asked before a request. True: the process goes on from a snapshot, elsewhere and much later. Whatever was
  /// known before is of another life: nobody even resets its connections.
  bool has_jumped();

  std::size_t opened() const { return opened_; }
  std::size_t sessions_resumed() const { return peer_ ? peer_->resumed() : 0; }

 private:
  Result<> choose_proxy();
  Task<Result<>> look_up(MonotonicTime end);
  Task<Result<ByteStream>> secure(Stream stream, MonotonicTime end);
  Error below(Error error) const;

  Runtime& runtime_;
  HttpOrigin origin_;
  ConnectorSettings settings_;
  std::unique_ptr<TlsPeer> peer_;  // null: no TLS
  std::optional<Proxy> proxy_;
  bool proxy_chosen_ = false;
  std::string proxy_refusal_;
  std::unique_ptr<TlsPeer> proxy_peer_;  // of an https proxy
  std::vector<Address> addresses_;
  std::size_t next_address_ = 0;
  std::optional<Nanoseconds> clocks_apart_;  // epoch less monotonic, when last asked
  std::size_t opened_ = 0;
};

}  // namespace stint::net
