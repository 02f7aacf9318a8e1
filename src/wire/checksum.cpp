// SPDX-License-Identifier: Apache-2.0
#include "wire/checksum.h"

#include <array>
#include <bit>
#include <cstddef>

#include "wire/little_endian.h"

namespace stint::wire {
namespace {

constexpr std::size_t lanes = 4;
using Tables = std::array<std::array<std::uint32_t, 256>, lanes>;

// Row k: what a byte does to the remainder when k more bytes follow it in the same step.
constexpr Tables crc_tables = [] {
  constexpr std::uint32_t reflected_polynomial = 0x82f63b78;
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t remainder = byte;
    for (int bit = 0; bit < 8; ++bit) remainder = remainder >> 1 ^ (remainder % 2 == 1 ? reflected_polynomial : 0);
    tables[0][byte] = remainder;
  }
  for (std::size_t row = 1; row < lanes; ++row) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[row - 1][byte];
      tables[row][byte] = before >> 8 ^ tables[0][before % 256];
    }
  }
  return tables;
}();

constexpr std::uint32_t prime_1 = 2654435761;
constexpr std::uint32_t prime_2 = 2246822519;
constexpr std::uint32_t prime_3 = 3266489917;
constexpr std::uint32_t prime_4 = 668265263;
constexpr std::uint32_t prime_5 = 374761393;

std::uint32_t avalanche(std::uint32_t hash) {
  hash = (hash ^ hash >> 15) * prime_2;
  hash = (hash ^ hash >> 13) * prime_3;
  return hash ^ hash >> 16;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t remainder = ~std::uint32_t{0};
  for (; bytes.size() >= lanes; bytes.remove_prefix(lanes)) {
    remainder ^= read_little_endian_32(bytes);
    remainder = crc_tables[3][remainder % 256] ^ crc_tables[2][(remainder >> 8) % 256] ^
                crc_tables[1][(remainder >> 16) % 256] ^ crc_tables[0][remainder >> 24];
  }
  for (const char byte : bytes) {
    remainder = remainder >> 8 ^ crc_tables[0][(remainder ^ static_cast<unsigned char>(byte)) % 256];
  }
  return ~remainder;
}

std::uint32_t xxhash32(std::string_view bytes) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  std::uint32_t hash = prime_5;
  if (bytes.size() >= 4 * lanes) {
    std::array<std::uint32_t, lanes> state = {prime_1 + prime_2, prime_2, 0, 0 - prime_1};
    for (; bytes.size() >= 4 * lanes; bytes.remove_prefix(4 * lanes)) {
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        state[lane] = std::rotl(state[lane] + read_little_endian_32(bytes.substr(4 * lane)) * prime_2, 13) * prime_1;
      }
    }
    hash = std::rotl(state[0], 1) + std::rotl(state[1], 7) + std::rotl(state[2], 12) + std::rotl(state[3], 18);
  }
  hash += size;
  for (; bytes.size() >= 4; bytes.remove_prefix(4)) {
    hash = std::rotl(hash + read_little_endian_32(bytes) * prime_3, 17) * prime_4;
  }
  for (const char byte : bytes) {
    hash = std::rotl(hash + static_cast<unsigned char>(byte) * prime_5, 11) * prime_1;
  }
  return avalanche(hash);
}

}  // namespace stint::wire
