// SPDX-License-Identifier: Apache-2.0
// The names of the three signals, as one table.
#include "otlp/signal.h"

namespace stint::otlp {
namespace {

constexpr SignalNames table[] = {
    {"traces", "/v1/traces", "opentelemetry.proto.collector.trace.v1.TraceService",
     "/opentelemetry.proto.collector.trace.v1.TraceService/Export", "spans", "rejected_spans",
     MessageId::ExportTraceServiceRequest, MessageId::ExportTraceServiceResponse},
    {"metrics", "/v1/metrics", "opentelemetry.proto.collector.metrics.v1.MetricsService",
     "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", "data points", "rejected_data_points",
     MessageId::ExportMetricsServiceRequest, MessageId::ExportMetricsServiceResponse},
    {"logs", "/v1/logs", "opentelemetry.proto.collector.logs.v1.LogsService",
     "/opentelemetry.proto.collector.logs.v1.LogsService/Export", "log records", "rejected_log_records",
     MessageId::ExportLogsServiceRequest, MessageId::ExportLogsServiceResponse},
};

}  // namespace

const SignalNames& names(Signal signal) { return table[static_cast<std::size_t>(signal)]; }

std::optional<Signal> parse_signal(std::string_view name) {
  for (const Signal signal : all_signals) {
    if (names(signal).name == name) return signal;
  }
  return std::nullopt;
}

}  // namespace stint::otlp
