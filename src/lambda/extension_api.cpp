// SPDX-License-Identifier: Apache-2.0
#include "lambda/extension_api.h"

#include <charconv>

#include "base/log.h"
#include "wire/json_reader.h"
#include "wire/json_writer.h"

namespace stint::lambda {
namespace {

constexpr std::string_view init_error_path = "/2020-01-01/extension/init/error";
constexpr std::string_view exit_error_path = "/2020-01-01/extension/exit/error";
constexpr std::string_view telemetry_path = "/2022-07-01/telemetry";

// The platform answers in a moment; a whole init has ten seconds.
constexpr Nanoseconds call_timeout = Seconds(10);
// After that much silence the connection may have been given up on the other side: looked at before it is used.
constexpr Nanoseconds doubtful_after = Seconds(1);
constexpr std::size_t memory_bytes_max = 1u << 20;
constexpr std::size_t error_type_bytes_max = 200;
constexpr std::size_t logged_body_bytes_max = 400;

std::int64_t to_integer(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  double real = 0;  // 1775516174092.0 and the like
  std::from_chars(text.data(), text.data() + text.size(), real);
  return real > 0 && real < 9e15 ? static_cast<std::int64_t>(real) : 0;
}

Deadline deadline_of(std::string_view text) {
  // Beyond what nanoseconds can hold there is no deadline.
  constexpr std::int64_t ms_max = INT64_MAX / 1'000'000;
  const std::int64_t ms = to_integer(text);
  return ms > 0 && ms < ms_max ? Deadline::from_epoch_ms(ms) : Deadline::never();
}

Registration parse_registration(std::string_view body) {
  Registration registration;
  const Result<> parsed = wire::parse_flat(body, [&](std::string_view path, std::string_view text, wire::JsonToken) {
    if (path == "functionName") registration.function_name = text;
    if (path == "functionVersion") registration.function_version = text;
    if (path == "handler") registration.handler = text;
    if (path == "accountId") registration.account_id = text;
  });
  // The identifier came in a header; the rest is good to know, no more.
  if (!parsed) log(LogLevel::warn, "register: the answer's body is no JSON: ", to_string(parsed.error()));
  return registration;
}

// "403 Extension.InvalidExtensionState: State transition ..." for people; the body as it is when it is no error of the
// platform's form.
std::string describe_refusal(int status, std::string_view body) {
  std::string type, message;
  const Result<> parsed = wire::parse_flat(body, [&](std::string_view path, std::string_view text, wire::JsonToken) {
    if (path == "errorType") type = text;
    if (path == "errorMessage") message = text;
  });
  if (!parsed || (type.empty() && message.empty())) message = body.substr(0, logged_body_bytes_max);
  while (!message.empty() && (message.back() == '\n' || message.back() == '\r')) message.pop_back();
  return concat(status, type.empty() ? "" : " ", type, message.empty() ? "" : ": ", message);
}

Error refused(std::string_view path, const net::HttpResponse& response) {
  log(LogLevel::error, path, ": the platform answered ", describe_refusal(response.status, response.body.view()));
  return Error{ErrorCode::permanent, 0, response.status};
}

}  // namespace

std::string error_type_header_value(std::string_view text) {
  std::string value(text.substr(0, error_type_bytes_max));
  for (char& c : value) {
    if (c <= ' ' || c > '~') c = '_';
  }
  return value.empty() ? "Extension.Error" : value;
}

Result<Event> parse_event(std::string_view body) {
  Event event;
  const Result<> parsed = wire::parse_flat(body, [&](std::string_view path, std::string_view text, wire::JsonToken) {
    if (path == "eventType") event.type = text;
    if (path == "deadlineMs") event.deadline = deadline_of(text);
    if (path == "requestId") event.request_id = text;
    if (path == "invokedFunctionArn") event.function_arn = text;
    if (path == "tracing.value") event.trace = text;
    if (path == "shutdownReason") event.reason = text;
  });
  if (!parsed) return parsed.error();
  if (event.type == "INVOKE") event.kind = Event::Kind::invoke;
  if (event.type == "SHUTDOWN") event.kind = Event::Kind::shutdown;
  return event;
}

ExtensionApi::ExtensionApi(Runtime& runtime, ApiEndpoint endpoint, Handle connection, Handover* handover)
    : runtime_(runtime),
      endpoint_(std::move(endpoint)),
      pool_(memory_bytes_max),
      connection_(std::make_unique<net::HttpConnection>(Stream(runtime, connection, /*plain=*/true), pool_, copies_)),
      last_used_(runtime.now()),
      handle_(connection),
      handover_(handover) {}

// Nothing is read here, and nothing between here and the read can crash: in every loop, whatever else completes in the
// same turn, an answer is in the socket as long as its stage lasts.
Task<Result<>> ExtensionApi::wait_for_answer(Handover::Stage stage, MonotonicTime end) {
  if (stage == Handover::Stage::registered) co_return Result<>();
  if (handover_ != nullptr) handover_->wait_for(stage, handle_);
  const Result<> came = co_await connection_->stream.readable(net::time_left(runtime_, end));
  if (handover_ != nullptr) {
    const bool anonymous = stage == Handover::Stage::registering;
    handover_->stage = anonymous ? Handover::Stage::none : Handover::Stage::registered;
  }
  co_return came;
}

Task<Result<net::HttpResponse>> ExtensionApi::read_answer(std::string_view path, MonotonicTime end,
                                                          Handover::Stage stage) {
  constexpr std::string_view wanted[] = {identifier_header};
  net::RequestProgress progress = net::RequestProgress::not_answered;
  const Result<> came = co_await wait_for_answer(stage, end);
  Result<net::HttpResponse> response = came ? Error{ErrorCode::cancelled} : came.error();
  if (came) response = co_await net::read_response(*connection_, end, wanted, progress, pool_, copies_);
  last_used_ = runtime_.now();
  if (!response) {
    if (response.error().code != ErrorCode::cancelled) {
      log(LogLevel::error, path, ": no answer from the platform: ", to_string(response.error()));
    }
    connection_.reset();
    co_return response.error();
  }
  if (!connection_->keep) connection_.reset();
  co_return std::move(response);
}

Task<Result<>> ExtensionApi::make_sure_of_connection(Nanoseconds timeout) {
  if (connection_ != nullptr && runtime_.now() - last_used_ > doubtful_after) {
    // Nothing is expected, so anything that can be read is an end.
    const Result<> readable = co_await connection_->stream.readable(Nanoseconds(1));
    if (readable) connection_.reset();
  }
  if (connection_ != nullptr) co_return Result<>();
  const std::optional<Address> address = endpoint_.address();
  if (!address) co_return Error{ErrorCode::unsupported};
  Result<Stream> stream = co_await connect(runtime_, *address, timeout);
  if (!stream) co_return stream.error();
  handle_ = stream->release();
  connection_ = std::make_unique<net::HttpConnection>(Stream(runtime_, handle_, /*plain=*/true), pool_, copies_);
  co_return Result<>();
}

Task<Result<net::HttpResponse>> ExtensionApi::call(Call request, Nanoseconds timeout) {
  STINT_CHECK(!std::exchange(busy_, true));
  struct Idle {
    bool& busy;
    ~Idle() { busy = false; }
  } const idle{busy_};
  const MonotonicTime end = after(runtime_.now(), timeout);
  const Result<> connected = co_await make_sure_of_connection(call_timeout);
  if (!connected) {
    log(LogLevel::error, request.path, ": cannot reach the platform at ", endpoint_.authority, ": ",
        to_string(connected.error()));
    co_return connected.error();
  }
  const wire::Header headers[] = {{identifier_header, identifier_},
                                  {"Content-Type", "application/json"},
                                  {"Lambda-Extension-Function-Error-Type", request.error_type}};
  const bool has_body = !request.body.empty();
  const std::size_t header_count = request.error_type.empty() ? (has_body ? 2 : 1) : 3;
  std::string bytes;
  const Result<> written = wire::append_request_head(
      bytes, request.method, request.path, endpoint_.authority, std::span(headers, header_count),
      has_body ? std::optional<std::uint64_t>(request.body.size()) : std::nullopt);
  if (!written) co_return written.error();
  bytes.append(request.body);
  const Result<> sent = co_await connection_->stream.send(bytes, call_timeout);
  if (!sent) {
    log(LogLevel::error, request.path, ": sending to the platform failed: ", to_string(sent.error()));
    connection_.reset();
    co_return sent.error();
  }
  co_return co_await read_answer(request.path, end, request.stage);
}

Task<Result<Registration>> ExtensionApi::finish_register() {
  Result<net::HttpResponse> response =
      co_await read_answer("register", runtime_.now() + call_timeout, Handover::Stage::registering);
  if (!response) co_return response.error();
  if (response->status != 200) co_return refused("register", *response);
  if (response->headers.empty() || !wire::is_header_value(response->headers.front().second)) {
    log(LogLevel::error, "register: the answer has no ", identifier_header);
    co_return Error{ErrorCode::malformed};
  }
  Registration registration = parse_registration(response->body.view());
  identifier_ = response->headers.front().second;
  registration.identifier = identifier_;
  if (handover_ != nullptr && Handover::copy(identifier_, handover_->identifier)) {
    handover_->stage = Handover::Stage::registered;
  }
  co_return std::move(registration);
}

Task<Result<Subscribed>> ExtensionApi::subscribe(TelemetrySubscription subscription) {
  std::string body;
  wire::JsonWriter json(body);
  json.begin_object().field("schemaVersion", subscription.schema_version).key("types").begin_array();
  for (const std::string_view type : subscription.types) json.string(type);
  json.end_array().key("buffering").begin_object();
  // The least that the platform grants: 25 ms are what the wait for the function's end costs.
  json.field("maxItems", 1000).field("maxBytes", 262'144).field("timeoutMs", 25).end_object();
  json.key("destination").begin_object().field("protocol", "HTTP").field("URI", subscription.uri).end_object();
  json.end_object();
  Call request{.method = "PUT", .path = telemetry_path, .error_type = {}, .body = std::move(body)};
  Result<net::HttpResponse> response = co_await call(std::move(request), call_timeout);
  if (!response) co_return response.error();
  if (response->status == 200) co_return Subscribed::yes;
  if (response->status == 202 || response->status == 404) co_return Subscribed::not_supported;
  co_return refused(telemetry_path, *response);
}

Task<Result<Event>> ExtensionApi::next() {
  Call request{.method = "GET", .path = next_path, .error_type = {}, .body = {}, .stage = Handover::Stage::waiting};
  Result<net::HttpResponse> response = co_await call(std::move(request), forever);
  if (!response) co_return response.error();
  if (response->status != 200) co_return refused(next_path, *response);
  Result<Event> event = parse_event(response->body.view());
  if (!event) {
    log(LogLevel::error, next_path, ": the event is no JSON: ", to_string(event.error()), ": ",
        response->body.view().substr(0, logged_body_bytes_max));
  }
  // Nobody needs us any more: who crashes now may as well be gone.
  if (event && event->kind == Event::Kind::shutdown && handover_ != nullptr) handover_->stage = Handover::Stage::none;
  co_return std::move(event);
}

Task<Result<>> ExtensionApi::report_error(std::string_view path, std::string type, std::string message) {
  const std::string header_value = error_type_header_value(type);
  std::string body;
  wire::JsonWriter json(body);
  json.begin_object().field("errorMessage", message).field("errorType", type).key("stackTrace").begin_array();
  json.end_array().end_object();
  Call request{.method = "POST", .path = path, .error_type = header_value, .body = std::move(body)};
  Result<net::HttpResponse> response = co_await call(std::move(request), call_timeout);
  if (!response) co_return response.error();
  if (response->status / 100 != 2) co_return refused(path, *response);
  co_return Result<>();
}

Task<Result<>> ExtensionApi::init_error(std::string type, std::string message) {
  return report_error(init_error_path, std::move(type), std::move(message));
}

Task<Result<>> ExtensionApi::exit_error(std::string type, std::string message) {
  return report_error(exit_error_path, std::move(type), std::move(message));
}

}  // namespace stint::lambda
