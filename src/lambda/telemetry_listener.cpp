// SPDX-License-Identifier: Apache-2.0
#include "lambda/telemetry_listener.h"

#include <algorithm>
#include <functional>

#include "base/log.h"

namespace stint::lambda {
namespace {

// Two deliveries of the largest kind at once, and their buffers.
constexpr std::size_t memory_bytes_max = 4 * limits::telemetry_body_bytes_max;
constexpr std::size_t connections_max = 16;

net::HttpServerSettings settings() {
  net::HttpServerSettings settings;
  settings.body_bytes_max = limits::telemetry_body_bytes_max;
  settings.connections_max = connections_max;
  // The platform keeps its connection from one invocation to the next.
  settings.idle_max = forever;
  return settings;
}

std::uint64_t hash(std::string_view text) { return std::hash<std::string_view>()(text); }

}  // namespace

TelemetryListener::TelemetryListener(Runtime& runtime)
    : runtime_(runtime),
      pool_(memory_bytes_max, 0),
      server_(runtime, pool_, copies_, static_cast<net::HttpService&>(*this), settings()),
      runtime_done_(runtime) {}

TelemetryListener::~TelemetryListener() = default;

Result<> TelemetryListener::open() {
  Result<Listener> listener = Listener::open(runtime_, Address::ipv4_any(0));
  if (!listener) return listener.error();
  const Result<Address> address = listener->address();
  if (!address) return address.error();
  port_ = address->port();
  handle_ = listener->handle();
  server_.serve(std::move(*listener));
  return {};
}

std::string TelemetryListener::uri(bool sam_local) const {
  return concat(sam_local ? "http://:" : "http://sandbox.localdomain:", port_, "/");
}

Task<net::HttpReply> TelemetryListener::serve(net::HttpRequest request) {
  const std::string_view body = request.body.view();
  ++deliveries_;
  // The same bytes again are the same delivery: its events hold times to the millisecond.
  if (bodies_.add(hash(body))) {
    const Result<> read =
        wire::for_each_platform_event(body, [this](const wire::PlatformEvent& event) { take(event); });
    if (!read) {
      log(LogLevel::warn, "telemetry: a delivery of ", body.size(),
          " bytes cannot be read to its end: ", to_string(read.error()));
    }
  }
  co_return net::HttpReply{};
}

net::HttpReply TelemetryListener::failure(const wire::RequestHead*, int status, std::string_view message) {
  log(LogLevel::warn, "telemetry: a delivery is lost: ", message, " (", status, ")");
  return {};
}

void TelemetryListener::take(const wire::PlatformEvent& event) {
  // A function's own log records may hold a request id, too, and are many of a kind.
  if (event.type.starts_with("platform.") && !event.request_id.empty()) {
    if (!events_.add(hash(concat(event.type, " ", event.request_id, " ", event.time)))) return;
    if (event.type == "platform.runtimeDone" && !is_passed_over(event.request_id)) {
      if (done_.size() == done_max) done_.pop_front();
      const bool failed = !event.status.empty() && event.status != "success";
      done_.push_back({std::string(event.request_id), failed ? InvocationEnd::failed : InvocationEnd::succeeded});
      runtime_done_.notify_all();
    }
  }
  if (event.type == "platform.logsDropped") {
    log(LogLevel::warn, "telemetry: the platform has dropped ", event.dropped_records.value_or(0), " records (",
        event.dropped_bytes.value_or(0), " bytes): ", event.reason);
  }
  for (TelemetrySink* const sink : sinks_) sink->take(event);
}

Task<InvocationEnd> TelemetryListener::wait_runtime_done(std::string request_id, Deadline deadline) {
  for (;;) {
    const auto found =
        std::find_if(done_.begin(), done_.end(), [&](const Done& done) { return done.request_id == request_id; });
    if (found != done_.end()) {
      const InvocationEnd end = found->end;
      done_.erase(found);
      co_return end;
    }
    // The clocks may have moved apart in a freeze; the deadline is one of the epoch.
    if (deadline.remaining(runtime_.epoch_now()) == Nanoseconds::zero()) co_return InvocationEnd::not_seen;
    const Result<> waited = co_await runtime_done_.wait(runtime_.monotonic(deadline));
    if (!waited && waited.error().code != ErrorCode::timed_out) co_return InvocationEnd::not_seen;
  }
}

void TelemetryListener::pass_over(std::string request_id) {
  if (passed_over_.size() == done_max) passed_over_.pop_front();
  passed_over_.push_back(std::move(request_id));
}

bool TelemetryListener::is_passed_over(std::string_view request_id) {
  const auto found = std::find(passed_over_.begin(), passed_over_.end(), request_id);
  if (found == passed_over_.end()) return false;
  passed_over_.erase(found);
  return true;
}

Task<> TelemetryListener::stop() { co_await server_.stop(Nanoseconds::zero()); }

}  // namespace stint::lambda
