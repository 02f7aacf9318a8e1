// SPDX-License-Identifier: Apache-2.0
// Numbers of compressed formats, lowest byte first. Reading takes a view of at least as many bytes as the number has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace stint::wire {

/// Requires: `bytes` has as many as `count`, which is at most 8.
constexpr std::uint64_t read_little_endian(std::string_view bytes, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = count; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}
constexpr std::uint32_t read_little_endian_32(std::string_view bytes) {
  return static_cast<std::uint32_t>(read_little_endian(bytes, 4));
}

/// Requires: room for `count` bytes at `out`. Returns the place behind them.
constexpr char* write_little_endian(char* out, std::uint64_t value, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) *out++ = static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
  return out;
}

}  // namespace stint::wire
