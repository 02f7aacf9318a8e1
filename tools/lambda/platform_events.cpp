// SPDX-License-Identifier: Apache-2.0
#include "tools/lambda/platform_events.h"

#include "tools/lambda/json_value.h"
#include "tools/lambda/json_writer.h"

namespace stint::platform {
namespace {

Event platform_event(std::string_view type, JsonWriter& record, Now now) {
  return Event{now.epoch, EventKind::platform, std::string(type), record.take(), {}};
}

void optional_field(JsonWriter& json, std::string_view key, std::string_view value) {
  if (!value.empty()) json.field(key, value);
}

void init_fields(JsonWriter& json, const Settings& settings, std::string_view phase) {
  json.field("initializationType", initialization_type(settings.mode)).field("phase", phase);
}

void sandbox_fields(JsonWriter& json, const Settings& settings) {
  const Function& function = settings.function;
  json.field("runtimeVersion", function.runtime_version);
  json.field("runtimeVersionArn", "arn:aws:lambda:" + function.region + "::runtime:local");
  json.field("functionName", function.name).field("functionVersion", function.version);
  json.field("instanceId", settings.sandbox_id).integer_field("instanceMaxMemory", function.memory_mb);
}

void tracing_field(JsonWriter& json, const Tracing& tracing) {
  if (tracing.value.empty()) return;
  json.key("tracing").open('{').field("spanId", tracing.span_id).field("type", "X-Amzn-Trace-Id");
  json.field("value", tracing.value).close('}');
}

void spans_field(JsonWriter& json, const std::vector<Span>& spans) {
  if (spans.empty()) return;
  json.key("spans").open('[');
  for (const Span& span : spans) {
    json.open('{').field("name", span.name).field("start", iso_time(span.start));
    json.key("durationMs").milliseconds(span.duration).close('}');
  }
  json.close(']');
}

bool is_json_object(std::string_view line) {
  if (!line.starts_with('{')) return false;
  const std::optional<JsonValue> document = parse_json(line);
  return document && document->is(JsonValue::Kind::object);
}

}  // namespace

Event init_start_event(const Settings& settings, std::string_view phase, Now now) {
  JsonWriter json;
  json.open('{');
  init_fields(json, settings, phase);
  sandbox_fields(json, settings);
  if (settings.mode == Mode::managed_instances) json.field("functionArn", settings.function.arn());
  json.close('}');
  return platform_event("platform.initStart", json, now);
}

Event init_runtime_done_event(const Settings& settings, std::string_view phase, std::string_view status,
                              std::string_view error_type, Now now) {
  JsonWriter json;
  json.open('{');
  init_fields(json, settings, phase);
  json.field("status", status);
  optional_field(json, "errorType", error_type);
  json.close('}');
  return platform_event("platform.initRuntimeDone", json, now);
}

Event init_report_event(const Settings& settings, std::string_view phase, std::string_view status,
                        std::string_view error_type, Nanoseconds duration, Now now) {
  JsonWriter json;
  json.open('{');
  init_fields(json, settings, phase);
  json.field("status", status);
  optional_field(json, "errorType", error_type);
  json.key("metrics").open('{').key("durationMs").milliseconds(duration).close('}').close('}');
  return platform_event("platform.initReport", json, now);
}

Event restore_start_event(const Settings& settings, Now now) {
  JsonWriter json;
  json.open('{');
  sandbox_fields(json, settings);
  json.close('}');
  return platform_event("platform.restoreStart", json, now);
}

Event restore_runtime_done_event(std::string_view status, Now now) {
  JsonWriter json;
  json.open('{').field("status", status).close('}');
  return platform_event("platform.restoreRuntimeDone", json, now);
}

Event restore_report_event(std::string_view status, Nanoseconds duration, Now now) {
  JsonWriter json;
  json.open('{').field("status", status);
  json.key("metrics").open('{').key("durationMs").milliseconds(duration).close('}').close('}');
  return platform_event("platform.restoreReport", json, now);
}

Event extension_event(const Extension& extension, Now now) {
  JsonWriter json;
  json.open('{').field("name", extension.name).field("state", name(extension.state)).key("events").open('[');
  if (extension.wants_invoke) json.text("INVOKE");
  if (extension.wants_shutdown) json.text("SHUTDOWN");
  json.close(']');
  optional_field(json, "errorType", extension.error_type);
  json.close('}');
  return platform_event("platform.extension", json, now);
}

Event subscription_event(const std::string& extension, const Subscription& subscription, Now now) {
  JsonWriter json;
  json.open('{').field("name", extension).field("state", "Subscribed").key("types").open('[');
  if (subscription.platform) json.text("platform");
  if (subscription.function) json.text("function");
  if (subscription.extension) json.text("extension");
  json.close(']').close('}');
  return platform_event("platform.telemetrySubscription", json, now);
}

Event start_event(const Settings& settings, const std::string& request_id, const Tracing& tracing, Now now) {
  JsonWriter json;
  json.open('{').field("requestId", request_id).field("version", settings.function.version);
  if (settings.mode == Mode::managed_instances) json.field("functionArn", settings.function.arn());
  tracing_field(json, tracing);
  json.close('}');
  return platform_event("platform.start", json, now);
}

Event runtime_done_event(const RuntimeDone& done, const Tracing& tracing, Now now) {
  JsonWriter json;
  json.open('{').field("requestId", done.request_id).field("status", done.status);
  optional_field(json, "errorType", done.error_type);
  tracing_field(json, tracing);
  spans_field(json, done.spans);
  json.key("metrics").open('{').key("durationMs").milliseconds(done.duration);
  json.integer_field("producedBytes", static_cast<std::int64_t>(done.produced_bytes)).close('}').close('}');
  return platform_event("platform.runtimeDone", json, now);
}

std::int64_t billed_ms(const Report& report) {
  const Nanoseconds billed = report.duration + report.init_duration.value_or(Nanoseconds(0));
  return (billed.count() + 999'999) / 1'000'000;
}

Event report_event(const Settings& settings, const Report& report, const Tracing& tracing, Now now) {
  JsonWriter json;
  json.open('{').field("requestId", report.request_id).field("status", report.status);
  optional_field(json, "errorType", report.error_type);
  json.key("metrics").open('{').key("durationMs").milliseconds(report.duration);
  if (settings.mode != Mode::managed_instances) {
    json.integer_field("billedDurationMs", billed_ms(report))
        .integer_field("memorySizeMB", settings.function.memory_mb);
    json.integer_field("maxMemoryUsedMB", static_cast<std::int64_t>(report.memory_peak_bytes >> 20));
    if (report.init_duration) json.key("initDurationMs").milliseconds(*report.init_duration);
    if (report.restore_duration) json.key("restoreDurationMs").milliseconds(*report.restore_duration);
  }
  json.close('}');
  spans_field(json, report.spans);
  tracing_field(json, tracing);
  json.close('}');
  return platform_event("platform.report", json, now);
}

Event log_event(const Settings& settings, EventKind kind, std::string_view line, Now now) {
  JsonWriter text;
  text.text(line);
  Event event{now.epoch, kind, kind == EventKind::function ? "function" : "extension", text.take(), {}};
  if (settings.function.log_format == "JSON" && is_json_object(line)) {
    event.text_record = std::exchange(event.record, std::string(line));
  }
  return event;
}

}  // namespace stint::platform
