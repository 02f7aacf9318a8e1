// SPDX-License-Identifier: Apache-2.0
// The listening sockets that inert mode was handed: every sender is answered once, and its connection is closed when it
// has seen that. Memory is bounded: the oldest connection makes room for a new one.
#pragma once

#include <poll.h>

#include <array>
#include <span>
#include <string>
#include <vector>

#include "base/limits.h"
#include "runtime/loop.h"

namespace stint::lambda {

class InertDoor {
 public:
  /// `telemetry`: the listener of `listeners` that takes the platform's deliveries. `text`: what senders are told.
  InertDoor(std::vector<Handle> listeners, Handle telemetry, std::string text);
  InertDoor(const InertDoor&) = delete;
  InertDoor& operator=(const InertDoor&) = delete;
  ~InertDoor();

  /// Appends what is to be waited for, and lets go of connections whose time is over.
  void watch(std::vector<pollfd>& entries);
  /// What poll said of those entries.
  void serve(std::span<const pollfd> entries);
  /// For poll: until the next connection's time is over; -1: as long as it takes.
  int wait_ms() const;

 private:
  struct Connection {
    Handle handle = no_handle;
    bool from_platform = false;
    bool answered = false;  // what still comes is read and forgotten
    MonotonicTime closes_at{};
    std::string head;
  };
  void accept(Handle listener);
  void receive(Connection& connection);
  void answer(Connection& connection);
  static void close(Connection& connection);
  Connection& free_place();

  std::vector<Handle> listeners_;
  Handle telemetry_;
  std::string text_;
  std::array<Connection, limits::inert_connections_max> connections_;
};

}  // namespace stint::lambda
