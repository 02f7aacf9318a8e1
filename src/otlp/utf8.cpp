// SPDX-License-Identifier: Apache-2.0
// The slow half of UTF-8: one piece at a time, by the table of well-formed sequences.
#include "otlp/utf8.h"

namespace stint::otlp {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

struct Lead {
  std::size_t size = 1;     // of the whole character; 1 for bytes that begin none
  std::uint8_t low = 0x80;  // what the second byte may be
  std::uint8_t high = 0xBF;
};

Lead lead_of(std::uint8_t byte) {
  if (byte < 0xC2 || byte > 0xF4) return {};
  if (byte < 0xE0) return {2};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {4};
}

std::uint8_t byte_at(std::string_view text, std::size_t index) { return static_cast<std::uint8_t>(text[index]); }

}  // namespace

std::size_t next_utf8_piece(std::string_view text, bool& valid) {
  const std::uint8_t first = byte_at(text, 0);
  valid = first < 0x80;
  if (valid) return 1;
  const Lead lead = lead_of(first);
  if (lead.size == 1) return 1;
  std::size_t size = 1;
  std::uint8_t low = lead.low, high = lead.high;
  while (size < lead.size && size < text.size() && byte_at(text, size) >= low && byte_at(text, size) <= high) {
    ++size;
    low = 0x80;
    high = 0xBF;
  }
  valid = size == lead.size;
  return size;
}

bool is_valid_utf8_slowly(const char* text, std::size_t size) {
  std::string_view rest(text, size);
  bool valid = true;
  while (!rest.empty() && valid) {
    if (rest.size() >= 8 && detail::high_bits<std::uint64_t>(rest.data()) == 0) {
      rest.remove_prefix(8);
    } else {
      rest.remove_prefix(next_utf8_piece(rest, valid));
    }
  }
  return valid;
}

std::size_t repaired_utf8_size(std::string_view text) {
  std::size_t total = 0;
  while (!text.empty()) {
    bool valid = false;
    const std::size_t size = next_utf8_piece(text, valid);
    total += valid ? size : replacement.size();
    text.remove_prefix(size);
  }
  return total;
}

char* write_repaired_utf8(char* out, std::string_view text) {
  while (!text.empty()) {
    bool valid = false;
    const std::size_t size = next_utf8_piece(text, valid);
    const std::string_view piece = valid ? text.substr(0, size) : replacement;
    std::memcpy(out, piece.data(), piece.size());
    out += piece.size();
    text.remove_prefix(size);
  }
  return out;
}

}  // namespace stint::otlp
