// SPDX-License-Identifier: Apache-2.0
#include "tools/lambda/otlp_backend.h"

#include "base/log.h"
#include "otlp/walk.h"
#include "tools/lambda/clock.h"
#include "tools/lambda/otlp_report.h"

namespace stint::platform {
namespace {

constexpr std::size_t request_bytes_max = 64u << 20;

const otlp::SignalNames* signal_of(std::string_view path) {
  for (const otlp::Signal signal : otlp::all_signals) {
    if (path == otlp::names(signal).url_path) return &otlp::names(signal);
  }
  return nullptr;
}

net::HttpReply plain_reply(int status, std::string_view text) {
  return net::HttpReply{.status = status, .content_type = "text/plain", .body = std::string(text)};
}

}  // namespace

OtlpBackend::OtlpBackend(Runtime& runtime, BlockPool& pool, BackendSettings settings,
                         std::function<void(const Received&)> taken)
    : runtime_(runtime), pool_(pool), settings_(std::move(settings)), taken_(std::move(taken)) {}

Task<net::HttpReply> OtlpBackend::serve(net::HttpRequest request) {
  const otlp::SignalNames* const names = signal_of(request.head.path());
  if (names == nullptr || request.head.method != "POST") co_return plain_reply(404, "not found\n");
  Received received{*otlp::parse_signal(names->name),
                    runtime_.epoch_now(),
                    clock_now(),
                    {},
                    0,
                    std::string(request.head.content_encoding()),
                    request.body.size(),
                    {},
                    0};
  const int status = take(received, request.head.content_type(), request.body);
  if (settings_.delay > Nanoseconds(0)) {
    const Result<> slept = co_await runtime_.sleep(settings_.delay);
    if (!slept) {  // at our end, or when its sender has gone: nobody was answered
      received.answered = clock_now();
      received_.push_back(std::move(received));
      co_return plain_reply(503, "stopping\n");
    }
  }
  received.status = status;
  if (status == 200 && answered_ < settings_.statuses.size()) received.status = settings_.statuses[answered_++];
  if (received.status == 200) taken_(received);
  net::HttpReply reply = plain_reply(received.status, "");
  if (received.status == 200) reply.content_type = "application/x-protobuf";
  received.answered = clock_now();
  received_.push_back(std::move(received));
  co_return reply;
}

// The status for the request itself; fills in what it holds.
int OtlpBackend::take(Received& received, std::string_view content_type, const Slice& body) {
  if (content_type != "application/x-protobuf") return 415;
  if (received.encoding.empty()) {
    received.request = body.view();
  } else if (received.encoding == "gzip" || received.encoding == "deflate") {
    const auto format = received.encoding == "gzip" ? wire::DeflateFormat::gzip : wire::DeflateFormat::zlib;
    const Result<Slice> plain = inflater_.inflate(format, body.view(), pool_, request_bytes_max);
    if (!plain) return 400;
    received.request = plain->view();
  } else {
    return 415;
  }
  const Result<otlp::Counts> counts = otlp::walk(received.signal, received.request);
  if (!counts) {
    received.request.clear();
    return 400;
  }
  received.items = counts->items;
  return 200;
}

void OtlpBackend::write_report(JsonWriter& json) const {
  json.open('{').key("requests").open('[');
  for (const Received& received : received_) {
    json.open('{').field("time", iso_time(received.at)).field("signal", otlp::name(received.signal));
    json.integer_field("status", received.status).field("encoding", received.encoding);
    json.integer_field("wireBytes", static_cast<std::int64_t>(received.wire_bytes));
    json.integer_field("bytes", static_cast<std::int64_t>(received.request.size()));
    json.key("arrivedAt").milliseconds(received.arrived.time_since_epoch());
    json.key("answeredAt").milliseconds(received.answered.time_since_epoch());
    json.integer_field("items", received.items).close('}');
  }
  json.close(']').key("items").open('[');
  for (const Received& received : received_) {
    if (received.status == 200) write_items(json, received.signal, received.request);
  }
  json.close(']').close('}');
}

}  // namespace stint::platform
