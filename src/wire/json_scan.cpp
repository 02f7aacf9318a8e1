// SPDX-License-Identifier: Apache-2.0
#include "wire/json_scan.h"

#include <algorithm>

#include "wire/hex.h"

namespace stint::wire {
namespace {

constexpr std::uint32_t replacement = 0xFFFD;

// The value of four hexadecimal digits, or a negative number.
int unit_at(const char* p, const char* end) {
  if (end - p < 4) return -1;
  int unit = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = hex_digit(p[i]);
    if (digit < 0) return -1;
    unit = unit << 4 | digit;
  }
  return unit;
}

char* write_code_point(char* out, std::uint32_t code) {
  const auto put = [&out](std::uint32_t byte) { *out++ = static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
    return out;
  }
  if (code < 0x800) {
    put(0xC0 | code >> 6);
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
  }
  put(0x80 | (code & 0x3F));
  return out;
}

// `p` stands behind the 'u' of an escape and is moved behind all of it.
std::uint32_t read_unicode_escape(const char*& p, const char* end, bool& repaired) {
  const auto unit = static_cast<std::uint32_t>(unit_at(p, end));
  p += 4;
  if (unit < 0xD800 || unit > 0xDFFF) return unit;
  if (unit < 0xDC00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
    const auto low = static_cast<std::uint32_t>(unit_at(p + 2, end));
    if (low >= 0xDC00 && low <= 0xDFFF) {
      p += 6;
      return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    }
  }
  repaired = true;
  return replacement;
}

char short_escape(char c) {
  switch (c) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return c;
  }
}

const char* skip_digits(const char* p, const char* end) {
  while (p != end && *p >= '0' && *p <= '9') ++p;
  return p;
}

}  // namespace

const char* skip_escape(const char* p, const char* end) {
  if (end - p < 2) return nullptr;
  if (p[1] == 'u') return unit_at(p + 2, end) < 0 ? nullptr : p + 6;
  return std::string_view("\"\\/bfnrt").find(p[1]) == std::string_view::npos ? nullptr : p + 2;
}

char* write_unescaped(char* out, std::string_view text, bool& repaired) {
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p != end) {
    const char* const slash = scan_text(p, end).at;
    out = std::copy(p, slash, out);
    p = slash;
    if (p == end) break;
    if (*p != '\\') {  // not from a document; passes as it is
      *out++ = *p++;
    } else if (end - p >= 6 && p[1] == 'u') {
      p += 2;
      out = write_code_point(out, read_unicode_escape(p, end, repaired));
    } else {
      *out++ = short_escape(p[1]);
      p += 2;
    }
  }
  return out;
}

NumberEnd scan_number(const char* p, const char* end) {
  constexpr NumberEnd none{nullptr, false};
  if (p != end && *p == '-') ++p;
  const char* const integer = p;
  p = skip_digits(p, end);
  if (p == integer || (*integer == '0' && p - integer > 1)) return none;
  bool whole = true;
  if (p != end && *p == '.') {
    const char* const fraction = p + 1;
    p = skip_digits(fraction, end);
    if (p == fraction) return none;
    whole = false;
  }
  if (p != end && (*p == 'e' || *p == 'E')) {
    ++p;
    if (p != end && (*p == '+' || *p == '-')) ++p;
    const char* const exponent = p;
    p = skip_digits(exponent, end);
    if (p == exponent) return none;
    whole = false;
  }
  return {p, whole};
}

}  // namespace stint::wire
