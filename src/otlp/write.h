// SPDX-License-Identifier: Apache-2.0
// Writing messages: protozero's writer over a string, and the few shapes that every OTLP message needs. For answers,
// status bodies, our own telemetry, tests and benchmarks; what passes through is never written anew here.
#pragma once

#include <protozero/pbf_writer.hpp>
#include <string>
#include <string_view>

#include "otlp/fields.h"

namespace stint::otlp {

/// `MessageWriter child(parent, fields::ScopeSpans::spans)` is a nested message, complete when `child` ends; one that
/// stays empty is not written. Borrows: the string or the parent. Only the innermost living writer may be used.
using MessageWriter = protozero::pbf_writer;

inline void write(MessageWriter& message, std::uint32_t number, std::string_view bytes) {
  message.add_bytes(number, bytes.data(), bytes.size());
}

inline void write_value(MessageWriter& any_value, std::string_view value) {
  write(any_value, fields::AnyValue::string_value, value);
}
inline void write_value(MessageWriter& any_value, const char* value) {
  write_value(any_value, std::string_view(value));
}
inline void write_value(MessageWriter& any_value, bool value) {
  any_value.add_bool(fields::AnyValue::bool_value, value);
}
inline void write_value(MessageWriter& any_value, std::int64_t value) {
  any_value.add_int64(fields::AnyValue::int_value, value);
}
inline void write_value(MessageWriter& any_value, double value) {
  any_value.add_double(fields::AnyValue::double_value, value);
}

/// An attribute: a KeyValue in the field `number` of `parent`.
template <typename Value>
void write_attribute(MessageWriter& parent, std::uint32_t number, std::string_view key, Value value) {
  MessageWriter key_value(parent, number);
  write(key_value, fields::KeyValue::key, key);
  MessageWriter any_value(key_value, fields::KeyValue::value);
  write_value(any_value, value);
}

}  // namespace stint::otlp
