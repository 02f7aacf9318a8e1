// SPDX-License-Identifier: Apache-2.0
// What the back ends in the tests' own process have in common: one of the product's servers on a free port of the
// loopback, which can be stopped and started again, and which answers from a list.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "pipeline/component_world.h"
#include "runtime/stream.h"

namespace stint {

/// Requires: stop() is awaited before the end.
template <typename Server, typename Service, typename Settings, typename Reply>
class AnsweringBackEnd : public Service {
 public:
  explicit AnsweringBackEnd(ComponentWorld& world) : world_(world) { start(0); }

  /// Ends all connections without a word, as a freeze does, and listens on the same port again.
  Task<> restart() {
    co_await server_->stop(Nanoseconds::zero());
    start(port_);
  }
  Task<> stop() { co_await server_->stop(Nanoseconds::zero()); }

  /// `host:port`.
  std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }
  std::size_t connections() const { return server_->connections(); }

  std::deque<Reply> replies;  // success when there is none
  bool last_for_ever = false;

 protected:
  Reply next_reply() {
    if (replies.empty()) return {};
    Reply reply = replies.front();
    if (replies.size() > 1 || !last_for_ever) replies.pop_front();
    return reply;
  }

  ComponentWorld& world_;

 private:
  void start(std::uint16_t port) {
    server_ = std::make_unique<Server>(world_.runtime, pool_, copies_, *this, Settings());
    Result<Listener> listener = Listener::open(world_.runtime, Address::ipv4_loopback(port));
    STINT_CHECK(listener.has_value());
    port_ = listener->address()->port();
    server_->serve(std::move(*listener));
  }

  // Its own: the exporter's are what is tested.
  BlockPool pool_{64u << 20};
  CopyCounters copies_;
  std::unique_ptr<Server> server_;
  std::uint16_t port_ = 0;
};

}  // namespace stint
