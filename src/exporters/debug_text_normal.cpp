// SPDX-License-Identifier: Apache-2.0
// `verbosity: normal`: a line per resource and scope, then one per span, data point or log record.
#include "exporters/debug_text.h"
#include "exporters/debug_text_value.h"

namespace stint::debug_text {
namespace {

using otlp::DataPoint;

/// "a=1 b=2", each attribute after `before` but the first after `first`.
void add_attributes(Writer& out, const otlp::Attributes& attributes, std::string_view first, std::string_view before) {
  std::string_view separator = first;
  for (const otlp::KeyValue attribute : attributes) {
    out.add(separator, attribute.key, '=', value_text(attribute.value));
    separator = before;
  }
}

void write_scope(std::string_view title, std::uint64_t number, const otlp::ScopeEntry& entry, Writer& out) {
  out.add(title, number);
  const otlp::Scope& scope = entry.scope;
  if (!scope.name.empty() || !scope.version.empty()) out.add(' ', scope.name);
  if (!scope.version.empty()) out.add('@', scope.version);
  if (!entry.schema_url.empty()) out.add(" [", entry.schema_url, ']');
  add_attributes(out, scope.attributes, " ", " ");
  out.end_line();
}

void write_span(const otlp::Span& span, Writer& out) {
  out.add(span.name, ' ', id_text(span.trace_id), ' ', id_text(span.span_id));
  add_attributes(out, span.attributes, " ", " ");
  out.end_line();
}

void write_record(const otlp::LogRecord& record, Writer& out) {
  out.add(value_text(record.body), ' ');
  add_attributes(out, record.attributes, "", " ");
  out.end_line();
}

void add_number(const DataPoint& point, Writer& out) {
  if (point.as_int) out.add(*point.as_int);
  if (point.as_double) out.add(shortest(*point.as_double));
}

void add_totals(const DataPoint& point, Writer& out) {
  out.add("count=", point.count);
  if (point.sum) out.add(" sum=", shortest(*point.sum));
  if (point.min) out.add(" min=", shortest(*point.min));
  if (point.max) out.add(" max=", shortest(*point.max));
}

void add_histogram(const DataPoint& point, Writer& out) {
  add_totals(point, out);
  for (std::size_t i = 0; i < point.bucket_counts.size(); ++i) {
    out.add(' ');
    if (i < point.explicit_bounds.size()) out.add("le", shortest(point.explicit_bounds[i]), '=');
    out.add(point.bucket_counts[i]);
  }
}

void add_exponential_histogram(const DataPoint& point, Writer& out) {
  add_totals(point, out);
  for (std::size_t i = point.negative.bucket_counts.size(); i-- > 0;) {
    const double bound = -bucket_bound(point.scale, point.negative.offset + static_cast<double>(i));
    out.add(" le", shortest(bound), '=', point.negative.bucket_counts[i]);
  }
  if (point.zero_count != 0) out.add(" zero=", point.zero_count);
  for (std::size_t i = 0; i < point.positive.bucket_counts.size(); ++i) {
    const double bound = bucket_bound(point.scale, point.positive.offset + static_cast<double>(i) + 1);
    out.add(" le", shortest(bound), '=', point.positive.bucket_counts[i]);
  }
}

void add_summary(const DataPoint& point, Writer& out) {
  out.add("count=", point.count, " sum=", fixed(point.sum.value_or(0)));
  for (const otlp::ValueAtQuantile quantile : point.quantile_values) {
    out.add(" q", shortest(quantile.quantile), '=', shortest(quantile.value));
  }
}

void write_metric(const otlp::Metric& metric, Writer& out) {
  for (const std::string_view bytes : metric.points) {
    const DataPoint point(metric.kind, bytes);
    out.add(metric.name, '{');
    add_attributes(out, point.attributes, "", ",");
    out.add("} ");
    switch (metric.kind) {
      case otlp::MetricKind::none: break;
      case otlp::MetricKind::gauge:
      case otlp::MetricKind::sum: add_number(point, out); break;
      case otlp::MetricKind::histogram: add_histogram(point, out); break;
      case otlp::MetricKind::exponential_histogram: add_exponential_histogram(point, out); break;
      case otlp::MetricKind::summary: add_summary(point, out); break;
    }
    out.end_line();
  }
}

struct Titles {
  std::string_view resource, scope;
};
constexpr Titles titles[] = {
    {"ResourceTraces #", "ScopeTraces #"}, {"ResourceMetrics #", "ScopeMetrics #"}, {"ResourceLog #", "ScopeLog #"}};

}  // namespace

void write_normal(otlp::Signal signal, std::uint64_t number, std::string_view entry, Writer& out) {
  const Titles& title = titles[static_cast<std::size_t>(signal)];
  const otlp::ResourceEntry resource(entry);
  out.add(title.resource, number);
  if (!resource.schema_url.empty()) out.add(" [", resource.schema_url, ']');
  add_attributes(out, resource.resource.attributes, " ", " ");
  out.end_line();
  std::uint64_t scope_number = 0;
  for (const otlp::ScopeEntry scope : resource.scopes) {
    write_scope(title.scope, scope_number++, scope, out);
    switch (signal) {
      case otlp::Signal::traces:
        for (const otlp::Span span : scope.spans) write_span(span, out);
        break;
      case otlp::Signal::metrics:
        for (const otlp::Metric metric : scope.metrics) write_metric(metric, out);
        break;
      case otlp::Signal::logs:
        for (const otlp::LogRecord record : scope.log_records) write_record(record, out);
        break;
    }
  }
}

}  // namespace stint::debug_text
