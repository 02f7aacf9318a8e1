// SPDX-License-Identifier: Apache-2.0
// The inner loops of reading JSON: where a string ends, how a number reads, what escapes stand for. For decoders that
// go over a document once; json_reader.h is for everything small. Nothing is read outside the bytes, nothing changed.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace stint::wire {

static_assert(std::endian::native == std::endian::little);

/// Where plain text ends: at a quote, a backslash, a control character, or the end of the bytes.
struct TextEnd {
  const char* at;
  bool ascii;  // what lies before it
};

/// Eight bytes at a time, on any processor; `ascii` says whether what came before was.
inline TextEnd scan_text_by_words(const char* p, const char* end, bool ascii = true) {
  constexpr std::uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
  std::uint64_t high = ascii ? 0 : tops;
  for (; end - p >= 8; p += 8) {
    std::uint64_t word;
    std::memcpy(&word, p, sizeof word);
    const std::uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';
    // The lowest bit is exact; bits above it may be false.
    const std::uint64_t found =
        (((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) | ((word - ones * 0x20) & ~word)) & tops;
    if (found != 0) {
      const unsigned bits = static_cast<unsigned>(std::countr_zero(found)) - 7;
      high |= word & tops & ((std::uint64_t{1} << bits) - 1);
      return {p + bits / 8, high == 0};
    }
    high |= word & tops;
  }
  for (; p != end; ++p) {
    const auto byte = static_cast<std::uint8_t>(*p);
    if (byte == '"' || byte == '\\' || byte < 0x20) break;
    high |= byte & 0x80u;
  }
  return {p, high == 0};
}

inline TextEnd scan_text(const char* p, const char* end) {
#ifdef __SSE2__
  const __m128i quotes = _mm_set1_epi8('"'), backslashes = _mm_set1_epi8('\\'), controls = _mm_set1_epi8(0x1F);
  unsigned high = 0;
  for (; end - p >= 16; p += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i found = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quotes), _mm_cmpeq_epi8(bytes, backslashes)),
                                       _mm_cmpeq_epi8(_mm_min_epu8(bytes, controls), bytes));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(found));
    const auto tops = static_cast<unsigned>(_mm_movemask_epi8(bytes));
    if (mask != 0) {
      high |= tops & ((mask & (0u - mask)) - 1);
      return {p + std::countr_zero(mask), high == 0};
    }
    high |= tops;
  }
  return scan_text_by_words(p, end, high == 0);
#else
  return scan_text_by_words(p, end);
#endif
}

/// Steps over the escape whose backslash `p` points at; nullptr when it is none.
const char* skip_escape(const char* p, const char* end);

/// Writes what `text` (between quotes, every escape checked by skip_escape) stands for; never more bytes than `text`
/// has. `repaired` becomes true when a lone surrogate had to become U+FFFD. Returns the end of what was written.
char* write_unescaped(char* out, std::string_view text, bool& repaired);

inline bool is_json_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

/// A number that follows the grammar of JSON.
struct NumberEnd {
  const char* at;  // nullptr: there is none
  bool whole;      // neither fraction nor exponent
};
NumberEnd scan_number(const char* p, const char* end);

/// Reads decimal digits. Returns where they end; `overflow` becomes true when they do not fit.
inline const char* read_digits(const char* p, const char* end, std::uint64_t& value, bool& overflow) {
  const char* const start = p;
  std::uint64_t sum = 0;
  for (; p != end; ++p) {
    const unsigned digit = static_cast<unsigned>(static_cast<unsigned char>(*p)) - '0';
    if (digit > 9) break;
    if (p - start >= 19) {  // what fits is known only from here on
      overflow |= __builtin_mul_overflow(sum, std::uint64_t{10}, &sum);
      overflow |= __builtin_add_overflow(sum, std::uint64_t{digit}, &sum);
    } else {
      sum = sum * 10 + digit;
    }
  }
  value = sum;
  return p;
}

}  // namespace stint::wire
