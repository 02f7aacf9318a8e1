// SPDX-License-Identifier: Apache-2.0
// `verbosity: detailed` for metrics: descriptor, then a block per data point of each kind.
#include "exporters/debug_text_detailed.h"
#include "exporters/debug_text_value.h"

namespace stint::debug_text {
namespace {

using otlp::DataPoint;
using otlp::MetricKind;

void write_exemplars(const otlp::Repeated<otlp::Exemplar>& exemplars, Writer& out) {
  if (exemplars.empty()) return;
  out.line("Exemplars:");
  std::uint64_t number = 0;
  for (const otlp::Exemplar exemplar : exemplars) {
    out.line("Exemplar #", number++);
    out.line("     -> Trace ID: ", id_text(exemplar.trace_id));
    out.line("     -> Span ID: ", id_text(exemplar.span_id));
    out.line("     -> Timestamp: ", time_text(exemplar.time_unix_nano));
    if (exemplar.as_int) out.line("     -> Value: ", *exemplar.as_int);
    if (exemplar.as_double) out.line("     -> Value: ", fixed(*exemplar.as_double));
    write_attributes("     -> FilteredAttributes:", exemplar.filtered_attributes, out, "     ");
  }
}

void write_number(const DataPoint& point, Writer& out) {
  if (point.as_int) out.line("Value: ", *point.as_int);
  if (point.as_double) out.line("Value: ", fixed(*point.as_double));
}

void write_totals(const DataPoint& point, Writer& out) {
  out.line("Count: ", point.count);
  if (point.sum) out.line("Sum: ", fixed(*point.sum));
  if (point.min) out.line("Min: ", fixed(*point.min));
  if (point.max) out.line("Max: ", fixed(*point.max));
}

void write_histogram(const DataPoint& point, Writer& out) {
  write_totals(point, out);
  for (std::size_t i = 0; i < point.explicit_bounds.size(); ++i) {
    out.line("ExplicitBounds #", i, ": ", fixed(point.explicit_bounds[i]));
  }
  for (std::size_t i = 0; i < point.bucket_counts.size(); ++i) {
    out.line("Buckets #", i, ", Count: ", point.bucket_counts[i]);
  }
}

void write_exponential_histogram(const DataPoint& point, Writer& out) {
  write_totals(point, out);
  const auto bound = [&point](const otlp::Buckets& buckets, std::size_t at) {
    return bucket_bound(point.scale, buckets.offset + static_cast<double>(at));
  };
  for (std::size_t i = point.negative.bucket_counts.size(); i-- > 0;) {
    out.line("Bucket [", fixed(-bound(point.negative, i + 1)), ", ", fixed(-bound(point.negative, i)),
             "), Count: ", point.negative.bucket_counts[i]);
  }
  if (point.zero_count != 0) out.line("Bucket [0, 0], Count: ", point.zero_count);
  for (std::size_t i = 0; i < point.positive.bucket_counts.size(); ++i) {
    out.line("Bucket (", fixed(bound(point.positive, i)), ", ", fixed(bound(point.positive, i + 1)),
             "], Count: ", point.positive.bucket_counts[i]);
  }
}

void write_summary(const DataPoint& point, Writer& out) {
  out.line("Count: ", point.count);
  out.line("Sum: ", fixed(point.sum.value_or(0)));
  std::uint64_t number = 0;
  for (const otlp::ValueAtQuantile quantile : point.quantile_values) {
    out.line("QuantileValue #", number++, ": Quantile ", fixed(quantile.quantile), ", Value ", fixed(quantile.value));
  }
}

/// How the data points of a kind are titled and written; the kind `none` has none.
struct PointForm {
  std::string_view title;
  void (*write)(const DataPoint& point, Writer& out);
};
constexpr PointForm point_forms[] = {
    {"", write_number},
    {"NumberDataPoints #", write_number},
    {"NumberDataPoints #", write_number},
    {"HistogramDataPoints #", write_histogram},
    {"ExponentialHistogramDataPoints #", write_exponential_histogram},
    {"SummaryDataPoints #", write_summary},
};

}  // namespace

void write_metric(std::uint64_t number, const otlp::Metric& metric, Writer& out) {
  out.line("Metric #", number);
  out.line("Descriptor:");
  out.line("     -> Name: ", metric.name);
  out.line("     -> Description: ", metric.description);
  out.line("     -> Unit: ", metric.unit);
  out.line("     -> DataType: ", metric_kind_name(metric.kind));
  write_attributes("     -> Metadata:", metric.metadata, out, "     ");
  if (metric.kind == MetricKind::sum) out.line("     -> IsMonotonic: ", metric.is_monotonic ? "true" : "false");
  if (metric.kind == MetricKind::sum || metric.kind == MetricKind::histogram ||
      metric.kind == MetricKind::exponential_histogram) {
    out.line("     -> AggregationTemporality: ", temporality_name(metric.aggregation_temporality));
  }
  const PointForm& form = point_forms[static_cast<std::size_t>(metric.kind)];
  std::uint64_t point_number = 0;
  for (const std::string_view bytes : metric.points) {
    const DataPoint point(metric.kind, bytes);
    out.line(form.title, point_number++);
    write_attributes("Data point attributes:", point.attributes, out);
    out.line("StartTimestamp: ", time_text(point.start_time_unix_nano));
    out.line("Timestamp: ", time_text(point.time_unix_nano));
    form.write(point, out);
    write_exemplars(point.exemplars, out);
  }
}

}  // namespace stint::debug_text
