// SPDX-License-Identifier: Apache-2.0
// Host names in a simulated world: every name is that of the back end, when and if the name server of the world
// answers.
#pragma once

#include <string>
#include <vector>

#include "runtime/runtime.h"

namespace stint::sim {

/// How names resolve at present.
struct NameServer {
  Nanoseconds delay{};       // before each answer
  bool is_silent = false;    // nothing is answered
  std::size_t failures = 0;  // so many answers are that there is no such name
};

class SimulatedResolver final : public Resolver {
 public:
  /// Borrows: both.
  SimulatedResolver(Runtime& runtime, NameServer& server) : runtime_(runtime), server_(server) {}

  Task<Result<std::vector<Address>>> resolve(std::string host, std::uint16_t port, Nanoseconds timeout) override {
    (void)host;
    const bool is_late = server_.is_silent || server_.delay > timeout;
    const Result<> slept = co_await runtime_.sleep(is_late ? timeout : server_.delay);
    if (!slept) co_return slept.error();
    if (is_late) co_return Error{ErrorCode::timed_out};
    if (server_.failures > 0) {
      --server_.failures;
      co_return Error{ErrorCode::not_found};
    }
    co_return std::vector<Address>{*Address::from_literal("10.0.0.9", port)};
  }

 private:
  Runtime& runtime_;
  NameServer& server_;
};

}  // namespace stint::sim
