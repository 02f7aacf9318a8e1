// SPDX-License-Identifier: Apache-2.0
#include "receivers/otlp_grpc.h"

#include "base/log.h"

namespace stint {
namespace {

net::GrpcSettings server_settings(const net::GrpcServerConfig& config) {
  net::GrpcSettings settings;
  if (config.max_recv_msg_size_mib > 0) settings.message_bytes_max = config.max_recv_msg_size_mib << 20;
  if (config.max_concurrent_streams > 0) settings.streams_max = config.max_concurrent_streams;
  settings.keep_metadata = config.include_metadata;
  settings.keepalive = config.keepalive.settings();
  return settings;
}

// Null: it is too long.
std::shared_ptr<const Metadata> kept(const net::GrpcMetadata& sent) {
  auto metadata = std::make_shared<Metadata>();
  for (const auto& [name, value] : sent) {
    if (!metadata->add(name, value)) return nullptr;
  }
  return metadata;
}

}  // namespace

OtlpGrpc::OtlpGrpc(ComponentContext& context, OtlpIntake& intake, std::string_view id,
                   const net::GrpcServerConfig& config)
    : context_(context),
      intake_(intake),
      config_(config),
      endpoint_(context.runtime, concat("receivers::", id, "::protocols::grpc"), config.endpoint, config.transport),
      preparing_(context.runtime) {}

OtlpGrpc::~OtlpGrpc() = default;

Task<Result<>> OtlpGrpc::start() {
  if (config_.tls) endpoint_.use_tls(*config_.tls, net::TlsServer::http2);
  Result<std::vector<Listener>> listeners = co_await endpoint_.open();
  if (!listeners) co_return listeners.error();
  net::GrpcSettings settings = server_settings(config_);
  settings.tls = endpoint_.tls();
  server_ = std::make_unique<net::GrpcServer>(context_.runtime, context_.pool, context_.copies,
                                              static_cast<net::GrpcService&>(*this), settings);
  if (settings.tls != nullptr) preparing_.spawn(prepare_tls());
  for (Listener& listener : *listeners) server_->serve(std::move(listener));
  co_return Result<>();
}

Task<> OtlpGrpc::prepare_tls() {
  const Result<> prepared = co_await endpoint_.prepare_tls();
  if (!prepared && prepared.error().code != ErrorCode::cancelled) co_await server_->stop(Nanoseconds::zero());
}

Task<> OtlpGrpc::stop(Deadline deadline) {
  preparing_.cancel();
  co_await preparing_.join();
  endpoint_.close();
  if (server_ != nullptr) co_await server_->stop(deadline.remaining(context_.runtime.epoch_now()));
}

bool OtlpGrpc::has_service(std::string_view name) const {
  for (const otlp::Signal signal : otlp::all_signals) {
    if (name == names(signal).grpc_service) return intake_.takes(signal);
  }
  return false;
}

std::optional<std::size_t> OtlpGrpc::find_method(std::string_view path) const {
  for (const otlp::Signal signal : otlp::all_signals) {
    if (path == names(signal).grpc_path && intake_.takes(signal)) return static_cast<std::size_t>(signal);
  }
  return std::nullopt;
}

net::GrpcReply OtlpGrpc::refused(otlp::RpcCode code, std::string message,
                                 std::optional<Nanoseconds> retry_delay) const {
  ++context_.data.refused;
  net::GrpcReply reply{.code = code, .message = std::move(message)};
  if (retry_delay) reply.details = otlp::encode_status({code, reply.message, retry_delay});
  return reply;
}

// What the pipeline said, as the reference says it over gRPC.
net::GrpcReply OtlpGrpc::refused(Error error) const {
  const OtlpRefusal refusal = refusal_of(error);
  return refused(refusal.code, to_string(error), refusal.retry_delay);
}

net::GrpcReply OtlpGrpc::memory_full() const { return refused(Error{ErrorCode::memory_full}); }

Task<net::GrpcReply> OtlpGrpc::serve(net::GrpcRequest request) {
  const auto signal = static_cast<otlp::Signal>(request.method);
  const Result<otlp::Counts> counts = otlp::walk(signal, request.message.view());
  if (!counts) {
    co_return refused(otlp::RpcCode::internal,
                      concat("grpc: failed to unmarshal the received message: ", otlp::describe(counts.error())));
  }
  std::shared_ptr<const Metadata> metadata;
  if (config_.include_metadata && (metadata = kept(request.metadata)) == nullptr) {
    co_return refused(otlp::RpcCode::resource_exhausted, concat("more than ", limits::metadata_bytes_max,
                                                                " bytes of metadata to keep (include_metadata)"));
  }
  const Result<> taken = co_await intake_.take(signal, std::move(request.message), *counts, std::move(metadata));
  if (!taken) co_return refused(taken.error());
  co_return net::GrpcReply{.body = otlp::encode_response()};
}

}  // namespace stint
