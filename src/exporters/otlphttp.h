// SPDX-License-Identifier: Apache-2.0
// `otlphttp`: one POST per batch to a back end's OTLP/HTTP endpoint, protobuf or JSON, tried again with back-off. The
// body is sent from where the batch's slices lie, or compressed once into a block of its own; a request owns its body
// until it has ended. Here it is decided what a back end's answer means for the data.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "net/http_client.h"
#include "net/http_client_config.h"
#include "pipeline/component.h"
#include "pipeline/delivery_log.h"
#include "pipeline/retry.h"
#include "pipeline/sending_queue_config.h"
#include "wire/compression.h"
#include "wire/url.h"

namespace stint {

class OtlpHttpExporter final : public Exporter {
 public:
  enum class Encoding : std::uint8_t { proto, json };
  struct Config {
    net::HttpClientConfig client = client_defaults();
    std::string traces_endpoint;
    std::string metrics_endpoint;
    std::string logs_endpoint;
    Encoding encoding = Encoding::proto;
    RetryConfig retry_on_failure;
    SendingQueueConfig sending_queue;

    void validate(const config::Report& report);
    /// `used`: signal_bit()s of the pipelines' signals.
    void check_signals(const config::Report& report, std::uint8_t used) const;
    static net::HttpClientConfig client_defaults();
  };

  OtlpHttpExporter(ComponentContext& context, std::string id, Config config);

  /// Fails: as Consumer says; a signal without an endpoint is permanent.
  Task<Result<>> consume(Batch batch) override;
  Activity activity() const override { return retrier_.activity(); }
  Task<Result<>> flush(Deadline deadline) override { return retrier_.settle(deadline); }
  void hurry(Deadline deadline) override { retrier_.hurry(deadline); }
  /// Whoever consumes has been stopped before, and cancels what `deadline` leaves over.
  Task<> stop(Deadline deadline) override;

 private:
  class Delivery;
  /// Where one signal goes. Without a client: nowhere.
  struct Destination {
    net::HttpClient* client = nullptr;
    std::string url;   // for the log
    std::string head;  // of each request, up to Content-Encoding and Content-Length
  };

  void set_destination(otlp::Signal signal, const std::string& endpoint, std::string_view path);
  net::HttpClient& client_for(const wire::Url& url);
  std::string request_head(const std::string& target, const std::string& authority) const;

  ComponentContext& context_;
  Config config_;
  DeliveryLog log_;
  wire::Compressor compressor_;
  net::TlsClient tls_;  // of all https clients; asleep until one connects
  // Of the answers. Not the pool of the data: when that is full, only an answer that is read sets some of it free.
  BlockPool answers_{limits::response_memory_bytes_max, 0, BlockPool::smallest_bytes};
  std::vector<std::unique_ptr<net::HttpClient>> clients_;  // one per origin
  std::array<Destination, otlp::all_signals.size()> destinations_;
  Retrier retrier_;
};

constexpr auto choices_of(OtlpHttpExporter::Encoding*) {
  return config::choices<OtlpHttpExporter::Encoding>(
      {{"proto", OtlpHttpExporter::Encoding::proto}, {"json", OtlpHttpExporter::Encoding::json}});
}

constexpr auto fields_of(OtlpHttpExporter::Config*) {
  using namespace config;
  using Config = OtlpHttpExporter::Config;
  return fields(
      embedded<&Config::client>(),
      field<&Config::traces_endpoint>("traces_endpoint", "URL for traces, used as it is",
                                      checked<&net::check_http_endpoint>),
      field<&Config::metrics_endpoint>("metrics_endpoint", "URL for metrics, used as it is",
                                       checked<&net::check_http_endpoint>),
      field<&Config::logs_endpoint>("logs_endpoint", "URL for logs, used as it is", checked<&net::check_http_endpoint>),
      accepted<std::string>("profiles_endpoint", "there are no profiles"),
      field<&Config::encoding>("encoding", "of request bodies"),
      field<&Config::retry_on_failure>("retry_on_failure", "what happens when the back end is not available"),
      field<&Config::sending_queue>("sending_queue", "off; use the processors batch and decouple", Use::accepted));
}

}  // namespace stint
