// SPDX-License-Identifier: Apache-2.0
#include "exporters/debug_text.h"

#include "otlp/view.h"

namespace stint::debug_text {
namespace {

using Messages = otlp::Repeated<std::string_view>;

// The outer levels of the three signals have the same numbers.
namespace f = otlp::fields;
static_assert(f::ExportTraceServiceRequest::resource_spans == f::ExportMetricsServiceRequest::resource_metrics &&
              f::ExportTraceServiceRequest::resource_spans == f::ExportLogsServiceRequest::resource_logs);

Messages resources_of(const Slice& slice) { return {slice.view(), f::ExportTraceServiceRequest::resource_spans}; }

std::uint64_t count_metrics(std::string_view resource_metrics) {
  std::uint64_t metrics = 0;
  for (const std::string_view scope : Messages(resource_metrics, f::ResourceMetrics::scope_metrics)) {
    for ([[maybe_unused]] const std::string_view metric : Messages(scope, f::ScopeMetrics::metrics)) ++metrics;
  }
  return metrics;
}

}  // namespace

Counts count(otlp::Signal signal, std::span<const Slice> slices) {
  Counts counts;
  for (const Slice& slice : slices) {
    for (const std::string_view resource : resources_of(slice)) {
      ++counts.resources;
      if (signal == otlp::Signal::metrics) counts.metrics += count_metrics(resource);
    }
  }
  return counts;
}

void write(otlp::Signal signal, Verbosity verbosity, std::span<const Slice> slices, Sink& sink) {
  Writer out(sink);
  std::uint64_t number = 0;
  for (const Slice& slice : slices) {
    for (const std::string_view resource : resources_of(slice)) {
      if (verbosity == Verbosity::detailed) {
        write_detailed(signal, number++, resource, out);
      } else {
        write_normal(signal, number++, resource, out);
      }
    }
  }
}

}  // namespace stint::debug_text
