// SPDX-License-Identifier: Apache-2.0
#include "tools/lambda/identifiers.h"

namespace stint::platform {

// SplitMix64 (Steele, Lea, Flood 2014): one addition and a mix per number, any seed is a good one.
std::uint64_t Identifiers::next() {
  state_ += 0x9E3779B97F4A7C15u;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

std::string Identifiers::hex(int digits) {
  constexpr char alphabet[] = "0123456789abcdef";
  std::string text;
  for (std::uint64_t bits = 0; static_cast<int>(text.size()) < digits; bits >>= 4) {
    if (text.size() % 16 == 0) bits = next() | 1;
    text.push_back(alphabet[bits & 15]);
  }
  return text;
}

std::string Identifiers::uuid() {
  std::string text = hex(32);
  text[12] = '4';
  text[16] = "89ab"[static_cast<unsigned char>(text[16]) % 4];
  for (const std::size_t at : {8u, 13u, 18u, 23u}) text.insert(at, "-");
  return text;
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (dash ? c != '-' : !digit) return false;
  }
  return true;
}

}  // namespace stint::platform
