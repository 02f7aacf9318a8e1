// SPDX-License-Identifier: Apache-2.0
#include "tools/lambda/otlp_printer.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <optional>
#include <vector>

#include "base/log.h"
#include "tools/lambda/table.h"

namespace stint::platform {
namespace {

using otlp::AnyValue;
using Align = Table::Align;

std::string print_number(double number) {
  char text[40];
  std::snprintf(text, sizeof text, "%.10g", number);
  return text;
}

std::string print_nested(const AnyValue& value) {
  if (value.kind == AnyValue::Kind::string) return "\"" + printable(value.text) + "\"";
  return print_value(value);
}

template <typename Values, typename Print>
std::string joined(const Values& values, std::string_view separator, Print print) {
  std::string text;
  for (const auto& value : values) {
    const std::string printed = print(value);
    if (!text.empty() && !printed.empty()) text += separator;
    text += printed;
  }
  return text;
}

std::string key_value(const otlp::KeyValue& pair) { return printable(pair.key) + "=" + print_value(pair.value); }

// `demo (telemetry.sdk.name=opentelemetry …)`
std::string resource_line(std::string_view what, const otlp::Resource& resource, const PrintSettings& settings) {
  const std::optional<AnyValue> service = otlp::find(resource.attributes, "service.name");
  std::string line = concat(what, " of ", service ? print_value(*service) : std::string("a resource without a name"));
  std::string rest = joined(resource.attributes, " ", [](const otlp::KeyValue& pair) {
    return pair.key == "service.name" ? std::string() : key_value(pair);
  });
  if (!rest.empty()) line += "  (" + rest + ")";
  return shortened(line, settings.width) + "\n";
}

std::string scope_line(const otlp::Scope& scope, const PrintSettings& settings) {
  if (scope.name.empty()) return {};
  return shortened(
             concat("  scope ", printable(scope.name), scope.version.empty() ? "" : " ", printable(scope.version)),
             settings.width) +
         "\n";
}

std::string clock_time(std::uint64_t unix_nano) {
  const std::uint64_t ms = unix_nano / 1'000'000, seconds = ms / 1000;
  char text[32];
  std::snprintf(text, sizeof text, "%02u:%02u:%02u.%03u", static_cast<unsigned>(seconds / 3600 % 24),
                static_cast<unsigned>(seconds / 60 % 60), static_cast<unsigned>(seconds % 60),
                static_cast<unsigned>(ms % 1000));
  return text;
}

std::string_view span_kind(std::int32_t kind) {
  constexpr std::array<std::string_view, 6> names = {"", "internal", "server", "client", "producer", "consumer"};
  return kind >= 0 && kind < 6 ? names[static_cast<std::size_t>(kind)] : "?";
}

std::string span_status(const otlp::Span& span) {
  std::string text = span.status_code == 2 ? "ERROR" : span.status_code == 1 ? "ok" : "";
  if (!span.status_message.empty()) text += " \"" + printable(span.status_message) + "\"";
  return text;
}

// The spans of one trace within a request, as a tree by their parents.
class TraceTree {
 public:
  explicit TraceTree(std::vector<otlp::Span> spans) {
    std::vector<std::pair<std::uint64_t, std::size_t>> order;  // by start, then as they came
    order.reserve(spans.size());
    for (const otlp::Span& span : spans) order.emplace_back(span.start_time_unix_nano, order.size());
    std::sort(order.begin(), order.end());
    for (const auto& [start, index] : order) spans_.push_back(spans[index]);
    for (const otlp::Span& span : spans_) {
      begin_ = std::min(begin_, span.start_time_unix_nano);
      end_ = std::max(end_, span.end_time_unix_nano);
    }
  }

  std::string text(const PrintSettings& settings) {
    printed_.assign(spans_.size(), false);
    for (std::size_t i = 0; i < spans_.size(); ++i) {
      if (!has_parent(i)) add(i, "", "");
    }
    // Spans that are each other's parents: no tree, but nothing is left out.
    for (std::size_t i = 0; i < spans_.size(); ++i) add(i, "", "");
    return concat("  trace ", hex(spans_.front().trace_id), "  ", spans_.size(),
                  spans_.size() == 1 ? " span  " : " spans  ", print_duration(end_ - begin_), "\n") +
           table_.text(settings.width, 4);
  }

 private:
  bool has_parent(std::size_t index) const {
    const std::string_view parent = spans_[index].parent_span_id;
    return !parent.empty() &&
           std::any_of(spans_.begin(), spans_.end(), [&](const otlp::Span& span) { return span.span_id == parent; });
  }

  void add(std::size_t index, const std::string& stem, const std::string& branch) {
    if (printed_[index]) return;
    printed_[index] = true;
    const otlp::Span& span = spans_[index];
    const std::uint64_t offset = span.start_time_unix_nano - begin_;
    const bool ended = span.end_time_unix_nano >= span.start_time_unix_nano;
    std::string attributes = span_status(span);
    const std::string rest = print_attributes(span.attributes);
    if (!attributes.empty() && !rest.empty()) attributes += " ";
    table_.add({stem + branch + printable(span.name), std::string(span_kind(span.kind)), "+" + print_duration(offset),
                ended ? print_duration(span.end_time_unix_nano - span.start_time_unix_nano) : "(no end)",
                attributes + rest});
    std::vector<std::size_t> children;
    for (std::size_t i = 0; i < spans_.size(); ++i) {
      if (!printed_[i] && !span.span_id.empty() && spans_[i].parent_span_id == span.span_id) children.push_back(i);
    }
    const std::string below = stem + (branch.empty() ? "" : branch[0] == '`' ? "   " : "|  ");
    add_events(span, below + (children.empty() ? "   " : "|  "));
    for (std::size_t i = 0; i < children.size(); ++i) {
      add(children[i], below, i + 1 == children.size() ? "`- " : "|- ");
    }
  }

  void add_events(const otlp::Span& span, const std::string& stem) {
    for (const otlp::Event& event : span.events) {
      const bool inside = event.time_unix_nano >= begin_;
      table_.add({stem + "* " + printable(event.name), "event",
                  inside ? "+" + print_duration(event.time_unix_nano - begin_) : "", "",
                  print_attributes(event.attributes)});
    }
  }

  std::vector<otlp::Span> spans_;
  std::vector<bool> printed_;
  std::uint64_t begin_ = UINT64_MAX, end_ = 0;
  Table table_{{Align::left, Align::left, Align::right, Align::right, Align::left}};
};

std::string print_traces(const otlp::ResourceEntry& entry, const PrintSettings& settings) {
  std::vector<std::pair<std::string_view, std::vector<otlp::Span>>> traces;  // in the order of arrival
  for (const otlp::ScopeEntry& scope : entry.scopes) {
    for (const otlp::Span& span : scope.spans) {
      auto found =
          std::find_if(traces.begin(), traces.end(), [&](const auto& trace) { return trace.first == span.trace_id; });
      if (found == traces.end()) found = traces.insert(traces.end(), {span.trace_id, {}});
      found->second.push_back(span);
    }
  }
  std::string text = resource_line("traces", entry.resource, settings);
  for (auto& [id, spans] : traces) text += TraceTree(std::move(spans)).text(settings);
  return text;
}

std::string_view temporality(std::int32_t value) { return value == 1 ? " delta" : value == 2 ? " cumulative" : ""; }

std::string metric_type(const otlp::Metric& metric) {
  switch (metric.kind) {
    case otlp::MetricKind::gauge: return "gauge";
    case otlp::MetricKind::sum:
      return concat(metric.is_monotonic ? "counter" : "sum", temporality(metric.aggregation_temporality));
    case otlp::MetricKind::histogram: return concat("histogram", temporality(metric.aggregation_temporality));
    case otlp::MetricKind::exponential_histogram:
      return concat("exp. histogram", temporality(metric.aggregation_temporality));
    case otlp::MetricKind::summary: return "summary";
    case otlp::MetricKind::none: break;
  }
  return "no data";
}

std::string point_value(otlp::MetricKind kind, const otlp::DataPoint& point) {
  if (kind == otlp::MetricKind::gauge || kind == otlp::MetricKind::sum) {
    if (point.as_int) return std::to_string(*point.as_int);
    return point.as_double ? print_number(*point.as_double) : "-";
  }
  std::string text = concat("count=", point.count);
  if (point.sum) text += " sum=" + print_number(*point.sum);
  if (point.min) text += " min=" + print_number(*point.min);
  if (point.max) text += " max=" + print_number(*point.max);
  for (const otlp::ValueAtQuantile& quantile : point.quantile_values) {
    text += concat(" q", print_number(quantile.quantile), "=", print_number(quantile.value));
  }
  return text;
}

std::string print_metrics(const otlp::ResourceEntry& entry, const PrintSettings& settings) {
  std::string text = resource_line("metrics", entry.resource, settings);
  for (const otlp::ScopeEntry& scope : entry.scopes) {
    Table table({Align::left, Align::left, Align::right, Align::left, Align::left});
    for (const otlp::Metric& metric : scope.metrics) {
      bool any = false;
      for (const std::string_view bytes : metric.points) {
        const otlp::DataPoint point(metric.kind, bytes);
        table.add({printable(metric.name), metric_type(metric), point_value(metric.kind, point), printable(metric.unit),
                   print_attributes(point.attributes)});
        any = true;
      }
      if (!any) table.add({printable(metric.name), metric_type(metric), "-", printable(metric.unit), ""});
    }
    text += scope_line(scope.scope, settings) + table.text(settings.width, 4);
  }
  return text;
}

std::string print_logs(const otlp::ResourceEntry& entry, const PrintSettings& settings) {
  std::string text = resource_line("logs", entry.resource, settings);
  for (const otlp::ScopeEntry& scope : entry.scopes) {
    Table table({Align::left, Align::left, Align::left, Align::left, Align::left});
    for (const otlp::LogRecord& record : scope.log_records) {
      const std::uint64_t time = record.time_unix_nano != 0 ? record.time_unix_nano : record.observed_time_unix_nano;
      std::string severity = printable(record.severity_text);
      if (severity.empty() && record.severity_number != 0) severity = std::to_string(record.severity_number);
      std::string body = print_value(record.body);
      if (!record.event_name.empty()) body = concat(printable(record.event_name), ": ", body);
      table.add(
          {clock_time(time), severity, hex(record.trace_id).substr(0, 8), body, print_attributes(record.attributes)});
    }
    text += scope_line(scope.scope, settings) + table.text(settings.width, 4);
  }
  return text;
}

}  // namespace

std::string hex(std::string_view bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text.push_back(digits[byte >> 4]);
    text.push_back(digits[byte & 15]);
  }
  return text;
}

std::string print_duration(std::uint64_t nanoseconds) {
  constexpr std::pair<std::uint64_t, std::string_view> units[] = {
      {1'000'000'000, "s"}, {1'000'000, "ms"}, {1000, "us"}};
  for (const auto& [size, unit] : units) {
    if (nanoseconds < size) continue;
    const double value = static_cast<double>(nanoseconds) / static_cast<double>(size);
    char text[40];
    std::snprintf(text, sizeof text, value < 10 ? "%.2f %s" : value < 100 ? "%.1f %s" : "%.0f %s", value, unit.data());
    return text;
  }
  return concat(nanoseconds, nanoseconds == 0 ? "" : " ns");
}

std::string print_value(const AnyValue& value) {
  switch (value.kind) {
    case AnyValue::Kind::empty: return "-";
    case AnyValue::Kind::string: return printable(value.text);
    case AnyValue::Kind::boolean: return value.boolean ? "true" : "false";
    case AnyValue::Kind::integer: return std::to_string(value.integer);
    case AnyValue::Kind::number: return print_number(value.number);
    case AnyValue::Kind::array: return "[" + joined(value.array(), ", ", print_nested) + "]";
    case AnyValue::Kind::map:
      return "{" +
             joined(value.map(), ", ",
                    [](const otlp::KeyValue& pair) { return printable(pair.key) + "=" + print_nested(pair.value); }) +
             "}";
    case AnyValue::Kind::bytes: return "0x" + hex(value.text);
    case AnyValue::Kind::string_index: return concat("#", value.integer);
  }
  return "-";
}

std::string print_attributes(const otlp::Attributes& attributes) { return joined(attributes, " ", key_value); }

std::string print_request(otlp::Signal signal, std::string_view request, const PrintSettings& settings) {
  std::string text;
  for (const otlp::ResourceEntry& entry : otlp::Request(request).resources) {
    switch (signal) {
      case otlp::Signal::traces: text += print_traces(entry, settings); break;
      case otlp::Signal::metrics: text += print_metrics(entry, settings); break;
      case otlp::Signal::logs: text += print_logs(entry, settings); break;
    }
  }
  return text;
}

}  // namespace stint::platform
