// SPDX-License-Identifier: Apache-2.0
// The listening half of a server: takes connections from bound listeners for as long as the server has room.
#pragma once

#include <memory>
#include <vector>

#include "runtime/scope.h"
#include "runtime/stream.h"

namespace stint::net {

/// The serving half.
class ConnectionServer {
 public:
  virtual ~ConnectionServer() = default;
  /// Asked for each accepted connection. False: there is no room, it is closed. Fails: cancelled.
  virtual Task<Result<bool>> make_room() = 0;
  /// Serves a connection that somebody accepted.
  virtual void serve(Stream stream) = 0;
};

class Acceptor {
 public:
  /// Borrows: both.
  Acceptor(Runtime& runtime, ConnectionServer& server) : runtime_(runtime), server_(server), accepting_(runtime) {}

  /// Takes a bound listener; connections are accepted from now on.
  void add(Listener listener);
  /// Of `wanted` connections as many as one server may have, so that several of them together leave handles for what is
  /// sent on: senders that open more and more must not keep the exporters from their back ends.
  std::size_t connections_max(std::size_t wanted);
  /// No new connections. To be awaited before the end.
  Task<> stop();

 private:
  Task<> accept_all(Listener& listener);

  Runtime& runtime_;
  ConnectionServer& server_;
  Scope accepting_;
  std::size_t handles_max_ = 0;  // 0: not asked yet
  bool failing_ = false;         // since the last connection
  std::vector<std::unique_ptr<Listener>> listeners_;
};

}  // namespace stint::net
