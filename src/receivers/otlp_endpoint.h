// SPDX-License-Identifier: Apache-2.0
// Where one protocol of the `otlp` receiver listens: its port or socket file and, if the configuration says so, the TLS
// of its connections. Says in the log what cannot be, with the key.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/server_config.h"
#include "net/socket_file.h"
#include "net/tls_server.h"
#include "runtime/stream.h"

namespace stint {

class OtlpEndpoint {
 public:
  /// `name`: of the section, "receivers::otlp::protocols::http". Borrows: runtime, endpoint.
  OtlpEndpoint(Runtime& runtime, std::string name, const std::string& endpoint, net::Transport transport);

  /// Connections speak TLS. Nothing is read yet.
  void use_tls(const net::TlsServerConfig& config, net::TlsServer::Protocol protocol);
  /// Null without TLS.
  net::TlsServer* tls() const { return tls_.get(); }

  /// Binds; waits a moment for a port in use. Fails: in_use, not_found, system, and what a look at the TLS files says;
  /// logged.
  Task<Result<std::vector<Listener>>> open();
  /// What of TLS is left to do once the start is over. Suspends: until then. Fails: as TlsServer::prepare, logged;
  /// cancelled.
  Task<Result<>> prepare_tls();
  /// Removes the socket file.
  void close() { socket_file_.remove(); }

 private:
  Runtime& runtime_;
  std::string name_;
  const std::string& endpoint_;
  net::Transport transport_;
  std::unique_ptr<net::TlsServer> tls_;
  net::SocketFile socket_file_;
};

}  // namespace stint
