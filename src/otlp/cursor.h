// SPDX-License-Identifier: Apache-2.0
// A cursor over the fields of one message that knows where each field begins and ends, for code that checks or edits
// bytes; reading values is protozero's. It never reads outside the message and never throws. Borrows the bytes.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace stint::otlp {

enum class WireType : std::uint8_t { varint = 0, fixed64 = 1, length = 2, group_start = 3, group_end = 4, fixed32 = 5 };

/// Reads a varint of at most ten bytes that fits 64 bits. Returns the byte after it, or nullptr when it is cut off
/// (`value` is then 0) or too long (`value` is then 1).
inline const char* read_varint(const char* p, const char* end, std::uint64_t& value) {
  if (p != end && static_cast<std::int8_t>(*p) >= 0) {
    value = static_cast<std::uint8_t>(*p);
    return p + 1;
  }
  std::uint64_t sum = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    if (p == end) {
      value = 0;
      return nullptr;
    }
    const std::uint64_t byte = static_cast<std::uint8_t>(*p++);
    if (shift == 63 && byte > 1) break;
    sum |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      value = sum;
      return p;
    }
  }
  value = 1;
  return nullptr;
}

/// Bytes that `value` takes as a varint.
inline std::size_t varint_size(std::uint64_t value) {
  std::size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

inline char* write_varint(char* out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) *out++ = static_cast<char>(value | 0x80);
  *out++ = static_cast<char>(value);
  return out;
}

class FieldCursor {
 public:
  FieldCursor() = default;
  /// Borrows: `message`.
  explicit FieldCursor(std::string_view message) : next_(message.data()), end_(next_ + message.size()) {}
  template <std::same_as<std::string> Temporary>
  explicit FieldCursor(Temporary&& message) = delete;

  /// Steps to the next field; false at the end of the message and at bytes that are no field (then !well_formed()).
  bool next() {
    begin_ = next_;
    if (begin_ == end_) return false;
    std::uint64_t tag = 0;
    const char* p = read_varint(begin_, end_, tag);
    if (p == nullptr || tag > UINT32_MAX || tag < 8) return fail();
    number_ = static_cast<std::uint32_t>(tag >> 3);
    wire_type_ = static_cast<WireType>(tag & 7);
    std::uint64_t size = 0;
    switch (wire_type_) {
      case WireType::varint:
        payload_ = p;
        if (next_ = read_varint(p, end_, size); next_ == nullptr) return fail();
        return true;
      case WireType::fixed64: size = 8; break;
      case WireType::fixed32: size = 4; break;
      case WireType::length:
        if (p = read_varint(p, end_, size); p == nullptr) return fail();
        break;
      default: return fail();
    }
    if (size > static_cast<std::size_t>(end_ - p)) return fail();
    payload_ = p;
    next_ = p + size;
    return true;
  }

  bool well_formed() const { return well_formed_; }
  std::uint32_t number() const { return number_; }
  WireType wire_type() const { return wire_type_; }
  /// Tag, length and payload of the current field.
  std::string_view whole() const { return {begin_, static_cast<std::size_t>(next_ - begin_)}; }
  /// What lies between the field's tag (and length) and the next field.
  std::string_view payload() const { return {payload_, static_cast<std::size_t>(next_ - payload_)}; }
  bool is_message(std::uint32_t wanted) const { return number_ == wanted && wire_type_ == WireType::length; }

 private:
  bool fail() {
    well_formed_ = false;
    next_ = end_ = begin_;
    return false;
  }

  const char* begin_ = nullptr;
  const char* payload_ = nullptr;
  const char* next_ = nullptr;
  const char* end_ = nullptr;
  std::uint32_t number_ = 0;
  WireType wire_type_ = WireType::varint;
  bool well_formed_ = true;
};

}  // namespace stint::otlp
