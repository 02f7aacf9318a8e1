// SPDX-License-Identifier: Apache-2.0
// UTF-8: is it valid, and how does it read with U+FFFD in place of what is not. Borrows the bytes.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace stint::otlp {

/// The full check, for text that is not plain ASCII. Source: Unicode 15, table 3-7.
bool is_valid_utf8_slowly(const char* text, std::size_t size);

/// Length of the next piece of `text` (not empty): a character, or, with `valid` false, a maximal subpart of an
/// ill-formed sequence, which becomes one U+FFFD. Source: Unicode 15, section 3.9 (Python's errors="replace").
std::size_t next_utf8_piece(std::string_view text, bool& valid);

/// Bytes of `text` once every ill-formed piece is U+FFFD, and that text written to `out`.
std::size_t repaired_utf8_size(std::string_view text);
char* write_repaired_utf8(char* out, std::string_view text);

namespace detail {
template <typename Word>
inline Word high_bits(const char* p) {
  Word word;
  std::memcpy(&word, p, sizeof word);
  return word & static_cast<Word>(0x8080808080808080u);
}
}  // namespace detail

inline bool is_ascii(const char* p, std::size_t size) {
  using detail::high_bits;
  if (size >= 8) {
    const char* const last = p + size - 8;
    std::uint64_t bits = high_bits<std::uint64_t>(last);
    for (; p < last; p += 8) bits |= high_bits<std::uint64_t>(p);
    return bits == 0;
  }
  if (size >= 4) return (high_bits<std::uint32_t>(p) | high_bits<std::uint32_t>(p + size - 4)) == 0;
  if (size == 0) return true;
  return ((p[0] | p[size / 2] | p[size - 1]) & 0x80) == 0;
}

inline bool is_valid_utf8(std::string_view text) {
  return is_ascii(text.data(), text.size()) || is_valid_utf8_slowly(text.data(), text.size());
}

}  // namespace stint::otlp
