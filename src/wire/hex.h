// SPDX-License-Identifier: Apache-2.0
// Hexadecimal digits, as in chunk sizes, percent-encoding, trace and span ids.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace stint::wire {

/// 0 to 15, or -1 when `c` is no hexadecimal digit.
constexpr int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Appends two lower-case digits per byte.
inline void append_hex(std::string& out, std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out.push_back(digits[byte >> 4]);
    out.push_back(digits[byte & 15]);
  }
}

/// Appends one byte per two digits. Fails: malformed; `out` is as before.
inline Result<> append_from_hex(std::string& out, std::string_view digits) {
  if (digits.size() % 2 != 0) return Error{ErrorCode::malformed};
  const std::size_t before = out.size();
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const int high = hex_digit(digits[i]);
    const int low = hex_digit(digits[i + 1]);
    if (high < 0 || low < 0) {
      out.resize(before);
      return Error{ErrorCode::malformed};
    }
    out.push_back(static_cast<char>(high << 4 | low));
  }
  return {};
}

}  // namespace stint::wire
