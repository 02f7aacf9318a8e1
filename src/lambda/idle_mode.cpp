// SPDX-License-Identifier: Apache-2.0
#include "lambda/idle_mode.h"

#include "base/log.h"
#include "net/server_config.h"
#include "otlp/status.h"

namespace stint::lambda {
namespace {

// The whole error is in the log; an answer carries what a reader of an SDK's log line needs.
constexpr std::size_t error_bytes_max = 2048;

std::string answer_text(std::string_view error) {
  return concat("the collector's configuration is bad, nothing is accepted: ", error.substr(0, error_bytes_max));
}

}  // namespace

IdleMode::IdleMode(Runtime& runtime, BlockPool& pool, CopyCounters& copies, std::string error)
    : runtime_(runtime),
      server_(runtime, pool, copies, static_cast<net::HttpService&>(*this), net::HttpServerSettings{}),
      grpc_server_(runtime, pool, copies, static_cast<net::GrpcService&>(*this), net::GrpcSettings{}),
      error_(answer_text(error)) {}

IdleMode::~IdleMode() = default;

template <typename Server>
Task<> IdleMode::listen(std::vector<std::string> endpoints, Server& server) {
  for (const std::string& endpoint : endpoints) {
    Result<std::vector<Listener>> listeners = co_await net::bind_endpoint(runtime_, endpoint, net::Transport::tcp);
    if (!listeners) {
      log(LogLevel::warn, "idle mode: cannot listen on ", endpoint, ": ", to_string(listeners.error()));
      continue;
    }
    for (Listener& listener : *listeners) {
      if (const Result<Address> address = listener.address()) addresses_.push_back(*address);
      server.serve(std::move(listener));
    }
  }
}

Task<> IdleMode::start(std::vector<std::string> http_endpoints, std::vector<std::string> grpc_endpoints) {
  co_await listen(std::move(http_endpoints), server_);
  co_await listen(std::move(grpc_endpoints), grpc_server_);
}

Task<> IdleMode::stop() {
  co_await grpc_server_.stop(Nanoseconds::zero());
  co_await server_.stop(Nanoseconds::zero());
}

// At the door, so that no body takes memory.
std::optional<net::HttpReply> IdleMode::refuse(const wire::RequestHead& head) {
  ++refused_;
  const otlp::RpcStatus status{otlp::RpcCode::invalid_argument, error_, std::nullopt};
  net::HttpReply reply;
  reply.status = 400;
  const bool json = wire::equals_ignoring_case(head.content_type(), "application/json");
  reply.content_type = json ? "application/json" : "application/x-protobuf";
  reply.body = json ? otlp::encode_status_json(status) : otlp::encode_status(status);
  return reply;
}

Task<net::HttpReply> IdleMode::serve(net::HttpRequest request) { co_return *refuse(request.head); }

net::GrpcReply IdleMode::memory_full() const {
  return {.code = otlp::RpcCode::invalid_argument, .message = error_, .details = {}, .body = {}};
}

Task<net::GrpcReply> IdleMode::serve(net::GrpcRequest) {
  ++refused_;
  co_return memory_full();
}

}  // namespace stint::lambda
