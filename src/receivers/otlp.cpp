// SPDX-License-Identifier: Apache-2.0
#include "receivers/otlp.h"

#include "base/log.h"
#include "otlp/json.h"

namespace stint {
namespace {

constexpr std::string_view protobuf_type = "application/x-protobuf";
constexpr std::string_view json_type = "application/json";
constexpr std::string_view text_type = "text/plain; charset=utf-8";
constexpr Nanoseconds memory_full_delay = Seconds(1);

bool is_json(const wire::RequestHead& head) { return wire::equals_ignoring_case(head.content_type(), json_type); }
bool is_protobuf(const wire::RequestHead& head) {
  return wire::equals_ignoring_case(head.content_type(), protobuf_type);
}

net::HttpReply text_reply(int status, std::string body) {
  return {.status = status, .content_type = text_type, .body = std::move(body)};
}

net::HttpServerSettings server_settings(const net::HttpServerConfig& config) {
  net::HttpServerSettings settings;
  if (config.max_request_body_size > 0) settings.body_bytes_max = config.max_request_body_size;
  settings.body_too_large_status = 400;  // as the reference
  settings.keep_alive = config.keep_alives_enabled;
  if (config.read_timeout > Nanoseconds::zero()) {
    settings.silence_max = settings.request_max = settings.head_max = settings.idle_max = config.read_timeout;
  }
  if (config.read_header_timeout > Nanoseconds::zero()) settings.head_max = config.read_header_timeout;
  if (config.idle_timeout > Nanoseconds::zero()) settings.idle_max = config.idle_timeout;
  if (config.write_timeout > Nanoseconds::zero()) settings.send_silence_max = config.write_timeout;
  settings.extra_headers = config.response_headers;
  return settings;
}

// False: they are too long.
bool keep_headers(const wire::RequestHead& head, std::shared_ptr<const Metadata>& kept) {
  auto metadata = std::make_shared<Metadata>();
  for (const wire::Header& header : head.headers) {
    if (!metadata->add(header.name, header.value)) return false;
  }
  kept = std::move(metadata);
  return true;
}

otlp::RpcCode code_of(int http_status) {
  switch (http_status) {
    case 408: return otlp::RpcCode::deadline_exceeded;
    case 503: return otlp::RpcCode::resource_exhausted;  // memory is full
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
    : context_(context),
      id_(std::move(id)),
      config_(std::move(config)),
      intake_(context),
      encodings_(config_.protocols.http ? config_.protocols.http->content_encodings() : wire::ContentEncodings()),
      preparing_(context.runtime) {}

OtlpReceiver::~OtlpReceiver() = default;

void OtlpReceiver::connect(otlp::Signal signal, Consumer& next) { intake_.connect(signal, next); }

// One protocol that cannot start leaves the other alone.
Task<Result<>> OtlpReceiver::start() {
  Result<> started;
  if (config_.protocols.grpc) {
    grpc_ = std::make_unique<OtlpGrpc>(context_, intake_, id_, *config_.protocols.grpc);
    started = co_await grpc_->start();
  }
  if (config_.protocols.http) {
    const Result<> http = co_await start_http();
    if (!http) started = http;
  }
  co_return started;
}

Task<Result<>> OtlpReceiver::start_http() {
  const net::HttpServerConfig& http = *config_.protocols.http;
  endpoint_ = std::make_unique<OtlpEndpoint>(context_.runtime, concat("receivers::", id_, "::protocols::http"),
                                             http.endpoint, http.transport);
  if (http.tls) endpoint_->use_tls(*http.tls, net::TlsServer::http1);
  Result<std::vector<Listener>> listeners = co_await endpoint_->open();
  if (!listeners) co_return listeners.error();
  net::HttpServerSettings settings = server_settings(http);
  if (http.cors && !http.cors->allowed_origins.empty()) cors_ = std::make_unique<net::Cors>(*http.cors);
  settings.cors = cors_.get();
  settings.tls = endpoint_->tls();
  server_ = std::make_unique<net::HttpServer>(context_.runtime, context_.pool, context_.copies,
                                              static_cast<net::HttpService&>(*this), settings);
  if (settings.tls != nullptr) preparing_.spawn(prepare_tls());
  for (Listener& listener : *listeners) server_->serve(std::move(listener));
  co_return Result<>();
}

Task<> OtlpReceiver::prepare_tls() {
  const Result<> prepared = co_await endpoint_->prepare_tls();
  if (!prepared && prepared.error().code != ErrorCode::cancelled) co_await server_->stop(Nanoseconds::zero());
}

Task<> OtlpReceiver::stop(Deadline deadline) {
  preparing_.cancel();
  co_await preparing_.join();
  if (grpc_ != nullptr) co_await grpc_->stop(deadline);
  if (server_ == nullptr) co_return;
  endpoint_->close();
  co_await server_->stop(deadline.remaining(context_.runtime.epoch_now()));
}

std::optional<otlp::Signal> OtlpReceiver::signal_of(std::string_view path) const {
  const net::HttpServerConfig& http = *config_.protocols.http;
  const std::string* const paths[] = {&http.traces_url_path, &http.metrics_url_path, &http.logs_url_path};
  for (const otlp::Signal signal : otlp::all_signals) {
    const auto index = static_cast<std::size_t>(signal);
    if (path == *paths[index] && intake_.takes(signal)) return signal;
  }
  return std::nullopt;
}

std::optional<net::HttpReply> OtlpReceiver::refuse(const wire::RequestHead& head) {
  if (!signal_of(head.path())) return text_reply(404, "404 page not found\n");
  if (head.method != "POST") return text_reply(405, "405 method not allowed, supported: [POST]");
  if (!is_json(head) && !is_protobuf(head)) {
    return text_reply(415, concat("415 unsupported media type, supported: [", json_type, ", ", protobuf_type, "]"));
  }
  const std::string_view encoding = head.content_encoding();
  if (!encoding_of(head)) {
    return refused(
        head, 400, otlp::RpcCode::invalid_argument,
        concat("unsupported Content-Encoding: ", encoding.substr(0, 40), "; supported: ", supported_encodings()));
  }
  return std::nullopt;
}

net::HttpReply OtlpReceiver::failure(const wire::RequestHead* head, int status, std::string_view message) {
  if (head == nullptr) return HttpService::failure(head, status, message);
  ++context_.data.refused;
  std::optional<Nanoseconds> delay;
  if (status == 503) delay = memory_full_delay;
  return refused(*head, status, code_of(status), std::string(message), delay);
}

net::HttpReply OtlpReceiver::refused(const wire::RequestHead& head, int status, otlp::RpcCode code, std::string message,
                                     std::optional<Nanoseconds> retry_delay) const {
  const otlp::RpcStatus rpc{code, std::move(message), retry_delay};
  net::HttpReply reply{.status = status, .content_type = protobuf_type};
  if (is_json(head)) {
    reply.content_type = json_type;
    reply.body = otlp::encode_status_json(rpc);
  } else {
    reply.body = otlp::encode_status(rpc);
  }
  if (retry_delay) {
    const auto seconds = std::chrono::ceil<Seconds>(*retry_delay).count();
    reply.headers.emplace_back("Retry-After", concat(std::max<std::int64_t>(seconds, 1)));
  }
  return reply;
}

// What the pipeline said, as the reference says it over HTTP.
net::HttpReply OtlpReceiver::refused(const wire::RequestHead& head, Error error) {
  const OtlpRefusal refusal = refusal_of(error);
  return refused(head, refusal.http_status, refusal.code, to_string(error), refusal.retry_delay);
}

std::size_t OtlpReceiver::body_bytes_max() const {
  const std::size_t configured = config_.protocols.http->max_request_body_size;
  return configured > 0 ? configured : limits::http_body_bytes_max;
}

std::optional<wire::ContentEncoding> OtlpReceiver::encoding_of(const wire::RequestHead& head) const {
  const std::optional<wire::ContentEncoding> encoding = wire::content_encoding_of(head.content_encoding());
  return encoding && encodings_.has(*encoding) ? encoding : std::nullopt;
}

std::string OtlpReceiver::supported_encodings() const {
  std::string names;
  for (const std::string& name : config_.protocols.http->compression_algorithms) {
    names.append(names.empty() ? "" : ", ").append(name.empty() ? "identity" : name);
  }
  return names.empty() ? "identity" : names;
}

Result<Slice> OtlpReceiver::decoded(net::HttpRequest& request) {
  const wire::ContentEncoding encoding = *encoding_of(request.head);
  if (encoding == wire::ContentEncoding::identity) return std::move(request.body);
  return decompressor_.decompress(encoding, request.body.view(), context_.pool, body_bytes_max());
}

// What is wrong with a compressed body, in the reference's words where it has any.
std::string OtlpReceiver::body_refusal(const wire::RequestHead& head, Error error) const {
  const std::string_view encoding = head.content_encoding();
  if (error.code == ErrorCode::too_large) {
    return concat("http: request body too large: more than ", body_bytes_max(), " bytes when the ", encoding,
                  " body is decompressed (max_request_body_size)");
  }
  return concat("the body is not valid ", encoding, ": it is cut short, damaged, or something else");
}

// From the body to protobuf that is known to be well-formed; or the refusal.
std::optional<net::HttpReply> OtlpReceiver::read(net::HttpRequest& request, otlp::Signal signal, Slice& protobuf,
                                                 otlp::Counts& counts) {
  const auto wrong = [&](std::string message) {
    return refused(request.head, 400, otlp::RpcCode::invalid_argument, std::move(message));
  };
  Result<Slice> body = decoded(request);
  if (!body) {
    if (body.error().code == ErrorCode::memory_full) return refused(request.head, body.error());
    return wrong(body_refusal(request.head, body.error()));
  }
  if (is_json(request.head)) {
    std::string refusal;
    Result<otlp::JsonRequest> json = otlp::decode_json(signal, body->view(), context_.pool, body_bytes_max(), refusal);
    if (!json && json.error().code == ErrorCode::memory_full) return refused(request.head, json.error());
    if (!json) return wrong(std::move(refusal));
    protobuf = std::move(json->protobuf);
    counts = json->counts;
    context_.data.repaired_strings += json->repaired_strings;
    return std::nullopt;
  }
  const Result<otlp::Counts> walked = otlp::walk(signal, body->view());
  if (!walked) return wrong(otlp::describe(walked.error()));
  protobuf = std::move(*body);
  counts = *walked;
  return std::nullopt;
}

net::HttpReply OtlpReceiver::accepted(const wire::RequestHead& head, otlp::Signal signal) const {
  if (is_json(head)) return {.status = 200, .content_type = json_type, .body = otlp::encode_response_json(signal)};
  return {.status = 200, .content_type = protobuf_type, .body = otlp::encode_response()};
}

Task<net::HttpReply> OtlpReceiver::serve(net::HttpRequest request) {
  const otlp::Signal signal = *signal_of(request.head.path());
  Slice protobuf;
  otlp::Counts counts;
  if (std::optional<net::HttpReply> refusal = read(request, signal, protobuf, counts)) {
    ++context_.data.refused;
    co_return std::move(*refusal);
  }
  std::shared_ptr<const Metadata> metadata;
  if (config_.protocols.http->include_metadata && !keep_headers(request.head, metadata)) {
    ++context_.data.refused;
    co_return refused(request.head, 431, otlp::RpcCode::invalid_argument,
                      concat("more than ", limits::metadata_bytes_max, " bytes of headers to keep (include_metadata)"));
  }
  const Result<> taken = co_await intake_.take(signal, std::move(protobuf), counts, std::move(metadata));
  if (!taken) {
    ++context_.data.refused;
    co_return refused(request.head, taken.error());
  }
  co_return accepted(request.head, signal);
}

}  // namespace stint
