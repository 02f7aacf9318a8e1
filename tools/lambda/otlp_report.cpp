// SPDX-License-Identifier: Apache-2.0
#include "tools/lambda/otlp_report.h"

#include <cmath>
#include <cstdio>
#include <string>

#include "tools/lambda/otlp_printer.h"

namespace stint::platform {
namespace {

using otlp::AnyValue;

void write_value(JsonWriter& json, const AnyValue& value);

// 17 digits bring every double back as it was.
std::string exact(double number) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", number);
  return text;
}

void write_pairs(JsonWriter& json, const otlp::Attributes& attributes) {
  json.open('[');
  for (const otlp::KeyValue& pair : attributes) {
    json.open('[').text(pair.key);
    write_value(json, pair.value);
    json.close(']');
  }
  json.close(']');
}

// A value is an object with one member that names its type.
void write_value(JsonWriter& json, const AnyValue& value) {
  json.open('{');
  switch (value.kind) {
    case AnyValue::Kind::empty: break;
    case AnyValue::Kind::string: json.field("string", value.text); break;
    case AnyValue::Kind::boolean: json.key("bool").raw(value.boolean ? "true" : "false"); break;
    case AnyValue::Kind::integer: json.field("int", std::to_string(value.integer)); break;
    case AnyValue::Kind::string_index: json.field("string_index", std::to_string(value.integer)); break;
    case AnyValue::Kind::number: json.field("double", exact(value.number)); break;
    case AnyValue::Kind::bytes: json.field("bytes", hex(value.text)); break;
    case AnyValue::Kind::map:
      json.key("map");
      write_pairs(json, value.map());
      break;
    case AnyValue::Kind::array:
      json.key("array").open('[');
      for (const AnyValue& item : value.array()) write_value(json, item);
      json.close(']');
      break;
  }
  json.close('}');
}

void attributes_field(JsonWriter& json, std::string_view name, const otlp::Attributes& attributes) {
  json.key(name);
  write_pairs(json, attributes);
}

void number_field(JsonWriter& json, std::string_view name, std::uint64_t value) {
  json.field(name, std::to_string(value));
}

template <typename Number>
void optional_field(JsonWriter& json, std::string_view name, const std::optional<Number>& value) {
  if (!value) return;
  if constexpr (std::is_same_v<Number, double>) {
    json.field(name, exact(*value));
  } else {
    json.field(name, std::to_string(*value));
  }
}

void write_span(JsonWriter& json, const otlp::Span& span) {
  json.field("trace_id", hex(span.trace_id)).field("span_id", hex(span.span_id));
  json.field("parent_span_id", hex(span.parent_span_id)).field("trace_state", span.trace_state);
  json.field("name", span.name).integer_field("kind", span.kind);
  number_field(json, "start", span.start_time_unix_nano);
  number_field(json, "end", span.end_time_unix_nano);
  attributes_field(json, "attributes", span.attributes);
  json.integer_field("status", span.status_code).field("status_message", span.status_message);
  json.integer_field("flags", span.flags);
  json.key("events").open('[');
  for (const otlp::Event& event : span.events) {
    json.open('{').field("name", event.name);
    number_field(json, "time", event.time_unix_nano);
    attributes_field(json, "attributes", event.attributes);
    json.close('}');
  }
  json.close(']').key("links").open('[');
  for (const otlp::Link& link : span.links) {
    json.open('{').field("trace_id", hex(link.trace_id)).field("span_id", hex(link.span_id));
    attributes_field(json, "attributes", link.attributes);
    json.close('}');
  }
  json.close(']');
}

void write_log_record(JsonWriter& json, const otlp::LogRecord& record) {
  number_field(json, "time", record.time_unix_nano);
  number_field(json, "observed_time", record.observed_time_unix_nano);
  json.integer_field("severity", record.severity_number).field("severity_text", record.severity_text);
  json.field("event_name", record.event_name);
  json.field("trace_id", hex(record.trace_id)).field("span_id", hex(record.span_id)).key("body");
  write_value(json, record.body);
  attributes_field(json, "attributes", record.attributes);
  json.integer_field("flags", record.flags);
}

template <typename Number>
void list_field(JsonWriter& json, std::string_view name, const std::vector<Number>& values) {
  if (values.empty()) return;
  json.key(name).open('[');
  for (const Number value : values) {
    if constexpr (std::is_same_v<Number, double>) {
      json.text(exact(value));
    } else {
      json.text(std::to_string(value));
    }
  }
  json.close(']');
}

void write_point(JsonWriter& json, const otlp::Metric& metric, std::string_view bytes) {
  const otlp::DataPoint point(metric.kind, bytes);
  json.field("metric", metric.name).field("unit", metric.unit).field("description", metric.description);
  json.integer_field("type", static_cast<int>(metric.kind))
      .integer_field("temporality", metric.aggregation_temporality);
  json.key("monotonic").raw(metric.is_monotonic ? "true" : "false");
  number_field(json, "start", point.start_time_unix_nano);
  number_field(json, "time", point.time_unix_nano);
  attributes_field(json, "attributes", point.attributes);
  optional_field(json, "as_double", point.as_double);
  optional_field(json, "as_int", point.as_int);
  number_field(json, "count", point.count);
  optional_field(json, "sum", point.sum);
  optional_field(json, "min", point.min);
  optional_field(json, "max", point.max);
  list_field(json, "bucket_counts", point.bucket_counts);
  list_field(json, "explicit_bounds", point.explicit_bounds);
}

}  // namespace

void write_items(JsonWriter& json, otlp::Signal signal, std::string_view request) {
  for (const otlp::ResourceEntry& resource : otlp::Request(request).resources) {
    for (const otlp::ScopeEntry& scope : resource.scopes) {
      const auto begin = [&] {
        json.open('{').field("signal", otlp::name(signal));
        attributes_field(json, "resource", resource.resource.attributes);
        json.field("scope", scope.scope.name).field("scope_version", scope.scope.version);
      };
      if (signal == otlp::Signal::traces) {
        for (const otlp::Span& span : scope.spans) begin(), write_span(json, span), json.close('}');
      } else if (signal == otlp::Signal::logs) {
        for (const otlp::LogRecord& record : scope.log_records)
          begin(), write_log_record(json, record), json.close('}');
      } else {
        for (const otlp::Metric& metric : scope.metrics) {
          for (const std::string_view point : metric.points) begin(), write_point(json, metric, point), json.close('}');
        }
      }
    }
  }
}

}  // namespace stint::platform
