// SPDX-License-Identifier: Apache-2.0
#include "receivers/otlp.h"

#include "base/arena.h"
#include "base/log.h"
#include "otlp/repair.h"
#include "otlp/walk.h"

namespace stint {
namespace {

constexpr std::string_view protobuf_type = "application/x-protobuf";
constexpr std::string_view text_type = "text/plain; charset=utf-8";
constexpr Nanoseconds memory_full_delay = Seconds(1);

bool is_protobuf(std::string_view media_type) { return wire::equals_ignoring_case(media_type, protobuf_type); }

bool is_gzip(std::string_view encoding) {
  return wire::equals_ignoring_case(encoding, "gzip") || wire::equals_ignoring_case(encoding, "x-gzip");
}

net::HttpReply text_reply(int status, std::string body) {
  return {.status = status, .content_type = text_type, .body = std::move(body)};
}

net::HttpServerSettings server_settings(const net::HttpServerConfig& config) {
  net::HttpServerSettings settings;
  if (config.max_request_body_size > 0) settings.body_bytes_max = config.max_request_body_size;
  settings.body_too_large_status = 400;  // as the reference
  settings.keep_alive = config.keep_alives_enabled;
  if (config.read_timeout > Nanoseconds::zero()) settings.silence_max = config.read_timeout;
  if (config.idle_timeout > Nanoseconds::zero()) settings.idle_max = config.idle_timeout;
  return settings;
}

otlp::RpcCode code_of(int http_status) {
  switch (http_status) {
    case 408: return otlp::RpcCode::deadline_exceeded;
    case 503: return otlp::RpcCode::unavailable;
    default: return otlp::RpcCode::invalid_argument;
  }
}

}  // namespace

void OtlpReceiver::Config::validate(const config::Report& report) {
  if (!protocols.grpc && !protocols.http) {
    report.error("protocols", "must name at least one protocol; write `http:` below it");
  }
}

OtlpReceiver::OtlpReceiver(ComponentContext& context, std::string id, Config config)
    : context_(context), id_(std::move(id)), config_(std::move(config)) {}

OtlpReceiver::~OtlpReceiver() = default;

void OtlpReceiver::connect(otlp::Signal signal, Consumer& next) { next_[static_cast<std::size_t>(signal)] = &next; }

Task<Result<>> OtlpReceiver::start() {
  if (config_.protocols.grpc) {
    log(LogLevel::warn, "receivers::", id_, "::protocols::grpc: gRPC is not served yet, ",
        config_.protocols.grpc->endpoint, " stays closed; let clients send OTLP over HTTP");
  }
  if (!config_.protocols.http) co_return Result<>();
  const net::HttpServerConfig& http = *config_.protocols.http;
  Result<std::vector<Listener>> listeners =
      co_await net::bind_endpoint(context_.runtime, http.endpoint, http.transport);
  if (!listeners) {
    log(LogLevel::error, "receivers::", id_, "::protocols::http::endpoint: cannot listen on ", http.endpoint, ": ",
        listeners.error().code == ErrorCode::in_use ? "the port is in use" : to_string(listeners.error()),
        "; this receiver is off");
    co_return listeners.error();
  }
  server_ = std::make_unique<net::HttpServer>(context_.runtime, context_.pool, context_.copies,
                                              static_cast<net::HttpService&>(*this), server_settings(http));
  for (Listener& listener : *listeners) {
    log(LogLevel::debug, "receivers::", id_, ": HTTP on ", listener.address()->to_string());
    server_->serve(std::move(listener));
  }
  co_return Result<>();
}

Task<> OtlpReceiver::stop(Deadline deadline) {
  if (server_ == nullptr) co_return;
  co_await server_->stop(deadline.remaining(context_.runtime.epoch_now()));
}

std::optional<otlp::Signal> OtlpReceiver::signal_of(std::string_view path) const {
  const net::HttpServerConfig& http = *config_.protocols.http;
  const std::string* const paths[] = {&http.traces_url_path, &http.metrics_url_path, &http.logs_url_path};
  for (const otlp::Signal signal : otlp::all_signals) {
    const auto index = static_cast<std::size_t>(signal);
    if (path == *paths[index] && next_[index] != nullptr) return signal;
  }
  return std::nullopt;
}

std::optional<net::HttpReply> OtlpReceiver::refuse(const wire::RequestHead& head) {
  if (!signal_of(head.path())) return text_reply(404, "404 page not found\n");
  if (head.method != "POST") return text_reply(405, "405 method not allowed, supported: [POST]");
  if (!is_protobuf(head.content_type())) {
    return text_reply(415, "415 unsupported media type, supported: [application/x-protobuf]");
  }
  const std::string_view encoding = head.content_encoding();
  if (!encoding.empty() && !is_gzip(encoding)) {
    return refused(400, otlp::RpcCode::invalid_argument,
                   concat("unsupported Content-Encoding: ", encoding.substr(0, 40), "; supported: gzip"));
  }
  return std::nullopt;
}

net::HttpReply OtlpReceiver::failure(const wire::RequestHead* head, int status, std::string_view message) {
  if (head == nullptr) return HttpService::failure(head, status, message);
  ++context_.data.refused;
  std::optional<Nanoseconds> delay;
  if (status == 503) delay = memory_full_delay;
  return refused(status, code_of(status), std::string(message), delay);
}

net::HttpReply OtlpReceiver::refused(int status, otlp::RpcCode code, std::string message,
                                     std::optional<Nanoseconds> retry_delay) const {
  otlp::RpcStatus rpc{code, std::move(message), retry_delay};
  net::HttpReply reply{.status = status, .content_type = protobuf_type, .body = otlp::encode_status(rpc)};
  if (retry_delay) {
    const auto seconds = std::chrono::ceil<Seconds>(*retry_delay).count();
    reply.headers.emplace_back("Retry-After", concat(std::max<std::int64_t>(seconds, 1)));
  }
  return reply;
}

// What the pipeline said, as the reference says it over HTTP.
net::HttpReply OtlpReceiver::refused(Error error) {
  const std::string text = to_string(error);
  switch (error.code) {
    case ErrorCode::unauthenticated: return refused(401, otlp::RpcCode::unauthenticated, text);
    case ErrorCode::permission_denied: return refused(403, otlp::RpcCode::permission_denied, text);
    case ErrorCode::permanent: return refused(500, otlp::RpcCode::internal, text);
    case ErrorCode::retryable:
      return refused(503, otlp::RpcCode::unavailable, text,
                     error.detail > 0 ? std::optional<Nanoseconds>(Milliseconds(error.detail)) : std::nullopt);
    case ErrorCode::memory_full: return refused(503, otlp::RpcCode::unavailable, text, memory_full_delay);
    default: return refused(503, otlp::RpcCode::unavailable, text);
  }
}

Result<Slice> OtlpReceiver::decoded(net::HttpRequest& request) {
  if (request.head.content_encoding().empty()) return std::move(request.body);
  const std::size_t configured = config_.protocols.http->max_request_body_size;
  return inflater_.inflate(wire::DeflateFormat::gzip, request.body.view(), context_.pool,
                           configured > 0 ? configured : limits::http_body_bytes_max);
}

Result<Batch> OtlpReceiver::to_batch(otlp::Signal signal, Slice body, std::size_t items, std::uint32_t invalid_utf8) {
  if (invalid_utf8 == 0) return Batch(signal, std::move(body), items);
  Arena arena(context_.pool, context_.copies);
  Result<otlp::Repaired> repaired = otlp::repair(signal, body, arena);
  if (!repaired) return repaired.error();
  context_.data.repaired_strings += repaired->strings;
  Result<Slice> whole = arena.gather(repaired->slices);
  if (!whole) return whole.error();
  return Batch(signal, std::move(*whole), items);
}

Task<net::HttpReply> OtlpReceiver::serve(net::HttpRequest request) {
  const otlp::Signal signal = *signal_of(request.head.path());
  const net::HttpReply accepted{.status = 200, .content_type = protobuf_type, .body = otlp::encode_response()};
  Result<Slice> body = decoded(request);
  if (!body) {
    ++context_.data.refused;
    if (body.error().code == ErrorCode::memory_full) co_return refused(body.error());
    co_return refused(400, otlp::RpcCode::invalid_argument, concat("gzip body: ", to_string(body.error())));
  }
  const Result<otlp::Counts> counts = otlp::walk(signal, body->view());
  if (!counts) {
    ++context_.data.refused;
    co_return refused(400, otlp::RpcCode::invalid_argument, otlp::describe(counts.error()));
  }
  if (counts->items == 0) co_return accepted;
  Result<Batch> batch = to_batch(signal, std::move(*body), counts->items, counts->invalid_utf8);
  if (!batch) {
    ++context_.data.refused;
    co_return refused(batch.error());
  }
  const Result<> consumed = co_await next_[static_cast<std::size_t>(signal)]->consume(std::move(*batch));
  if (!consumed) {
    ++context_.data.refused;
    co_return refused(consumed.error());
  }
  context_.data.accepted += counts->items;
  co_return accepted;
}

}  // namespace stint
