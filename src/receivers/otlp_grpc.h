// SPDX-License-Identifier: Apache-2.0
// The gRPC side of the `otlp` receiver: the three Export services. A message becomes a batch over the block it was
// received into; refusals carry the status, and where the sender should wait a RetryInfo, as the reference's do.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "net/grpc_server.h"
#include "otlp/status.h"
#include "receivers/otlp_endpoint.h"
#include "receivers/otlp_intake.h"
#include "runtime/scope.h"

namespace stint {

class OtlpGrpc final : private net::GrpcService {
 public:
  /// Borrows: context, intake, config.
  OtlpGrpc(ComponentContext& context, OtlpIntake& intake, std::string_view id, const net::GrpcServerConfig& config);
  ~OtlpGrpc() override;

  /// Binds; sessions are made per connection. Fails: in_use, not_found, system; logged with the port and the key.
  Task<Result<>> start();
  Task<> stop(Deadline deadline);

 private:
  std::optional<std::size_t> find_method(std::string_view path) const override;
  bool has_service(std::string_view name) const override;
  Task<net::GrpcReply> serve(net::GrpcRequest request) override;
  net::GrpcReply memory_full() const override;

  Task<> prepare_tls();
  net::GrpcReply refused(otlp::RpcCode code, std::string message,
                         std::optional<Nanoseconds> retry_delay = std::nullopt) const;
  net::GrpcReply refused(Error error) const;

  ComponentContext& context_;
  OtlpIntake& intake_;
  const net::GrpcServerConfig& config_;
  OtlpEndpoint endpoint_;
  std::unique_ptr<net::GrpcServer> server_;
  Scope preparing_;
};

}  // namespace stint
