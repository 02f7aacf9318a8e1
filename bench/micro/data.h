// SPDX-License-Identifier: Apache-2.0
// What the benchmarks work on: a trace request as an SDK sends it, and the collector.yaml that most users have.
#pragma once

#include <string>

#include "base/block.h"

namespace stint::bench {

/// An ExportTraceServiceRequest; 100 spans are about 47 KB. Spans differ in ids, times and some values.
std::string trace_request(std::size_t spans);

/// otlp → batch, decouple → otlphttp for the three signals, as in the guides.
std::string usual_collector_yaml();

/// A copy in a block of `pool`.
Slice slice_of(BlockPool& pool, std::string_view bytes);

}  // namespace stint::bench
