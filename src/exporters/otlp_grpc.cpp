// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp_grpc.h"

#include <algorithm>

#include "base/limits.h"
#include "base/log.h"
#include "otlp/status.h"
#include "pipeline/settle.h"
#include "wire/http1.h"

namespace stint {
namespace {

using wire::RpcCode;

// Source: OTLP 1.x, "Failures"; a back end that is throttling says when it wants to see us again.
bool is_for_now(RpcCode code, bool says_when) {
  switch (code) {
    case RpcCode::cancelled:
    case RpcCode::deadline_exceeded:
    case RpcCode::aborted:
    case RpcCode::out_of_range:
    case RpcCode::unavailable:
    case RpcCode::data_loss: return true;
    case RpcCode::resource_exhausted: return says_when;
    default: return false;
  }
}

Error error_of(ErrorCode code, RpcCode status) { return Error{code, 0, static_cast<std::int32_t>(status)}; }

Error final_error(RpcCode code) {
  if (code == RpcCode::unauthenticated) return error_of(ErrorCode::unauthenticated, code);
  if (code == RpcCode::permission_denied) return error_of(ErrorCode::permission_denied, code);
  return error_of(ErrorCode::permanent, code);
}

Error retryable(RpcCode code, Nanoseconds delay = {}) {
  const auto wait = std::chrono::ceil<Milliseconds>(std::clamp<Nanoseconds>(delay, Nanoseconds(0), Seconds(86'400)));
  return Error{ErrorCode::retryable, static_cast<std::uint16_t>(code), static_cast<std::int32_t>(wait.count())};
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = wire::lower_case(c);
  return lower;
}

net::GrpcTarget target_of(const std::string& endpoint) {
  std::string refusal;
  Result<net::GrpcTarget> target = net::parse_grpc_endpoint(endpoint, refusal);
  STINT_CHECK(target.has_value());  // validated
  return std::move(*target);
}

net::ConnectorSettings connector_settings(const OtlpGrpcExporter::Config& config, net::TlsClient& tls,
                                          const config::Environment& environment) {
  return {.proxy = {.environment = &environment, .tls = &tls},
          .tunnel = true,
          .rotate = config.client.balancer_name == net::Balancer::round_robin,
          .protocols = net::TlsProtocols::http2};
}

}  // namespace

void OtlpGrpcExporter::Config::validate(const config::Report& report) {
  if (client.endpoint.empty()) {
    report.error("endpoint", "this key is required: host and port of the back end, as in localhost:4317");
  }
}

OtlpGrpcExporter::OtlpGrpcExporter(ComponentContext& context, std::string id, Config config)
    : context_(context),
      config_(std::move(config)),
      log_(context, std::move(id), config_.retry_on_failure.enabled),
      target_(target_of(config_.client.endpoint)),
      tls_(config_.client.tls, context.environment),
      compressor_(config_.client.content_encoding()),
      connector_(context.runtime, target_.origin, config_.client.is_secured(target_) ? &tls_ : nullptr,
                 connector_settings(config_, tls_, context.environment)),
      client_(connector_, answers_, context.copies,
              {.keepalive = config_.client.keepalive_settings(), .wait_for_ready = config_.client.wait_for_ready}),
      retrier_(context, config_.retry_on_failure, config_.timeout > Nanoseconds::zero() ? config_.timeout : forever) {}

const std::vector<wire::Header>& OtlpGrpcExporter::head_of(otlp::Signal signal) {
  if (heads_[0].empty()) make_heads();
  return heads_[static_cast<std::size_t>(signal)];
}

void OtlpGrpcExporter::make_heads() {
  const net::GrpcClientConfig& client = config_.client;
  for (const auto& [name, value] : client.headers) {
    const bool is_binary = name.ends_with("-bin");
    metadata_.emplace_back(lower_case(name), is_binary ? wire::encode_binary_header(value) : value);
  }
  if (config_.timeout > Nanoseconds::zero()) timeout_text_ = wire::grpc_timeout_text(config_.timeout);
  for (const otlp::Signal signal : otlp::all_signals) {
    std::vector<wire::Header>& head = heads_[static_cast<std::size_t>(signal)];
    head = {{":method", "POST"},
            {":scheme", connector_.is_secured() ? "https" : "http"},
            {":path", names(signal).grpc_path},
            {":authority", client.authority.empty() ? target_.authority : client.authority},
            {"content-type", "application/grpc"},
            {"te", "trailers"},
            {"user-agent", client.user_agent.empty() ? user_agent() : client.user_agent}};
    if (!timeout_text_.empty()) head.push_back({"grpc-timeout", timeout_text_});
    for (const auto& [name, value] : metadata_) head.push_back({name, value});
    head.push_back({"grpc-encoding", client.encoding_name()});
  }
}

// One batch on its way: the message, and what is to be done with each answer.
class OtlpGrpcExporter::Delivery final : public Attempts {
 public:
  Delivery(OtlpGrpcExporter& exporter, Batch batch)
      : exporter_(exporter), signal_(batch.signal), items_(batch.items), batch_(std::move(batch)) {}

  Task<Result<>> attempt() override {
    if (prefix_.empty()) make_message();
    const std::vector<wire::Header>& head = exporter_.head_of(signal_);
    const net::Http2Request request{
        .head = std::span(head).first(body_.compressed ? head.size() : head.size() - 1),
        .prefix = prefix_,
        .body = body_.slices,
        .wanted = net::grpc_wanted,
    };
    const Nanoseconds timeout = exporter_.config_.timeout;
    const MonotonicTime end =
        timeout > Nanoseconds::zero() ? exporter_.context_.runtime.now() + timeout : MonotonicTime::max();
    Result<net::HttpResponse> response = co_await exporter_.client_.request(request, end);
    if (response) {
      co_return judge(net::read_grpc_answer(std::move(*response), exporter_.decompressor_, exporter_.answers_));
    }
    const Error error = response.error();
    if (error.code == ErrorCode::cancelled) co_return error;
    exporter_.log_.attempt_failed(exporter_.config_.client.endpoint, exporter_.client_.explain(error));
    co_return retryable(error.code == ErrorCode::timed_out ? RpcCode::deadline_exceeded : RpcCode::unavailable);
  }

 private:
  // Once.
  void make_message() {
    const bool compresses = exporter_.config_.client.compression != net::GrpcCompression::none;
    body_ = make_request_body(std::move(batch_), compresses ? &exporter_.compressor_ : nullptr, exporter_.context_);
    wire::append_grpc_prefix(prefix_, {.format = static_cast<std::uint8_t>(body_.compressed ? 1 : 0),
                                       .size = static_cast<std::uint32_t>(body_.size())});
  }

  Result<> judge(const net::GrpcAnswer& answer) {
    const std::string& endpoint = exporter_.config_.client.endpoint;
    if (answer.code == RpcCode::ok) {
      const Result<otlp::PartialSuccess> partial = otlp::decode_response(answer.message.view());
      exporter_.log_.delivered(endpoint, signal_, items_, partial.value_or(otlp::PartialSuccess()));
      return {};
    }
    const Result<otlp::RpcStatus> status = otlp::decode_status(answer.details);
    const bool says_when = status && status->retry_delay;
    const std::string why = concat(wire::name(answer.code), answer.text.empty() ? "" : ": ", one_line(answer.text));
    if (is_for_now(answer.code, says_when)) {
      exporter_.log_.attempt_failed(endpoint, why);
      return retryable(answer.code, says_when ? *status->retry_delay : Nanoseconds::zero());
    }
    exporter_.log_.lost(endpoint, signal_, items_, why);
    return final_error(answer.code);
  }

  OtlpGrpcExporter& exporter_;
  otlp::Signal signal_;
  std::size_t items_;
  Batch batch_;  // until the message is made of it
  RequestBody body_;
  std::string prefix_;
};

Task<Result<>> OtlpGrpcExporter::consume(Batch batch) {
  const otlp::Signal signal = batch.signal;
  const std::size_t items = batch.items;
  Delivery delivery(*this, std::move(batch));
  const Result<> result = co_await retrier_.run(delivery);
  log_.ended(result, config_.client.endpoint, signal, items);
  co_return result;
}

Task<> OtlpGrpcExporter::stop(Deadline deadline) {
  hurry(deadline);
  co_await retrier_.stop(deadline);
  co_await client_.close(farewell_time(context_, deadline));
}

}  // namespace stint
