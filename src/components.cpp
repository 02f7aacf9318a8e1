// SPDX-License-Identifier: Apache-2.0
// The rows of the table of components, in the order in which `collector components` lists them.
#include "components.h"

#include "exporters/debug.h"
#include "exporters/otlp_grpc.h"
#include "exporters/otlphttp.h"
#include "processors/batch.h"
#include "processors/decouple.h"
#include "processors/memory_limiter.h"
#include "receivers/otlp.h"

namespace stint {
namespace {

constexpr ReceiverType receiver_types[] = {
    receiver_type<OtlpReceiver>("otlp", "OTLP from SDKs, over gRPC and HTTP"),
};
constexpr ProcessorType processor_types[] = {
    processor_type<BatchProcessor>("batch", "merges requests by number of items and time"),
    processor_type<DecoupleProcessor>("decouple", "accepts at once, hands on from a bounded queue"),
    processor_type<MemoryLimiterProcessor>("memory_limiter", "refuses what comes while too much data is inside"),
};
constexpr ExporterType exporter_types[] = {
    exporter_type<OtlpGrpcExporter>("otlp", "OTLP to a back end, over gRPC"),
    exporter_type<OtlpGrpcExporter>("otlp_grpc", "the same as otlp"),
    exporter_type<OtlpHttpExporter>("otlphttp", "OTLP to a back end, over HTTP"),
    exporter_type<OtlpHttpExporter>("otlp_http", "the same as otlphttp"),
    exporter_type<DebugExporter>("debug", "prints what passes"),
    exporter_type<LoggingExporter>("logging", "the same as debug, under its old name and with its old defaults"),
};
constexpr ComponentTable table{receiver_types, processor_types, exporter_types};

}  // namespace

const ComponentTable& component_table() { return table; }

}  // namespace stint
