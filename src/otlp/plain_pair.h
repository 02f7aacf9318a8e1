// SPDX-License-Identifier: Apache-2.0
// The usual attribute at one glance: key and value in this order, every length in one octet, the value a string, number
// or bool. Most bytes of a request are such pairs, and reading them field by field is most of a walk's time.
// Borrows the bytes; never reads outside them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "otlp/cursor.h"
#include "otlp/fields.h"

namespace stint::otlp::detail {

struct PlainPair {
  std::string_view key;
  std::string_view text;  // of a string value
};

constexpr char tag_of(std::uint32_t field, WireType type) {
  return static_cast<char>(field << 3 | static_cast<std::uint32_t>(type));
}

/// `pair`: the payload of a KeyValue. Nothing: it is something else, well-formed or not.
inline std::optional<PlainPair> read_plain_pair(std::string_view pair) {
  const auto octet = [](char c) { return static_cast<std::uint8_t>(c); };
  const char* const end = pair.data() + pair.size();
  const char* p = pair.data();
  if (pair.size() < 6 || pair.size() >= 0x80 || p[0] != tag_of(fields::KeyValue::key, WireType::length)) return {};
  const std::size_t key_size = octet(p[1]);
  if (key_size > pair.size() - 6) return {};
  PlainPair result{{p + 2, key_size}, {}};
  p += 2 + key_size;
  // Below 0x80 a length is one octet; that of the value ends where the pair does.
  if (p[0] != tag_of(fields::KeyValue::value, WireType::length) || octet(p[1]) != end - p - 2) return {};
  p += 2;
  switch (p[0]) {
    case tag_of(fields::AnyValue::string_value, WireType::length):
      if (octet(p[1]) != end - p - 2) return {};
      result.text = {p + 2, octet(p[1])};
      return result;
    case tag_of(fields::AnyValue::bool_value, WireType::varint):
    case tag_of(fields::AnyValue::int_value, WireType::varint): {
      std::uint64_t value = 0;
      if (read_varint(p + 1, end, value) != end) return {};
      return result;
    }
    case tag_of(fields::AnyValue::double_value, WireType::fixed64):
      if (end - p != 9) return {};
      return result;
    default: return {};
  }
}

}  // namespace stint::otlp::detail
