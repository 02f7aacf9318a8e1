// SPDX-License-Identifier: Apache-2.0
#include "net/acceptor.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace stint::net {
namespace {

constexpr Nanoseconds accept_pause = Milliseconds(50);
// For back ends, the platform, files.
constexpr std::size_t handles_reserved = 32;
constexpr std::size_t servers_most = 7;

}  // namespace

void Acceptor::add(Listener listener) {
  listeners_.push_back(std::make_unique<Listener>(std::move(listener)));
  accepting_.spawn(accept_all(*listeners_.back()));
}

Task<> Acceptor::accept_all(Listener& listener) {
  for (;;) {
    Result<Stream> stream = co_await listener.accept();
    if (!stream) {
      if (stream.error().code == ErrorCode::cancelled) co_return;
      if (!std::exchange(failing_, true)) log(LogLevel::warn, "accept: ", to_string(stream.error()));
      const Result<> slept = co_await runtime_.sleep(accept_pause);
      if (!slept) co_return;
      continue;
    }
    failing_ = false;
    const Result<bool> room = co_await server_.make_room();
    if (!room) co_return;
    if (*room) server_.serve(std::move(*stream));
  }
}

std::size_t Acceptor::connections_max(std::size_t wanted) {
  if (handles_max_ == 0) handles_max_ = runtime_.loop().handles_max();
  const std::size_t left = handles_max_ > handles_reserved ? handles_max_ - handles_reserved : 0;
  return std::min(wanted, std::max<std::size_t>(left / servers_most, 1));
}

Task<> Acceptor::stop() {
  accepting_.cancel();
  co_await accepting_.join();
  listeners_.clear();
}

}  // namespace stint::net
