// SPDX-License-Identifier: Apache-2.0
#include "sim/back_end.h"

#include <gtest/gtest.h>

#include "base/log.h"
#include "otlp/status.h"

namespace stint::sim {
namespace {

constexpr std::size_t request_bytes_max = 64u << 20;
constexpr net::HttpServerSettings server_settings{.connections_max = 1024, .idle_max = forever};

std::optional<otlp::Signal> signal_of(std::string_view path) {
  for (const otlp::Signal signal : otlp::all_signals) {
    if (path == otlp::names(signal).url_path) return signal;
  }
  return std::nullopt;
}

// A status as gRPC says it. Source: the OTLP specification, "Failures"; 429 may be tried again only with RetryInfo.
net::GrpcReply grpc_reply(const Reaction& reaction) {
  using otlp::RpcCode;
  if (reaction.status == 200) return {.body = otlp::encode_response()};
  otlp::RpcStatus status{.code = RpcCode::unavailable, .message = "busy", .retry_delay = std::nullopt};
  if (reaction.status == 400) status.code = RpcCode::invalid_argument;
  if (reaction.status == 429) {
    status.code = RpcCode::resource_exhausted;
    status.retry_delay = Milliseconds(10);
  }
  if (reaction.retry_after == "1") status.retry_delay = Seconds(1);
  if (reaction.retry_after == "120") status.retry_delay = Seconds(120);
  return {.code = status.code, .message = status.message, .details = otlp::encode_status(status), .body = {}};
}

}  // namespace

Address BackEndProcess::address(std::size_t number, std::uint16_t port) {
  return *Address::from_literal(concat("10.0.0.", 9 + number), port);
}

BackEndProcess::BackEndProcess(Network& network, Ledger& ledger, std::size_t number)
    : Process(network, "back end"),
      network_(network),
      ledger_(ledger),
      number_(number),
      server_(runtime, pool_, copies_, static_cast<net::HttpService&>(*this), server_settings),
      grpc_server_(runtime, pool_, copies_, static_cast<net::GrpcService&>(*this),
                   {.message_bytes_max = request_bytes_max}) {}

BackEndProcess::~BackEndProcess() = default;

bool BackEndProcess::begin() {
  Result<Listener> listener = Listener::open(runtime, address(number_));
  Result<Listener> grpc_listener = Listener::open(runtime, address(number_, grpc_port));
  STINT_CHECK(listener.has_value() && grpc_listener.has_value());
  server_.serve(std::move(*listener));
  grpc_server_.serve(std::move(*grpc_listener));
  runtime.begin(live());
  return true;
}

Task<> BackEndProcess::live() {
  while (!stopping_) (void)co_await changed_.wait();
  co_await server_.stop(Nanoseconds::zero());
  co_await grpc_server_.stop(Nanoseconds::zero());
}

void BackEndProcess::stop() {
  stopping_ = true;
  changed_.notify_all();
}

void BackEndProcess::ended() {
  EXPECT_EQ(loop.operations_in_flight(), 0u);
  EXPECT_EQ(pool_.blocks_in_use(), 0u);
}

std::optional<std::vector<ItemId>> BackEndProcess::read(const net::HttpRequest& request) {
  const std::optional<otlp::Signal> signal = signal_of(request.head.path());
  if (!signal || request.head.method != "POST") return std::nullopt;
  if (request.head.content_encoding().empty()) return read_request(*signal, request.body.view());
  const Result<Slice> plain =
      inflater_.inflate(wire::DeflateFormat::gzip, request.body.view(), pool_, request_bytes_max);
  EXPECT_TRUE(plain) << "a body that cannot be inflated: " << to_string(plain.error());
  if (!plain) return std::nullopt;
  return read_request(*signal, plain->view());
}

Reaction BackEndProcess::react() {
  if (reactions.empty()) return drawn ? drawn() : always;
  Reaction next = reactions.front();
  reactions.pop_front();
  return next;
}

// Enters in the ledger what becomes of the items. False: the request is none.
bool BackEndProcess::take(const Reaction& reaction, const std::optional<std::vector<ItemId>>& items) {
  if (!items) return false;
  const bool success = reaction.kind == Reaction::Kind::answer && reaction.status == 200;
  if (success || reaction.kind == Reaction::Kind::take_and_reset) {
    if (!loses) ledger_.receive(*items, number_);
  } else if (reaction.kind == Reaction::Kind::answer && reaction.status == 400) {
    ledger_.reject(*items, number_);
  }
  if (reaction.kind == Reaction::Kind::reset || reaction.kind == Reaction::Kind::take_and_reset) {
    network_.reset_connections(loop);
  }
  if (reaction.kind == Reaction::Kind::end_without_answer) network_.end_sending(loop);
  return true;
}

Task<net::HttpReply> BackEndProcess::serve(net::HttpRequest request) {
  ++requests_;
  const Reaction reaction = react();
  if (reaction.delay > Nanoseconds::zero()) {
    const Result<> slept = co_await runtime.sleep(reaction.delay);
    if (!slept) co_return net::HttpReply{.status = 503, .close = true};
  }
  net::HttpReply reply{.status = reaction.status};
  if (!take(reaction, read(request))) reply.status = 400;
  if (!reaction.retry_after.empty()) reply.headers.emplace_back("Retry-After", reaction.retry_after);
  reply.close = reaction.kind != Reaction::Kind::answer;
  co_return reply;
}

std::optional<std::size_t> BackEndProcess::find_method(std::string_view path) const {
  for (const otlp::Signal signal : otlp::all_signals) {
    if (path == otlp::names(signal).grpc_path) return static_cast<std::size_t>(signal);
  }
  return std::nullopt;
}

bool BackEndProcess::has_service(std::string_view) const { return true; }

net::GrpcReply BackEndProcess::memory_full() const {
  ADD_FAILURE() << "the back end has no memory left";
  return {.code = otlp::RpcCode::unavailable};
}

// A call whose time is over, or whose caller has gone, is cancelled while it sleeps, and nothing of it is taken.
Task<net::GrpcReply> BackEndProcess::serve(net::GrpcRequest request) {
  ++requests_;
  const Reaction reaction = react();
  if (reaction.delay > Nanoseconds::zero()) {
    const Result<> slept = co_await runtime.sleep(reaction.delay);
    if (!slept) co_return net::GrpcReply{.code = otlp::RpcCode::cancelled};
  }
  if (!take(reaction, read_request(static_cast<otlp::Signal>(request.method), request.message.view()))) {
    co_return net::GrpcReply{.code = otlp::RpcCode::internal};
  }
  co_return grpc_reply(reaction);
}

}  // namespace stint::sim
