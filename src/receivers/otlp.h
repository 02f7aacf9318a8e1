// SPDX-License-Identifier: Apache-2.0
// `otlp`: Export requests over gRPC, and over HTTP in protobuf or JSON. A request is refused at the door (path, method,
// media type, encoding, limits, well-formedness) or becomes a batch over the block it was received into; JSON becomes
// protobuf in a block of its own. gRPC is in otlp_grpc.h; what both do with a request is in otlp_intake.h.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "net/http_server.h"
#include "net/server_config.h"
#include "otlp/status.h"
#include "otlp/walk.h"
#include "pipeline/component.h"
#include "receivers/otlp_endpoint.h"
#include "receivers/otlp_grpc.h"
#include "runtime/scope.h"
#include "wire/compression.h"

namespace stint {

struct OtlpProtocols {
  config::Optional<net::GrpcServerConfig> grpc;
  config::Optional<net::HttpServerConfig> http;
};
constexpr auto fields_of(OtlpProtocols*) {
  return config::fields(config::field<&OtlpProtocols::grpc>("grpc", "OTLP over gRPC"),
                        config::field<&OtlpProtocols::http>("http", "OTLP over HTTP, protobuf or JSON"));
}

class OtlpReceiver final : public Receiver, private net::HttpService {
 public:
  struct Config {
    OtlpProtocols protocols;
    void validate(const config::Report& report);
  };

  OtlpReceiver(ComponentContext& context, std::string id, Config config);
  ~OtlpReceiver() override;

  void connect(otlp::Signal signal, Consumer& next) override;
  /// Fails: in_use, not_found, system; logged with the port and the key.
  Task<Result<>> start() override;
  Task<> stop(Deadline deadline) override;

 private:
  std::optional<net::HttpReply> refuse(const wire::RequestHead& head) override;
  Task<net::HttpReply> serve(net::HttpRequest request) override;
  net::HttpReply failure(const wire::RequestHead* head, int status, std::string_view message) override;

  Task<Result<>> start_http();
  // What of TLS could not be done before the start was over; turns the receiver off when it fails.
  Task<> prepare_tls();
  std::optional<otlp::Signal> signal_of(std::string_view path) const;
  std::size_t body_bytes_max() const;
  std::optional<wire::ContentEncoding> encoding_of(const wire::RequestHead& head) const;
  std::string supported_encodings() const;
  Result<Slice> decoded(net::HttpRequest& request);
  std::string body_refusal(const wire::RequestHead& head, Error error) const;
  std::optional<net::HttpReply> read(net::HttpRequest& request, otlp::Signal signal, Slice& protobuf,
                                     otlp::Counts& counts);
  // In the encoding of the request.
  net::HttpReply accepted(const wire::RequestHead& head, otlp::Signal signal) const;
  net::HttpReply refused(const wire::RequestHead& head, int status, otlp::RpcCode code, std::string message,
                         std::optional<Nanoseconds> retry_delay = std::nullopt) const;
  net::HttpReply refused(const wire::RequestHead& head, Error error);

  ComponentContext& context_;
  std::string id_;
  Config config_;
  OtlpIntake intake_;
  wire::ContentEncodings encodings_;
  wire::Decompressor decompressor_;
  std::unique_ptr<OtlpEndpoint> endpoint_;
  std::unique_ptr<net::Cors> cors_;
  std::unique_ptr<net::HttpServer> server_;
  std::unique_ptr<OtlpGrpc> grpc_;
  Scope preparing_;
};

constexpr auto fields_of(OtlpReceiver::Config*) {
  return config::fields(config::field<&OtlpReceiver::Config::protocols>("protocols", "at least one of grpc and http"));
}

}  // namespace stint
