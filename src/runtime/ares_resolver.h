// SPDX-License-Identifier: Apache-2.0
// Host names by c-ares: the hosts file, then DNS. Its sockets are awaited through the loop. Everything is made at a
// look-up and gone after it, so that nothing is stale after a freeze and nothing is read at start.
#pragma once

#include "runtime/runtime.h"

namespace stint {

class AresResolver final : public Resolver {
 public:
  explicit AresResolver(Runtime& runtime) : runtime_(runtime) {}
  Task<Result<std::vector<Address>>> resolve(std::string host, std::uint16_t port, Nanoseconds timeout) override;

 private:
  Runtime& runtime_;
};

}  // namespace stint
