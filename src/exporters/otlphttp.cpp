// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlphttp.h"

#include <algorithm>

#include "base/limits.h"
#include "base/log.h"
#include "otlp/json_encode.h"
#include "pipeline/settle.h"
#include "wire/http1.h"
#include "wire/http_date.h"
#include "wire/url.h"

namespace stint {
namespace {

constexpr std::string_view protobuf_type = "application/x-protobuf";
constexpr std::string_view json_type = "application/json";

// 408 besides those of the specification: we were frozen in the middle of a request, and the back end has waited for
// the rest of it in vain.
bool is_for_now(int status) { return status == 429 || status == 408 || (status >= 502 && status <= 504); }

// What a refusing answer says about itself.
std::string reason(const net::HttpResponse& response) {
  std::string text = concat(response.status, " ", wire::reason_phrase(response.status));
  const std::string_view body = response.body.view();
  std::string message;
  if (response.content_type == protobuf_type) {
    if (const Result<otlp::RpcStatus> status = otlp::decode_status(body)) message = one_line(status->message);
  } else if (response.content_type == json_type) {
    const Result<otlp::RpcStatus> status = otlp::decode_status_json(body);
    message = one_line(status && !status->message.empty() ? std::string_view(status->message) : body);
  } else if (response.content_type == "text/plain") {
    message = one_line(body);
  }
  return message.empty() ? text : concat(text, ": ", message);
}

// What a success leaves out.
otlp::PartialSuccess partial_success(const net::HttpResponse& response) {
  const bool is_json = response.content_type == json_type;
  if (!is_json && response.content_type != protobuf_type) return {};
  const std::string_view body = response.body.view();
  return (is_json ? otlp::decode_response_json(body) : otlp::decode_response(body)).value_or(otlp::PartialSuccess());
}

// Why a batch has no text in JSON.
std::string no_json_text(Error error) {
  switch (error.code) {
    case ErrorCode::memory_full: return "no memory for the request in JSON";
    case ErrorCode::too_large: return concat("the request in JSON is over ", limits::json_body_bytes_max, " bytes");
    case ErrorCode::too_many: return "a message of the request comes in too many pieces for JSON";
    default: return concat("the request cannot be written in JSON: ", to_string(error));
  }
}

Error final_error(int status) {
  if (status == 401) return Error{ErrorCode::unauthenticated, 0, status};
  if (status == 403) return Error{ErrorCode::permission_denied, 0, status};
  return Error{ErrorCode::permanent, 0, status};
}

bool has_header(const std::vector<wire::Header>& headers, std::string_view name) {
  return std::any_of(headers.begin(), headers.end(),
                     [&](const wire::Header& header) { return wire::equals_ignoring_case(header.name, name); });
}

// `base` without the slashes at its end, and `path`.
std::string joined_path(std::string_view base, std::string_view path) {
  while (base.ends_with('/')) base.remove_suffix(1);
  return concat(base, path);
}

}  // namespace

net::HttpClientConfig OtlpHttpExporter::Config::client_defaults() {
  net::HttpClientConfig client;
  client.timeout = Seconds(30);
  return client;
}

void OtlpHttpExporter::Config::validate(const config::Report& report) {
  if (client.endpoint.empty() && traces_endpoint.empty() && metrics_endpoint.empty() && logs_endpoint.empty()) {
    report.error("endpoint", "this key is required: the URL of the back end, as in http://localhost:4318");
  }
}

void OtlpHttpExporter::Config::check_signals(const config::Report& report, std::uint8_t used) const {
  if (!client.endpoint.empty()) return;
  const std::string* const endpoints[] = {&traces_endpoint, &metrics_endpoint, &logs_endpoint};
  for (const otlp::Signal signal : otlp::all_signals) {
    if ((used & signal_bit(signal)) == 0 || !endpoints[static_cast<std::size_t>(signal)]->empty()) continue;
    report.error(concat(name(signal), "_endpoint"),
                 concat("a pipeline sends ", name(signal), " here, so this key or endpoint is required"));
  }
}

OtlpHttpExporter::OtlpHttpExporter(ComponentContext& context, std::string id, Config config)
    : context_(context),
      config_(std::move(config)),
      log_(context, std::move(id), config_.retry_on_failure.enabled),
      compressor_(config_.client.content_encoding(), config_.client.compression_level()),
      tls_(config_.client.tls, context.environment),
      retrier_(context, config_.retry_on_failure,
               config_.client.timeout > Nanoseconds::zero() ? config_.client.timeout : forever) {
  set_destination(otlp::Signal::traces, config_.traces_endpoint, names(otlp::Signal::traces).url_path);
  set_destination(otlp::Signal::metrics, config_.metrics_endpoint, names(otlp::Signal::metrics).url_path);
  set_destination(otlp::Signal::logs, config_.logs_endpoint, names(otlp::Signal::logs).url_path);
}

void OtlpHttpExporter::set_destination(otlp::Signal signal, const std::string& endpoint, std::string_view path) {
  const bool is_whole = !endpoint.empty();
  Result<wire::Url> url = wire::parse_url(is_whole ? endpoint : config_.client.endpoint);
  if (!url) return;  // none for this signal: validation has let nothing else through
  if (!is_whole) url->path = joined_path(url->path, path);
  Destination& destination = destinations_[static_cast<std::size_t>(signal)];
  destination.client = &client_for(*url);
  const bool secured = destination.client->is_secured();
  destination.url = concat(secured ? "https://" : "http://", url->authority(), url->target());
  destination.head = request_head(url->target(), url->authority());
}

net::HttpClient& OtlpHttpExporter::client_for(const wire::Url& url) {
  const bool secured = url.scheme == wire::UrlScheme::https;
  for (const auto& client : clients_) {
    const net::HttpOrigin& origin = client->origin();
    if (origin.host == url.host && origin.port == url.port && client->is_secured() == secured) return *client;
  }
  net::HttpOrigin origin;
  origin.host = url.host;
  origin.port = url.port;
  net::HttpClientSettings settings;
  settings.proxy = {.url = config_.client.proxy_url, .environment = &context_.environment, .tls = &tls_};
  settings.keep_alive = !config_.client.disable_keep_alives;
  settings.http2 = config_.client.offers_http2();
  settings.http2_keepalive = config_.client.http2_keepalive();
  if (config_.client.idle_conn_timeout > Nanoseconds::zero()) settings.idle_max = config_.client.idle_conn_timeout;
  clients_.push_back(std::make_unique<net::HttpClient>(context_.runtime, answers_, context_.copies, std::move(origin),
                                                       secured ? &tls_ : nullptr, std::move(settings)));
  return *clients_.back();
}

std::string OtlpHttpExporter::request_head(const std::string& target, const std::string& authority) const {
  std::string_view host = authority;
  std::vector<wire::Header> headers;
  for (const auto& [name, value] : config_.client.headers) {
    if (wire::equals_ignoring_case(name, "host")) {
      host = value;
    } else {
      headers.push_back({name, value});
    }
  }
  if (!has_header(headers, "Content-Type"))
    headers.push_back({"Content-Type", config_.encoding == Encoding::json ? json_type : protobuf_type});
  if (config_.client.disable_keep_alives) headers.push_back({"Connection", "close"});
  if (!has_header(headers, "User-Agent")) headers.push_back({"User-Agent", user_agent()});
  std::string head;
  const Result<> written = wire::append_request_head(head, "POST", target, host, headers, std::nullopt);
  STINT_CHECK(written);          // validated
  head.resize(head.size() - 2);  // the empty line
  return head;
}

// One batch on its way: the body, and what is to be done with each answer.
class OtlpHttpExporter::Delivery final : public Attempts {
 public:
  Delivery(OtlpHttpExporter& exporter, const Destination& destination, Batch batch)
      : exporter_(exporter),
        destination_(destination),
        signal_(batch.signal),
        items_(batch.items),
        batch_(std::move(batch)) {}

  Task<Result<>> attempt() override {
    if (head_.empty()) {
      if (const Result<> made = make_request(); !made) co_return made.error();
    }
    const Nanoseconds configured = exporter_.config_.client.timeout;
    const Nanoseconds timeout = configured > Nanoseconds::zero() ? configured : forever;
    const Result<net::HttpResponse> response = co_await destination_.client->post(head_, body_.slices, timeout);
    if (!response) {
      if (response.error().code == ErrorCode::cancelled) co_return response.error();
      exporter_.log_.attempt_failed(destination_.url, destination_.client->explain(response.error()));
      co_return Error{ErrorCode::retryable};
    }
    co_return judge(*response);
  }

 private:
  // Once; without memory for the JSON, again in the next attempt.
  Result<> make_request() {
    if (exporter_.config_.encoding == Encoding::json) {
      if (const Result<> written = write_json(); !written) return written;
    }
    const bool compresses = exporter_.config_.client.compression != net::Compression::none;
    body_ = make_request_body(std::move(batch_), compresses ? &exporter_.compressor_ : nullptr, exporter_.context_);
    std::string_view encoding;
    if (body_.compressed) encoding = wire::name(exporter_.config_.client.content_encoding());
    head_ = concat(destination_.head, encoding.empty() ? "" : "Content-Encoding: ", encoding,
                   encoding.empty() ? "" : "\r\n", "Content-Length: ", body_.size(), "\r\n\r\n");
    return {};
  }

  Result<> write_json() {
    Result<Slice> json =
        otlp::encode_json(signal_, batch_.slices, exporter_.context_.pool, limits::json_body_bytes_max);
    if (json) {
      batch_.slices.clear();
      batch_.slices.push_back(std::move(*json));
      return {};
    }
    const std::string why = no_json_text(json.error());
    if (json.error().code == ErrorCode::memory_full) {
      exporter_.log_.attempt_failed(destination_.url, why);
      return Error{ErrorCode::retryable};
    }
    exporter_.log_.lost(destination_.url, signal_, items_, why);
    return Error{ErrorCode::permanent};
  }

  Result<> judge(const net::HttpResponse& response) {
    if (response.status >= 200 && response.status < 300) {
      exporter_.log_.delivered(destination_.url, signal_, items_, partial_success(response));
      return {};
    }
    if (!is_for_now(response.status)) {
      exporter_.log_.lost(destination_.url, signal_, items_, reason(response));
      return final_error(response.status);
    }
    exporter_.log_.attempt_failed(destination_.url, reason(response));
    const Result<Milliseconds> wait =
        wire::parse_retry_after(response.retry_after, exporter_.context_.runtime.epoch_now());
    return Error{ErrorCode::retryable, static_cast<std::uint16_t>(response.status),
                 wait ? static_cast<std::int32_t>(wait->count()) : 0};
  }

  OtlpHttpExporter& exporter_;
  const Destination& destination_;
  otlp::Signal signal_;
  std::size_t items_;
  Batch batch_;  // until the request is made of it
  RequestBody body_;
  std::string head_;
};

Task<Result<>> OtlpHttpExporter::consume(Batch batch) {
  const otlp::Signal signal = batch.signal;
  const std::size_t items = batch.items;
  const Destination& destination = destinations_[static_cast<std::size_t>(signal)];
  if (destination.client == nullptr) {
    log(LogLevel::error, log_.id(), ": ", items, " ", names(signal).items, " dropped: neither endpoint nor ",
        name(signal), "_endpoint is configured");
    co_return Error{ErrorCode::permanent};
  }
  Delivery delivery(*this, destination, std::move(batch));
  const Result<> result = co_await retrier_.run(delivery);
  log_.ended(result, destination.url, signal, items);
  co_return result;
}

Task<> OtlpHttpExporter::stop(Deadline deadline) {
  hurry(deadline);
  co_await retrier_.stop(deadline);
  for (const auto& client : clients_) {
    co_await client->close(farewell_time(context_, deadline));
  }
}

}  // namespace stint
