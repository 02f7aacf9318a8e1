// SPDX-License-Identifier: Apache-2.0
// The values of OTLP/JSON out.
#include <bit>
#include <charconv>
#include <cmath>

#include "otlp/json_encoder.h"
#include "otlp/utf8.h"
#include "wire/base64.h"
#include "wire/json_scan.h"

namespace stint::otlp::detail {
namespace {

constexpr std::string_view digits = "0123456789abcdef";

template <typename Number>
std::uint64_t little_endian(std::string_view payload) {
  Number value = 0;
  if (payload.size() == sizeof value) std::memcpy(&value, payload.data(), sizeof value);
  return value;
}

}  // namespace

std::uint64_t number_bits(const JsonField& field, std::string_view payload) {
  const WireType type = wire_type_of(field.kind);
  if (type == WireType::fixed64) return little_endian<std::uint64_t>(payload);
  if (type == WireType::fixed32) return little_endian<std::uint32_t>(payload);
  std::uint64_t bits = 0;
  read_varint(payload.data(), payload.data() + payload.size(), bits);
  switch (field.kind) {
    case JsonKind::bool_: return bits != 0 ? 1 : 0;
    case JsonKind::int32:
    case JsonKind::uint32:
    case JsonKind::enumeration: return static_cast<std::uint32_t>(bits);
    case JsonKind::sint32: {
      const auto zigzag = static_cast<std::uint32_t>(bits);
      return (zigzag >> 1) ^ (0u - (zigzag & 1));
    }
    default: return bits;
  }
}

bool JsonEncoder::scalar(const JsonField& field, std::string_view payload) {
  switch (field.kind) {
    case JsonKind::string: return text(payload);
    case JsonKind::bytes: return base64(payload);
    case JsonKind::id: return hex(payload);
    case JsonKind::double_: return real(number_bits(field, payload));
    case JsonKind::bool_: return put(number_bits(field, payload) != 0 ? "true" : "false");
    default: return number(field, number_bits(field, payload));
  }
}

bool JsonEncoder::number(const JsonField& field, std::uint64_t bits) {
  constexpr std::size_t size_max = 24;
  if (!room(size_max)) return false;
  char* p = out_.next();
  char* const end = p + size_max;
  switch (field.kind) {
    case JsonKind::int64:
    case JsonKind::sfixed64:
      *p++ = '"';
      p = std::to_chars(p, end, static_cast<std::int64_t>(bits)).ptr;
      *p++ = '"';
      break;
    case JsonKind::uint64:
    case JsonKind::fixed64:
      *p++ = '"';
      p = std::to_chars(p, end, bits).ptr;
      *p++ = '"';
      break;
    case JsonKind::uint32:
    case JsonKind::fixed32: p = std::to_chars(p, end, bits).ptr; break;
    default: p = std::to_chars(p, end, static_cast<std::int32_t>(bits)).ptr;
  }
  out_.set_next(p);
  return true;
}

bool JsonEncoder::real(std::uint64_t bits) {
  const auto value = std::bit_cast<double>(bits);
  if (std::isnan(value)) return put("\"NaN\"");
  if (std::isinf(value)) return put(value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
  // "-0" would be an integer for some readers, which has no sign.
  if (value == 0 && std::signbit(value)) return put("-0.0");
  constexpr std::size_t size_max = 32;
  if (!room(size_max)) return false;
  out_.set_next(std::to_chars(out_.next(), out_.next() + size_max, value).ptr);
  return true;
}

bool JsonEncoder::text(std::string_view text) {
  if (!put("\"")) return false;
  while (!text.empty()) {
    const wire::TextEnd plain = wire::scan_text(text.data(), text.data() + text.size());
    const std::string_view run = text.substr(0, static_cast<std::size_t>(plain.at - text.data()));
    const bool valid = plain.ascii || is_valid_utf8_slowly(run.data(), run.size());
    const std::size_t size = valid ? run.size() : repaired_utf8_size(run);
    if (!room(size)) return false;
    if (valid) {
      out_.put(run);
    } else {
      out_.set_next(write_repaired_utf8(out_.next(), run));
    }
    text.remove_prefix(run.size());
    if (!text.empty() && !special(text)) return false;
  }
  return put("\"");
}

// The character at the begin of `rest`, which cannot stand in a string as it is.
bool JsonEncoder::special(std::string_view& rest) {
  const char c = rest.front();
  rest.remove_prefix(1);
  switch (c) {
    case '"': return put("\\\"");
    case '\\': return put("\\\\");
    case '\n': return put("\\n");
    case '\r': return put("\\r");
    case '\t': return put("\\t");
    default: break;
  }
  const auto byte = static_cast<std::uint8_t>(c);
  const char escape[] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};
  return put({escape, sizeof escape});
}

bool JsonEncoder::hex(std::string_view bytes) {
  if (!room(2 * bytes.size() + 2)) return false;
  char* p = out_.next();
  *p++ = '"';
  for (const char c : bytes) {
    const auto byte = static_cast<std::uint8_t>(c);
    *p++ = digits[byte >> 4];
    *p++ = digits[byte & 15];
  }
  *p++ = '"';
  out_.set_next(p);
  return true;
}

bool JsonEncoder::base64(std::string_view bytes) {
  if (!room(wire::base64_size(bytes.size()) + 2)) return false;
  out_.put("\"");
  out_.set_next(wire::write_base64(out_.next(), bytes));
  out_.put("\"");
  return true;
}

}  // namespace stint::otlp::detail
