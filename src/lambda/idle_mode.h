// SPDX-License-Identifier: Apache-2.0
// What stands in for the data path when the configuration is bad: the default OTLP ports are served, and every request
// is answered with the configuration's error in a way that makes senders give up on it. The function runs.
#pragma once

#include <string>
#include <vector>

#include "base/block.h"
#include "base/counters.h"
#include "net/grpc_server.h"
#include "net/http_server.h"

namespace stint::lambda {

class IdleMode final : private net::HttpService, private net::GrpcService {
 public:
  /// `error`: what is wrong, for whoever sends. Borrows: runtime, pool, copies.
  IdleMode(Runtime& runtime, BlockPool& pool, CopyCounters& copies, std::string error);
  ~IdleMode() override;

  /// Binds each endpoint (host:port), those of HTTP and those of gRPC; one that is taken is a warning and no more.
  Task<> start(std::vector<std::string> http_endpoints, std::vector<std::string> grpc_endpoints);
  Task<> stop();

  /// Where it listens, HTTP first, for tests that bind port 0.
  const std::vector<Address>& addresses() const { return addresses_; }
  std::size_t refused() const { return refused_; }

 private:
  std::optional<net::HttpReply> refuse(const wire::RequestHead& head) override;
  Task<net::HttpReply> serve(net::HttpRequest request) override;

  std::optional<std::size_t> find_method(std::string_view) const override { return 0; }
  bool has_service(std::string_view) const override { return true; }
  Task<net::GrpcReply> serve(net::GrpcRequest request) override;
  net::GrpcReply memory_full() const override;

  template <typename Server>
  Task<> listen(std::vector<std::string> endpoints, Server& server);

  Runtime& runtime_;
  net::HttpServer server_;
  net::GrpcServer grpc_server_;
  std::string error_;
  std::vector<Address> addresses_;
  std::size_t refused_ = 0;
};

}  // namespace stint::lambda
