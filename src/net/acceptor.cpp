// SPDX-License-Identifier: Apache-2.0
#include "net/acceptor.h"

#include "base/log.h"

namespace stint::net {
namespace {

constexpr Nanoseconds accept_pause = Milliseconds(50);

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
      log(LogLevel::warn, "accept: ", to_string(stream.error()));
      const Result<> slept = co_await runtime_.sleep(accept_pause);
      if (!slept) co_return;
      continue;
    }
    const Result<bool> room = co_await server_.make_room();
    if (!room) co_return;
    if (*room) server_.serve(std::move(*stream));
  }
}

Task<> Acceptor::stop() {
  accepting_.cancel();
  co_await accepting_.join();
  listeners_.clear();
}

}  // namespace stint::net
