// SPDX-License-Identifier: Apache-2.0
// The grammars of numbers, booleans and durations.
#include "config/scalar.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "base/log.h"

namespace stint::config {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool one_of(std::string_view text, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (text == name) return true;
  }
  return false;
}

/// The base of an integer's text and its digits without prefix.
std::pair<int, std::string_view> base_of(std::string_view digits) {
  if (digits.size() < 2 || digits[0] != '0') return {10, digits};
  switch (digits[1] | 0x20) {
    case 'x': return {16, digits.substr(2)};
    case 'o': return {8, digits.substr(2)};
    case 'b': return {2, digits.substr(2)};
    default: return {8, digits.substr(1)};
  }
}

/// The value of unsigned digits in any of the bases.
std::optional<std::uint64_t> parse_magnitude(std::string_view text) {
  const auto [base, digits] = base_of(text);
  if (digits.empty() || digits.front() == '_' || digits.back() == '_') return std::nullopt;
  char plain[80];
  std::size_t size = 0;
  for (const char c : digits) {
    if (c == '_') continue;
    if (size == sizeof plain) return std::nullopt;
    plain[size++] = c;
  }
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(plain, plain + size, value, base);
  if (failure != std::errc() || end != plain + size) return std::nullopt;
  return value;
}

/// The grammar of a decimal number: digits, a point, an exponent; at least one digit before the exponent.
bool looks_real(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t start = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return at - start;
  };
  const std::size_t whole = digits();
  std::size_t fraction = 0;
  if (at < text.size() && text[at] == '.') {
    ++at;
    fraction = digits();
  }
  if (whole + fraction == 0) return false;
  if (at < text.size() && (text[at] | 0x20) == 'e') {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

std::string_view without_sign(std::string_view text) {
  return !text.empty() && (text[0] == '+' || text[0] == '-') ? text.substr(1) : text;
}

struct Unit {
  std::string_view name;
  std::int64_t nanoseconds;
};
constexpr Unit units[] = {{"ns", 1},         {"\u00b5s", 1'000},   {"\u03bcs", 1'000},    {"us", 1'000},
                          {"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000}};

__extension__ using Wide = __int128;  // products of a number and a unit do not overflow

/// One number with its unit off the front of `text`, added to `total`; false when it is not of the grammar.
bool take_term(std::string_view& text, Wide& total) {
  Wide whole = 0;
  std::int64_t fraction = 0, scale = 1;
  std::size_t at = 0, digits = 0;
  for (; at < text.size() && is_digit(text[at]); ++at, ++digits) {
    whole = whole * 10 + (text[at] - '0');
    if (whole > std::numeric_limits<std::int64_t>::max()) return false;
  }
  if (at < text.size() && text[at] == '.') {
    for (++at; at < text.size() && is_digit(text[at]); ++at, ++digits) {
      if (scale > 100'000'000'000'000'000) continue;  // beyond a nanosecond of an hour
      fraction = fraction * 10 + (text[at] - '0');
      scale *= 10;
    }
  }
  if (digits == 0) return false;
  std::size_t end = at;
  while (end < text.size() && text[end] != '.' && !is_digit(text[end])) ++end;
  for (const Unit& unit : units) {
    if (text.substr(at, end - at) != unit.name) continue;
    total += whole * unit.nanoseconds + static_cast<Wide>(fraction) * unit.nanoseconds / scale;
    text.remove_prefix(end);
    return total <= std::numeric_limits<std::int64_t>::max();
  }
  return false;
}

}  // namespace

ScalarType scalar_type(std::string_view plain) {
  if (plain.empty() || one_of(plain, {"~", "null", "Null", "NULL"})) return ScalarType::null;
  if (parse_boolean(plain)) return ScalarType::boolean;
  const char first = plain[0];
  if (!is_digit(first) && first != '+' && first != '-' && first != '.') return ScalarType::text;
  if (parse_integer(plain) || parse_unsigned(plain)) return ScalarType::integer;
  return parse_real(plain) ? ScalarType::real : ScalarType::text;
}

std::optional<bool> parse_boolean(std::string_view text) {
  if (one_of(text, {"true", "True", "TRUE"})) return true;
  if (one_of(text, {"false", "False", "FALSE"})) return false;
  return std::nullopt;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  const std::optional<std::uint64_t> magnitude = parse_magnitude(without_sign(text));
  if (!magnitude) return std::nullopt;
  const bool negative = text[0] == '-';
  constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  if (*magnitude > most + (negative ? 1 : 0)) return std::nullopt;
  return static_cast<std::int64_t>(negative ? 0 - *magnitude : *magnitude);
}

std::optional<std::uint64_t> parse_unsigned(std::string_view text) {
  if (!text.empty() && text[0] == '-') return std::nullopt;
  return parse_magnitude(without_sign(text));
}

std::optional<double> parse_real(std::string_view text) {
  if (const auto whole = parse_integer(text)) return static_cast<double>(*whole);
  const bool negative = !text.empty() && text[0] == '-';
  const std::string_view number = without_sign(text);
  const double sign = negative ? -1 : 1;
  if (one_of(number, {".inf", ".Inf", ".INF"})) return sign * std::numeric_limits<double>::infinity();
  if (one_of(text, {".nan", ".NaN", ".NAN"})) return std::numeric_limits<double>::quiet_NaN();
  if (!looks_real(number)) return std::nullopt;
  double value = 0;
  const auto [end, failure] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (failure != std::errc()) return std::nullopt;
  return sign * value;
}

std::optional<Nanoseconds> parse_duration(std::string_view text) {
  const bool negative = !text.empty() && text[0] == '-';
  text = without_sign(text);
  if (text == "0") return Nanoseconds(0);
  if (text.empty()) return std::nullopt;
  Wide total = 0;
  while (!text.empty()) {
    if (!take_term(text, total)) return std::nullopt;
  }
  return Nanoseconds(static_cast<std::int64_t>(negative ? -total : total));
}

std::string duration_text(Nanoseconds duration) {
  const std::int64_t count = duration.count();
  if (count == 0) return "0s";
  for (std::size_t i = std::size(units); i-- > 0;) {
    if (count % units[i].nanoseconds == 0) return concat(count / units[i].nanoseconds, units[i].name);
    const std::int64_t tenth = units[i].nanoseconds / 10;
    if (units[i].name != "m" && units[i].name != "h" && count > units[i].nanoseconds && count % tenth == 0)
      return concat(count / units[i].nanoseconds, ".", count / tenth % 10, units[i].name);
  }
  return concat(count, "ns");
}

}  // namespace stint::config
