// SPDX-License-Identifier: Apache-2.0
// The values of OTLP/JSON: how each kind of field reads in JSON and is written in protobuf.
#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>

#include "base/log.h"
#include "otlp/json_decoder.h"
#include "otlp/utf8.h"
#include "wire/hex.h"
#include "wire/json_scan.h"

namespace stint::otlp::detail {
namespace {

constexpr std::size_t tag_and_length_max = 2 + 10;

/// The largest magnitudes that a kind of integer takes, on either side of zero.
struct IntegerRange {
  std::uint64_t positive;
  std::uint64_t negative;
  std::string_view name;
};

IntegerRange range_of(JsonKind kind) {
  switch (kind) {
    case JsonKind::int32:
    case JsonKind::sint32:
    case JsonKind::enumeration: return {INT32_MAX, std::uint64_t{INT32_MAX} + 1, "a whole number of 32 bits"};
    case JsonKind::uint32:
    case JsonKind::fixed32: return {UINT32_MAX, 0, "a whole number of 32 bits, not negative"};
    case JsonKind::uint64:
    case JsonKind::fixed64: return {UINT64_MAX, 0, "a whole number of 64 bits, not negative"};
    default: return {INT64_MAX, std::uint64_t{INT64_MAX} + 1, "a whole number of 64 bits"};
  }
}

/// False when `digits` is not all digits or the number does not fit.
bool to_integer(std::string_view digits, bool negative, IntegerRange range, std::uint64_t& bits) {
  std::uint64_t magnitude = 0;
  bool overflow = false;
  const char* const end = digits.data() + digits.size();
  if (digits.empty() || wire::read_digits(digits.data(), end, magnitude, overflow) != end || overflow) return false;
  if (magnitude > (negative ? range.negative : range.positive)) return false;
  bits = negative ? 0 - magnitude : magnitude;
  return true;
}

/// With a decimal that from_chars found out of range: is it too large (or too small to be told from zero)?
bool is_huge(std::string_view text) {
  const std::size_t mark = std::min(text.find_first_of("eE"), text.size());
  const std::string_view digits = text.substr(0, mark);
  const std::size_t point = std::min(digits.find('.'), digits.size());
  const std::size_t first = digits.find_first_of("123456789");
  if (first == std::string_view::npos) return false;
  // The place of the first digit that counts, relative to the point.
  auto magnitude = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first);
  if (mark < text.size()) {
    std::string_view exponent = text.substr(mark + 1);
    const bool negative = exponent.starts_with('-');
    if (negative || exponent.starts_with('+')) exponent.remove_prefix(1);
    std::int64_t value = 0;
    const auto parsed = std::from_chars(exponent.data(), exponent.data() + exponent.size(), value);
    if (parsed.ec != std::errc()) return !negative;
    constexpr std::int64_t exponent_max = 1'000'000'000'000;
    magnitude += negative ? -std::min(value, exponent_max) : std::min(value, exponent_max);
  }
  return magnitude > 0;
}

/// "NaN", "Infinity" and "-Infinity" included.
bool parse_double(std::string_view text, std::uint64_t& bits) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec == std::errc::result_out_of_range) {
    if (is_huge(text)) return false;
    value = text.starts_with('-') ? -0.0 : 0.0;
  } else if (parsed.ec != std::errc()) {
    return false;
  }
  if (parsed.ptr != end || text.back() == ')') return false;
  bits = std::bit_cast<std::uint64_t>(value);
  return true;
}

/// The beginning of a value, for a refusal; no character is cut.
std::string_view beginning(std::string_view text) {
  std::size_t size = std::min<std::size_t>(text.size(), 40);
  while (size > 0 && size < text.size() && (text[size] & 0xC0) == 0x80) --size;
  return text.substr(0, size);
}

constexpr auto sextets = [] {
  std::array<std::uint8_t, 256> table{};
  table.fill(0xFF);
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    table[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  table['+'] = table['-'] = 62;
  table['/'] = table['_'] = 63;
  return table;
}();

constexpr auto hex_digits = [] {
  std::array<std::uint8_t, 256> table{};
  for (std::size_t i = 0; i < table.size(); ++i) {
    const int digit = wire::hex_digit(static_cast<char>(i));
    table[i] = static_cast<std::uint8_t>(digit < 0 ? 0xFF : digit);
  }
  return table;
}();

/// Writes text.size() * 3 / 4 bytes. False when `text` (without padding) is no base64 of either alphabet.
bool write_base64(char* out, std::string_view text) {
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::uint8_t sextet = sextets[static_cast<std::uint8_t>(c)];
    if (sextet == 0xFF) return false;
    bits = bits << 6 | sextet;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    *out++ = static_cast<char>(bits >> count);
  }
  return count < 6;
}

/// False when a character is no digit; then some bytes have been written.
bool write_from_hex(char* out, std::string_view digits) {
  unsigned bad = 0;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    const unsigned high = hex_digits[static_cast<std::uint8_t>(digits[i])];
    const unsigned low = hex_digits[static_cast<std::uint8_t>(digits[i + 1])];
    bad |= high | low;
    *out++ = static_cast<char>(high << 4 | low);
  }
  return bad < 16;
}

bool all_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return wire::hex_digit(c) >= 0; });
}

}  // namespace

bool JsonDecoder::scalar(const JsonField& field) {
  switch (field.kind) {
    case JsonKind::string: return string(field);
    case JsonKind::bytes: return bytes(field);
    case JsonKind::id: return id(field);
    case JsonKind::bool_: return boolean(field);
    default: return number(field);
  }
}

bool JsonDecoder::string(const JsonField& field) {
  if (peek() != '"') return unexpected("a string");
  std::string_view raw;
  bool escaped = false, ascii = false;
  if (!scan_string(raw, escaped, ascii)) return false;
  if (escaped || !(ascii || is_valid_utf8_slowly(raw.data(), raw.size()))) return rewritten_string(field, raw, escaped);
  if (omitted(field, raw.empty())) return true;
  if (!room(tag_and_length_max + raw.size())) return false;
  put_tag(field);
  char* const out = write_varint(out_.next(), raw.size());
  std::memcpy(out, raw.data(), raw.size());
  out_.set_next(out + raw.size());
  return true;
}

// A string with escapes in it, or bytes that are no UTF-8.
bool JsonDecoder::rewritten_string(const JsonField& field, std::string_view raw, bool escaped) {
  bool repaired = false;
  if (escaped) {
    scratch_.resize(raw.size());
    const char* const end = wire::write_unescaped(scratch_.data(), raw, repaired);
    raw = std::string_view(scratch_.data(), static_cast<std::size_t>(end - scratch_.data()));
  }
  const bool valid = is_valid_utf8(raw);
  const std::size_t size = valid ? raw.size() : repaired_utf8_size(raw);
  repaired_strings_ += repaired || !valid;
  omitted(field, false);
  if (!room(tag_and_length_max + size)) return false;
  put_tag(field);
  char* const out = write_varint(out_.next(), size);
  out_.set_next(valid ? std::copy(raw.begin(), raw.end(), out) : write_repaired_utf8(out, raw));
  return true;
}

bool JsonDecoder::strings(const JsonField& field) {
  for (bool more = true; more;) {
    ++index_;
    if (peek() == 'n') return unexpected("a string");
    if (!string(field) || !after_element(more)) return false;
  }
  return true;
}

// All of an array in one run, as `packed` has it.
bool JsonDecoder::numbers(const JsonField& field) {
  if (!room(8)) return false;
  put_tag(field);
  constexpr std::uint32_t guess = 1;
  const std::uint32_t length_at = out_.open_length(guess);
  for (bool more = true; more;) {
    ++index_;
    std::uint64_t bits = 0;
    const JsonField* target = &field;
    if (!read_number(target, bits) || !store(field, bits) || !after_element(more)) return false;
  }
  return out_.close_length(length_at, guess) != 0 || no_room(out_.error());
}

bool JsonDecoder::boolean(const JsonField& field) {
  const bool set = peek() == 't';
  if (!set && peek() != 'f') return unexpected("true or false");
  if (!literal(set ? "true" : "false")) return false;
  if (omitted(field, !set)) return true;
  if (!room(4)) return false;
  put_tag(field);
  *out_.next() = set ? 1 : 0;
  out_.set_next(out_.next() + 1);
  return true;
}

bool JsonDecoder::id(const JsonField& field) {
  const char* const at = p_;
  std::string_view text;
  if (!read_text(text)) return false;
  if (omitted(field, text.empty())) return true;
  if (!room(64)) return false;
  put_tag(field);
  char* const out = out_.next();
  const std::size_t size = text.size() / 2;
  *out = static_cast<char>(size);
  const std::size_t digits = std::size_t{2} * field.argument;
  const bool fits = text.empty() || text.size() == digits;
  if (!fits || !write_from_hex(out + 1, text)) {
    if (!all_hex(text)) return fail(at, concat("want ", digits, " hexadecimal digits (base64 is no id)"));
    return fail(at, concat(text.size(), " hexadecimal digits, want ", digits));
  }
  out_.set_next(out + 1 + size);
  return true;
}

bool JsonDecoder::bytes(const JsonField& field) {
  const char* const at = p_;
  std::string_view text;
  if (!read_text(text)) return false;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  if (padding != 0 && text.size() % 4 != 0) return fail(at, "want base64: the padding is wrong");
  text.remove_suffix(padding);
  if (omitted(field, text.empty())) return true;
  const std::size_t size = text.size() * 3 / 4;
  if (!room(tag_and_length_max + size)) return false;
  put_tag(field);
  char* const out = write_varint(out_.next(), size);
  if (!write_base64(out, text)) return fail(at, "want base64");
  out_.set_next(out + size);
  return true;
}

bool JsonDecoder::number(const JsonField& field) {
  std::uint64_t bits = 0;
  const JsonField* target = &field;
  if (!read_number(target, bits)) return false;
  if (omitted(*target, bits == 0)) return true;
  if (!room(2)) return false;
  put_tag(*target);
  return store(*target, bits);
}

bool JsonDecoder::read_number(const JsonField*& field, std::uint64_t& bits) {
  if (field->kind == JsonKind::double_) return read_double(bits);
  if (field->kind == JsonKind::enumeration && peek() == '"') return read_enumeration(*field, bits);
  return read_integer(field, bits);
}

bool JsonDecoder::read_enumeration(const JsonField& field, std::uint64_t& bits) {
  const char* const at = p_;
  std::string_view name;
  if (!read_text(name)) return false;
  const JsonEnum& table = json_enums[field.argument];
  const JsonEnumValue* const first = json_enum_values + table.first;
  const auto* const found =
      std::find_if(first, first + table.count, [name](const JsonEnumValue& value) { return value.name == name; });
  if (found == first + table.count) return fail(at, concat("want a ", table.name, " by name or number"));
  bits = static_cast<std::uint64_t>(std::int64_t{found->number});
  return true;
}

bool JsonDecoder::read_integer(const JsonField*& field, std::uint64_t& bits) {
  const IntegerRange range = range_of(field->kind);
  const char* const at = p_;
  std::string_view text;
  if (peek() == '"') {
    if (!read_text(text)) return false;
    const bool negative = text.starts_with('-');
    if (to_integer(text.substr(negative || text.starts_with('+') ? 1 : 0), negative, range, bits)) return true;
    return fail(at, concat("want ", range.name));
  }
  const wire::NumberEnd number = wire::scan_number(p_, end_);
  if (number.at == nullptr) return unexpected(range.name);
  text = std::string_view(p_, static_cast<std::size_t>(number.at - p_));
  p_ = number.at;
  const bool negative = text.starts_with('-');
  if (number.whole && to_integer(text.substr(negative ? 1 : 0), negative, range, bits)) return true;
  // JavaScript tells integers by their value: what is beyond 64 bits is whole, and comes here. It is a double.
  constexpr double beyond = 0x1p63;
  if (field->double_offset != 0 && parse_double(text, bits) && std::abs(std::bit_cast<double>(bits)) >= beyond) {
    field += field->double_offset;
    return true;
  }
  return fail(at, concat(beginning(text), " is not ", range.name));
}

bool JsonDecoder::read_double(std::uint64_t& bits) {
  const char* const at = p_;
  std::string_view text;
  if (peek() == '"') {
    if (!read_text(text)) return false;
    if (text.starts_with('+')) text.remove_prefix(1);
  } else {
    const wire::NumberEnd number = wire::scan_number(p_, end_);
    if (number.at == nullptr) return unexpected("a number");
    text = std::string_view(p_, static_cast<std::size_t>(number.at - p_));
    p_ = number.at;
    constexpr std::size_t exact_digits = 15;  // a double holds any number of so many
    if (number.whole && text.size() <= exact_digits) {
      const bool negative = text.starts_with('-');
      std::uint64_t magnitude = 0;
      bool overflow = false;
      wire::read_digits(text.data() + (negative ? 1 : 0), number.at, magnitude, overflow);
      const auto value = static_cast<double>(magnitude);
      bits = std::bit_cast<std::uint64_t>(negative ? -value : value);
      return true;
    }
  }
  return parse_double(text, bits) || fail(at, concat(beginning(text), " is not a number of 64 bits"));
}

// Without its tag.
bool JsonDecoder::store(const JsonField& field, std::uint64_t bits) {
  if (!room(10)) return false;
  char* const out = out_.next();
  switch (field.kind) {
    case JsonKind::double_:
    case JsonKind::fixed64:
    case JsonKind::sfixed64:
      std::memcpy(out, &bits, 8);
      out_.set_next(out + 8);
      break;
    case JsonKind::fixed32:
      std::memcpy(out, &bits, 4);
      out_.set_next(out + 4);
      break;
    case JsonKind::sint32: {
      const auto value = static_cast<std::int32_t>(bits);
      out_.set_next(
          write_varint(out, static_cast<std::uint32_t>(value) << 1 ^ static_cast<std::uint32_t>(value >> 31)));
      break;
    }
    default: out_.set_next(write_varint(out, bits));
  }
  return true;
}

}  // namespace stint::otlp::detail
