// SPDX-License-Identifier: Apache-2.0
// A gRPC back end in the same process: the product's own server on a free port, which answers from a list and keeps
// what came.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "answering_back_end.h"
#include "net/grpc_server.h"

namespace stint {

class GrpcBackEnd final
    : public AnsweringBackEnd<net::GrpcServer, net::GrpcService, net::GrpcSettings, net::GrpcReply> {
 public:
  using AnsweringBackEnd::AnsweringBackEnd;

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
    net::GrpcReply reply = next_reply();
    if (delay > Nanoseconds::zero()) (void)co_await world_.runtime.sleep(delay);
    co_return std::move(reply);
  }

  Nanoseconds delay{};  // before each reply
  std::vector<std::pair<otlp::Signal, std::string>> received;
};

}  // namespace stint
