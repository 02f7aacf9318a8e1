// SPDX-License-Identifier: Apache-2.0
// Single values as Go writes them: numbers (its %f and %v, and JSON's), times, ids, names of enums, attribute values.
// Plain functions that return their own text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "otlp/view.h"

namespace stint::debug_text {

/// Six digits after the point: "0.500000", "+Inf", "NaN". Source: Go's fmt, verb %f.
std::string fixed(double number);
/// The fewest digits that read back the same, with an exponent below 1e-04 and from 1e+06 on. Source: Go's fmt, %v.
std::string shortest(double number);
/// As ECMAScript and Go's encoding/json write it. Requires: a finite number.
std::string json_number(double number);
/// The fewest digits that read back the same, never with an exponent. Requires: a finite number.
std::string plain_number(double number);

/// The lower bound of an exponential histogram's bucket: e to the power of index × ln 2 / 2^scale.
double bucket_bound(std::int32_t scale, double index);

/// "2023-11-14 22:13:20.5 +0000 UTC": as a time of 64 bits with sign. Source: Go's time.Time.String in UTC.
std::string time_text(std::uint64_t unix_nano);
/// Lower-case hex; nothing for an id that is missing or all zero.
std::string id_text(std::string_view id);

/// The names of enum values; empty for a number that has none.
std::string_view span_kind_name(std::int32_t kind);
std::string_view status_code_name(std::int32_t code);
std::string severity_name(std::int32_t severity);
std::string_view temporality_name(std::int32_t temporality);
std::string_view metric_kind_name(otlp::MetricKind kind);

/// The value alone: text as it is, bytes in base64, arrays and maps as JSON (keys sorted, the last of equal ones; no
/// text at all when a number in it is not finite, as JSON has none for it).
std::string value_text(const otlp::AnyValue& value);
/// With its type: "Str(text)", "Map({...})", "Empty()".
std::string typed_text(const otlp::AnyValue& value);

}  // namespace stint::debug_text
