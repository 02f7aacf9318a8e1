// SPDX-License-Identifier: Apache-2.0
#include "sim/back_end.h"

#include <gtest/gtest.h>

#include "base/log.h"

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

}  // namespace

Address BackEndProcess::address(std::size_t number) {
  return *Address::from_literal(concat("10.0.0.", 9 + number), 4318);
}

BackEndProcess::BackEndProcess(Network& network, Ledger& ledger, std::size_t number)
    : Process(network, "back end"),
      network_(network),
      ledger_(ledger),
      number_(number),
      server_(runtime, pool_, copies_, static_cast<net::HttpService&>(*this), server_settings) {}

BackEndProcess::~BackEndProcess() = default;

bool BackEndProcess::begin() {
  Result<Listener> listener = Listener::open(runtime, address(number_));
  STINT_CHECK(listener.has_value());
  server_.serve(std::move(*listener));
  runtime.begin(live());
  return true;
}

Task<> BackEndProcess::live() {
  while (!stopping_) (void)co_await changed_.wait();
  co_await server_.stop(Nanoseconds::zero());
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

Task<net::HttpReply> BackEndProcess::serve(net::HttpRequest request) {
  ++requests_;
  const Reaction reaction = react();
  if (reaction.delay > Nanoseconds::zero()) {
    const Result<> slept = co_await runtime.sleep(reaction.delay);
    if (!slept) co_return net::HttpReply{.status = 503, .close = true};
  }
  net::HttpReply reply{.status = reaction.status};
  const bool success = reaction.kind == Reaction::Kind::answer && reaction.status == 200;
  if (const auto items = read(request); !items) {
    reply.status = 400;
  } else if (success || reaction.kind == Reaction::Kind::take_and_reset) {
    if (!loses) ledger_.receive(*items, number_);
  } else if (reaction.kind == Reaction::Kind::answer && reaction.status == 400) {
    ledger_.reject(*items, number_);
  }
  if (!reaction.retry_after.empty()) reply.headers.emplace_back("Retry-After", reaction.retry_after);
  if (reaction.kind == Reaction::Kind::reset || reaction.kind == Reaction::Kind::take_and_reset) {
    network_.reset_connections(loop);
    reply.close = true;
  }
  if (reaction.kind == Reaction::Kind::end_without_answer) {
    network_.end_sending(loop);
    reply.close = true;
  }
  co_return reply;
}

}  // namespace stint::sim
