// SPDX-License-Identifier: Apache-2.0
// `otlp`: one gRPC call per batch to a back end, tried again with back-off. The message is sent from where the batch's
// slices lie, or compressed once into a block of its own; a call owns its message until it has ended. Here it is
// decided what a back end's status means for the data.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "net/grpc_answer.h"
#include "net/grpc_client_config.h"
#include "net/http2_client.h"
#include "pipeline/component.h"
#include "pipeline/delivery_log.h"
#include "pipeline/retry.h"
#include "pipeline/sending_queue_config.h"
#include "wire/compression.h"

namespace stint {

class OtlpGrpcExporter final : public Exporter {
 public:
  struct Config {
    net::GrpcClientConfig client;
    Nanoseconds timeout = Seconds(5);  // 0: none
    RetryConfig retry_on_failure;
    SendingQueueConfig sending_queue;

    void validate(const config::Report& report);
  };

  OtlpGrpcExporter(ComponentContext& context, std::string id, Config config);

  /// Fails: as Consumer says.
  Task<Result<>> consume(Batch batch) override;
  Activity activity() const override { return retrier_.activity(); }
  Task<Result<>> flush(Deadline deadline) override { return retrier_.settle(deadline); }
  void hurry(Deadline deadline) override { retrier_.hurry(deadline); }
  /// Whoever consumes has been stopped before, and cancels what `deadline` leaves over.
  Task<> stop(Deadline deadline) override;

 private:
  class Delivery;
  /// Of calls for one signal, grpc-encoding last. Made at the first one.
  const std::vector<wire::Header>& head_of(otlp::Signal signal);
  void make_heads();

  ComponentContext& context_;
  Config config_;
  DeliveryLog log_;
  net::GrpcTarget target_;
  net::TlsClient tls_;  // asleep until it is needed
  wire::Compressor compressor_;
  wire::Decompressor decompressor_;
  // Of the answers. Not the pool of the data: when that is full, only an answer that is read sets some of it free.
  BlockPool answers_{limits::response_memory_bytes_max, 0, BlockPool::smallest_bytes};
  net::Connector connector_;
  net::Http2Client client_;
  config::TextMap metadata_;  // as it is sent
  std::string timeout_text_;
  std::array<std::vector<wire::Header>, otlp::all_signals.size()> heads_;
  Retrier retrier_;
};

constexpr auto fields_of(OtlpGrpcExporter::Config*) {
  using namespace config;
  using Config = OtlpGrpcExporter::Config;
  return fields(
      embedded<&Config::client>(), field<&Config::timeout>("timeout", "of one attempt, as grpc-timeout; 0: none"),
      field<&Config::retry_on_failure>("retry_on_failure", "what happens when the back end is not available"),
      field<&Config::sending_queue>("sending_queue", "off; use the processors batch and decouple", Use::accepted));
}

}  // namespace stint
