// SPDX-License-Identifier: Apache-2.0
// A gRPC back end in the same process: the product's own server on a free port, which answers from a list and keeps
// what came.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "net/grpc_server.h"
#include "pipeline/component_world.h"

namespace stint {

class GrpcBackEnd final : public net::GrpcService {
 public:
  explicit GrpcBackEnd(ComponentWorld& world) : world_(world) { start(0); }

  std::optional<std::size_t> find_method(std::string_view path) const override {
    for (const otlp::Signal signal : otlp::all_signals) {
      if (path == names(signal).grpc_path) return static_cast<std::size_t>(signal);
    }
    return std::nullopt;
  }
  bool has_service(std::string_view) const override { return true; }
  net::GrpcReply memory_full() const override { return {.code = wire::RpcCode::unavailable, .message = "full"}; }
  Task<net::GrpcReply> serve(net::GrpcRequest request) override {
    received.emplace_back(static_cast<otlp::Signal>(request.method), std::string(request.message.view()));
    net::GrpcReply reply;
    if (!replies.empty()) {
      reply = replies.front();
      if (replies.size() > 1 || !last_for_ever) replies.pop_front();
    }
    if (delay > Nanoseconds::zero()) (void)co_await world_.runtime.sleep(delay);
    co_return std::move(reply);
  }

  /// Ends all connections without a word, as a freeze does, and listens on the same port again.
  Task<> restart() {
    co_await server_->stop(Nanoseconds::zero());
    start(port_);
  }
  Task<> stop() { co_await server_->stop(Nanoseconds::zero()); }

  std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }
  std::size_t connections() const { return server_->connections(); }

  std::deque<net::GrpcReply> replies;  // success when there is none
  bool last_for_ever = false;
  Nanoseconds delay{};  // before each reply
  std::vector<std::pair<otlp::Signal, std::string>> received;

 private:
  void start(std::uint16_t port) {
    server_ = std::make_unique<net::GrpcServer>(world_.runtime, pool_, copies_, *this, net::GrpcSettings());
    Result<Listener> listener = Listener::open(world_.runtime, Address::ipv4_loopback(port));
    STINT_CHECK(listener.has_value());
    port_ = listener->address()->port();
    server_->serve(std::move(*listener));
  }

  ComponentWorld& world_;
  // Its own: the exporter's are what is tested.
  BlockPool pool_{64u << 20};
  CopyCounters copies_;
  std::unique_ptr<net::GrpcServer> server_;
  std::uint16_t port_ = 0;
};

}  // namespace stint
