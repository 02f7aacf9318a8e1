// SPDX-License-Identifier: Apache-2.0
#include "pipeline/invocation_watch.h"

#include <algorithm>
#include <cstring>

#include "otlp/fields.h"
#include "otlp/view.h"

namespace stint {
namespace {

namespace kinds = otlp::fields::SpanKind;

bool is_of_invocation(const otlp::Span& span, std::string_view request_id) {
  const bool is_incoming = span.kind == kinds::SPAN_KIND_SERVER || span.kind == kinds::SPAN_KIND_CONSUMER;
  if (!is_incoming || span.end_time_unix_nano == 0) return false;
  for (const otlp::KeyValue& attribute : span.attributes) {
    if (attribute.key != "faas.invocation_id" && attribute.key != "faas.execution") continue;
    if (attribute.value.kind == otlp::AnyValue::Kind::string && attribute.value.text == request_id) return true;
  }
  return false;
}

}  // namespace

bool holds_span_of_invocation(std::string_view traces_request, std::string_view request_id) {
  // Most requests do not have the id anywhere, and that is cheap to see.
  if (::memmem(traces_request.data(), traces_request.size(), request_id.data(), request_id.size()) == nullptr) {
    return false;
  }
  for (const otlp::ResourceEntry& resource : otlp::Request(traces_request).resources) {
    for (const otlp::ScopeEntry& scope : resource.scopes) {
      for (const otlp::Span& span : scope.spans) {
        if (is_of_invocation(span, request_id)) return true;
      }
    }
  }
  return false;
}

void InvocationWatch::begin(std::string_view request_id) {
  request_id_ = request_id;
  has_come_ = false;
}

void InvocationWatch::see(otlp::Signal signal, std::string_view request) {
  last_ = runtime_.now();
  if (has_come_ || signal != otlp::Signal::traces || !holds_span_of_invocation(request, request_id_)) return;
  has_come_ = true;
  came_.notify_all();
}

Task<bool> InvocationWatch::wait_silence(Nanoseconds silence) {
  for (;;) {
    if (has_come_ && runtime_.now() - last_ >= silence) co_return true;
    const Result<> waited = co_await came_.wait(has_come_ ? last_ + silence : MonotonicTime::max());
    if (!waited && waited.error().code != ErrorCode::timed_out) co_return false;
  }
}

}  // namespace stint
