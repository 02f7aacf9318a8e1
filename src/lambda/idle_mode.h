// SPDX-License-Identifier: Apache-2.0
// What stands in for the data path when the configuration is bad: the default OTLP ports are served, and every request
// is answered with the configuration's error in a way that makes senders give up on it. The function runs.
#pragma once

#include <string>
#include <vector>

#include "base/block.h"
#include "base/counters.h"
#include "net/http_server.h"

namespace stint::lambda {

class IdleMode final : private net::HttpService {
 public:
  /// `error`: what is wrong, for whoever sends. Borrows: runtime, pool, copies.
  IdleMode(Runtime& runtime, BlockPool& pool, CopyCounters& copies, std::string error);
  ~IdleMode() override;

  /// Binds each endpoint (host:port); one that is taken is a warning and no more.
  Task<> start(std::vector<std::string> endpoints);
  Task<> stop();

  /// Where it listens, for tests that bind port 0.
  const std::vector<Address>& addresses() const { return addresses_; }
  std::size_t refused() const { return refused_; }

 private:
  std::optional<net::HttpReply> refuse(const wire::RequestHead& head) override;
  Task<net::HttpReply> serve(net::HttpRequest request) override;

  Runtime& runtime_;
  net::HttpServer server_;
  std::string error_;
  std::vector<Address> addresses_;
  std::size_t refused_ = 0;
};

}  // namespace stint::lambda
