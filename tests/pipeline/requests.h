// SPDX-License-Identifier: Apache-2.0
// Small requests for tests: spans in one resource and scope, and batches over blocks of a pool.
#pragma once

#include <string>

#include "base/slices.h"
#include "otlp/view.h"
#include "otlp/walk.h"
#include "otlp/write.h"
#include "pipeline/batch.h"

namespace stint {

/// A traces request of `count` spans whose names are `prefix` and a number.
inline std::string spans_request(std::size_t count, std::string_view prefix = "span") {
  namespace fields = otlp::fields;
  std::string bytes;
  {
    otlp::MessageWriter request(bytes);
    otlp::MessageWriter resource_spans(request, fields::ExportTraceServiceRequest::resource_spans);
    {
      otlp::MessageWriter resource(resource_spans, fields::ResourceSpans::resource);
      otlp::write_attribute(resource, fields::Resource::attributes, "service.name", "test");
    }
    otlp::MessageWriter scope_spans(resource_spans, fields::ResourceSpans::scope_spans);
    for (std::size_t i = 0; i < count; ++i) {
      otlp::MessageWriter span(scope_spans, fields::ScopeSpans::spans);
      otlp::write(span, fields::Span::trace_id, std::string(16, 't'));
      otlp::write(span, fields::Span::span_id, std::string(8, 's'));
      otlp::write(span, fields::Span::name, std::string(prefix) + std::to_string(i));
    }
  }
  return bytes;
}

/// The span that an instrumentation makes of an invocation, or something like it.
struct InvocationSpan {
  std::string_view request_id;
  std::string_view key = "faas.invocation_id";
  std::int32_t kind = otlp::fields::SpanKind::SPAN_KIND_SERVER;
  std::uint64_t end_time_unix_nano = 1;
};

/// A traces request with an ordinary span, and this one in a resource and scope of its own.
inline std::string invocation_request(const InvocationSpan& of) {
  namespace fields = otlp::fields;
  std::string bytes = spans_request(1);
  {
    otlp::MessageWriter request(bytes);
    otlp::MessageWriter resource_spans(request, fields::ExportTraceServiceRequest::resource_spans);
    otlp::MessageWriter scope_spans(resource_spans, fields::ResourceSpans::scope_spans);
    otlp::MessageWriter span(scope_spans, fields::ScopeSpans::spans);
    otlp::write(span, fields::Span::name, "invocation");
    span.add_enum(fields::Span::kind, of.kind);
    if (of.end_time_unix_nano > 0) span.add_fixed64(fields::Span::end_time_unix_nano, of.end_time_unix_nano);
    otlp::write_attribute(span, fields::Span::attributes, "faas.trigger", "http");
    otlp::write_attribute(span, fields::Span::attributes, of.key, of.request_id);
  }
  return bytes;
}

inline Batch spans_batch(BlockPool& pool, std::size_t count, std::string_view prefix = "span") {
  return Batch(otlp::Signal::traces, slice_of(pool, spans_request(count, prefix)), count);
}

/// The slices one behind the other.
inline std::string bytes_of(const Batch& batch) {
  std::string bytes;
  for (const Slice& slice : batch.slices) bytes.append(slice.view());
  return bytes;
}

}  // namespace stint
