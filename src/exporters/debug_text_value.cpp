// SPDX-License-Identifier: Apache-2.0
#include "exporters/debug_text_value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <numbers>

#include "base/log.h"
#include "otlp/utf8.h"
#include "wire/base64.h"
#include "wire/hex.h"

namespace stint::debug_text {
namespace {

std::string_view not_finite(double number) {
  if (std::isnan(number)) return "NaN";
  return number > 0 ? "+Inf" : "-Inf";
}

/// A finite number as 0.DIGITS times ten to the power of `point`, with the fewest digits that read back the same.
struct Decimal {
  explicit Decimal(double number) {
    char text[32];
    const char* const end = std::to_chars(text, text + sizeof text, number, std::chars_format::scientific).ptr;
    const char* at = text;
    if (is_negative = *at == '-'; is_negative) ++at;
    for (; *at != 'e'; ++at) {
      if (*at != '.') digits[size++] = *at;
    }
    at += at[1] == '+' ? 2 : 1;
    std::from_chars(at, end, point);
    ++point;
  }
  std::string_view text() const { return {digits, size}; }

  char digits[24] = {};
  std::size_t size = 0;
  int point = 0;
  bool is_negative = false;
};

std::string without_exponent(const Decimal& decimal) {
  std::string text = decimal.is_negative ? "-" : "";
  const std::string_view digits = decimal.text();
  if (decimal.point <= 0) {
    return text.append("0").append(digits == "0" ? "" : ".").append(static_cast<std::size_t>(-decimal.point), '0') +
           std::string(digits == "0" ? "" : digits);
  }
  const auto whole = static_cast<std::size_t>(decimal.point);
  if (digits.size() <= whole) return text.append(digits).append(whole - digits.size(), '0');
  return text.append(digits.substr(0, whole)).append(".").append(digits.substr(whole));
}

std::string with_exponent(const Decimal& decimal, int exponent_digits) {
  std::string text = decimal.is_negative ? "-" : "";
  const std::string_view digits = decimal.text();
  text.append(digits.substr(0, 1));
  if (digits.size() > 1) text.append(".").append(digits.substr(1));
  const int exponent = decimal.point - 1;
  text.append(exponent < 0 ? "e-" : "e+");
  const std::string power = concat(std::abs(exponent));
  if (static_cast<int>(power.size()) < exponent_digits) text.push_back('0');
  return text.append(power);
}

}  // namespace

std::string fixed(double number) {
  if (!std::isfinite(number)) return std::string(not_finite(number));
  char text[340];  // 309 digits, a sign, a point and six more
  return {text, std::to_chars(text, text + sizeof text, number, std::chars_format::fixed, 6).ptr};
}

std::string shortest(double number) {
  if (!std::isfinite(number)) return std::string(not_finite(number));
  const Decimal decimal(number);
  const int exponent = decimal.point - 1;
  if (number != 0 && (exponent < -4 || exponent >= 6)) return with_exponent(decimal, 2);
  return without_exponent(decimal);
}

std::string json_number(double number) {
  const double size = std::abs(number);
  const Decimal decimal(number);
  if (size != 0 && (size < 1e-6 || size >= 1e21)) return with_exponent(decimal, 1);
  return without_exponent(decimal);
}

std::string plain_number(double number) { return without_exponent(Decimal(number)); }

double bucket_bound(std::int32_t scale, double index) {
  const int power = scale == std::numeric_limits<std::int32_t>::min() ? std::numeric_limits<int>::max() : -scale;
  return std::exp(index * std::ldexp(std::numbers::ln2, power));
}

std::string time_text(std::uint64_t unix_nano) {
  constexpr std::int64_t second = 1'000'000'000;
  const auto time = static_cast<std::int64_t>(unix_nano);
  // Not std::chrono::floor: it overflows at the far end.
  const std::int64_t nanos = (time % second + second) % second;
  const std::chrono::sys_seconds seconds{std::chrono::seconds(time / second - (time % second < 0 ? 1 : 0))};
  const auto day = std::chrono::floor<std::chrono::days>(seconds);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(seconds - day);
  char text[64];
  const int size = std::snprintf(text, sizeof text, "%04d-%02u-%02u %02d:%02d:%02d.%09d", static_cast<int>(date.year()),
                                 static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                 static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                                 static_cast<int>(clock.seconds().count()), static_cast<int>(nanos));
  std::string_view shown(text, static_cast<std::size_t>(size));
  while (shown.ends_with('0') && shown.size() > 20) shown.remove_suffix(1);
  if (shown.ends_with('.')) shown.remove_suffix(1);
  return std::string(shown).append(" +0000 UTC");
}

std::string id_text(std::string_view id) {
  std::string text;
  if (std::any_of(id.begin(), id.end(), [](char c) { return c != 0; })) wire::append_hex(text, id);
  return text;
}

namespace {

template <std::size_t N>
std::string_view name_in(const std::array<std::string_view, N>& names, std::int32_t value) {
  return value >= 0 && static_cast<std::size_t>(value) < N ? names[static_cast<std::size_t>(value)] : "";
}

}  // namespace

std::string_view span_kind_name(std::int32_t kind) {
  constexpr std::array<std::string_view, 6> names = {"Unspecified", "Internal", "Server",
                                                     "Client",      "Producer", "Consumer"};
  return name_in(names, kind);
}

std::string_view status_code_name(std::int32_t code) {
  constexpr std::array<std::string_view, 3> names = {"Unset", "Ok", "Error"};
  return name_in(names, code);
}

std::string severity_name(std::int32_t severity) {
  if (severity == 0) return "Unspecified";
  constexpr std::array<std::string_view, 6> names = {"Trace", "Debug", "Info", "Warn", "Error", "Fatal"};
  if (severity < 1 || severity > 24) return {};
  std::string text(names[static_cast<std::size_t>(severity - 1) / 4]);
  if (const int step = (severity - 1) % 4; step > 0) text.push_back(static_cast<char>('1' + step));
  return text;
}

std::string_view temporality_name(std::int32_t temporality) {
  constexpr std::array<std::string_view, 3> names = {"Unspecified", "Delta", "Cumulative"};
  return name_in(names, temporality);
}

std::string_view metric_kind_name(otlp::MetricKind kind) {
  constexpr std::array<std::string_view, 6> names = {"Empty",  "Gauge", "Sum", "Histogram", "ExponentialHistogram",
                                                     "Summary"};
  return name_in(names, static_cast<std::int32_t>(kind));
}

namespace {

using otlp::AnyValue;

/// Go's escapes: its own short forms, and the two line separators that JavaScript minds.
void append_json_text(std::string& out, std::string_view text) {
  out.push_back('"');
  while (!text.empty()) {
    bool valid = true;
    const std::size_t size = otlp::next_utf8_piece(text, valid);
    const std::string_view piece = text.substr(0, size);
    text.remove_prefix(size);
    constexpr std::string_view escaped = "\"\\\b\f\n\r\t";
    constexpr std::string_view letters = "\"\\bfnrt";
    if (const std::size_t at = escaped.find(piece); at != escaped.npos) {
      out.append("\\").push_back(letters[at]);
    } else if (static_cast<unsigned char>(piece[0]) < 0x20) {
      wire::append_hex(out.append("\\u00"), piece);
    } else if (piece == "\u2028" || piece == "\u2029") {
      out.append(piece == "\u2028" ? "\\u2028" : "\\u2029");
    } else if (valid) {
      out.append(piece);
    } else {
      for (std::size_t i = 0; i < size; ++i) out.append("\\ufffd");
    }
  }
  out.push_back('"');
}

bool append_json(std::string& out, const AnyValue& value);

bool append_json_array(std::string& out, const AnyValue& value) {
  out.push_back('[');
  bool first = true;
  for (const AnyValue item : value.array()) {
    if (!first) out.push_back(',');
    first = false;
    if (!append_json(out, item)) return false;
  }
  out.push_back(']');
  return true;
}

bool append_json_map(std::string& out, const AnyValue& value) {
  std::map<std::string_view, AnyValue> pairs;
  for (const otlp::KeyValue pair : value.map()) pairs.insert_or_assign(pair.key, pair.value);
  out.push_back('{');
  bool first = true;
  for (const auto& [key, of_key] : pairs) {
    if (!first) out.push_back(',');
    first = false;
    append_json_text(out, key);
    out.push_back(':');
    if (!append_json(out, of_key)) return false;
  }
  out.push_back('}');
  return true;
}

/// False when a number in it is not finite.
bool append_json(std::string& out, const AnyValue& value) {
  switch (value.kind) {
    case AnyValue::Kind::string: append_json_text(out, value.text); return true;
    case AnyValue::Kind::boolean: out.append(value.boolean ? "true" : "false"); return true;
    case AnyValue::Kind::integer: out.append(concat(value.integer)); return true;
    case AnyValue::Kind::number:
      if (!std::isfinite(value.number)) return false;
      out.append(json_number(value.number));
      return true;
    case AnyValue::Kind::array: return append_json_array(out, value);
    case AnyValue::Kind::map: return append_json_map(out, value);
    case AnyValue::Kind::bytes:
      if (value.text.empty()) return out.append("null"), true;
      out.push_back('"');
      wire::append_base64(out, value.text);
      out.push_back('"');
      return true;
    case AnyValue::Kind::empty:
    case AnyValue::Kind::string_index: break;
  }
  out.append("null");
  return true;
}

std::string_view type_name(AnyValue::Kind kind) {
  switch (kind) {
    case AnyValue::Kind::string: return "Str";
    case AnyValue::Kind::boolean: return "Bool";
    case AnyValue::Kind::integer: return "Int";
    case AnyValue::Kind::number: return "Double";
    case AnyValue::Kind::array: return "Slice";
    case AnyValue::Kind::map: return "Map";
    case AnyValue::Kind::bytes: return "Bytes";
    case AnyValue::Kind::empty:
    case AnyValue::Kind::string_index: break;
  }
  return "Empty";
}

std::string number_text(double number) {
  if (std::isfinite(number)) return json_number(number);
  if (std::isnan(number)) return "NaN";
  return number > 0 ? "Infinity" : "-Infinity";
}

}  // namespace

std::string value_text(const AnyValue& value) {
  std::string text;
  switch (value.kind) {
    case AnyValue::Kind::string: text = value.text; break;
    case AnyValue::Kind::boolean: text = value.boolean ? "true" : "false"; break;
    case AnyValue::Kind::integer: text = concat(value.integer); break;
    case AnyValue::Kind::number: text = number_text(value.number); break;
    case AnyValue::Kind::bytes: wire::append_base64(text, value.text); break;
    case AnyValue::Kind::array:
    case AnyValue::Kind::map:
      if (!append_json(text, value)) text.clear();
      break;
    case AnyValue::Kind::empty:
    case AnyValue::Kind::string_index: break;
  }
  return text;
}

std::string typed_text(const AnyValue& value) { return concat(type_name(value.kind), '(', value_text(value), ')'); }

}  // namespace stint::debug_text
