// SPDX-License-Identifier: Apache-2.0
// What the targets of zstd, snappy and lz4 share: any bytes end in text or an error within the memory that was allowed,
// and give all of it back; what was compressed (as several streams, too) comes back whole or is too large.
#pragma once

#include <algorithm>

#include "fuzz/fuzz.h"
#include "wire/compression.h"

namespace stint::fuzz {

// A class of blocks is the least that a pool hands out for so many bytes.
inline constexpr std::size_t text_bytes_max = 200'000;
inline constexpr std::size_t block_bytes_max = 256u << 10;

inline Result<Slice> decompress(wire::ContentEncoding encoding, std::string_view packed, BlockPool& pool,
                                std::size_t bytes_max) {
  wire::Decompressor decompressor;
  const std::size_t before = pool.bytes_in_use();
  Result<Slice> text = decompressor.decompress(encoding, packed, pool, bytes_max);
  STINT_CHECK(pool.bytes_in_use_peak() <= std::max(before + block_bytes_max, block_bytes_max));
  STINT_CHECK(text || pool.bytes_in_use() == before);
  STINT_CHECK(!text || text->size() <= bytes_max);
  return text;
}

inline std::string packed(wire::ContentEncoding encoding, int level, std::string_view text) {
  BlockPool pool(8u << 20);
  CopyCounters copies;
  const Slice slice = slice_of(pool, text);
  wire::Compressor compressor(encoding, level);
  const Result<Slice> made = compressor.compress({&slice, 1}, pool, copies);
  STINT_CHECK(made);
  return std::string(made->view());
}

/// The rest of the input, cut at its NULs, is packed as one stream each. Requires: streams may follow each other.
inline void run_round_trip(wire::ContentEncoding encoding, Input& input, std::string_view bytes) {
  const int level = 1 + input.byte() % wire::ZstdCompressor::level_max;
  const std::size_t bytes_max = 1 + input.byte() * 4u;
  std::string streams;
  std::string text;
  std::size_t count = 0;
  std::size_t empty = 0;
  do {
    const std::string_view part = input.text();
    streams += packed(encoding, level, part);
    text.append(part);
    empty += part.empty() ? 1 : 0;
    ++count;
  } while (!input.rest().empty() && count < 6);
  const ExactCopy exact(streams);
  BlockPool pool(1u << 20, 0);
  const Result<Slice> unpacked = decompress(encoding, exact.view(), pool, bytes_max);
  plant_bug({unpacked.has_value(), count >= 3, count >= 4, empty >= 2}, bytes);
  if (text.size() > bytes_max) {
    STINT_CHECK(!unpacked && unpacked.error().code == ErrorCode::too_large);
  } else {
    STINT_CHECK(unpacked && unpacked->view() == text);
  }
}

/// Input: kind, then settings and text, or what is to be decompressed. `raw` may be looser than `stream`.
inline void run_compressed(wire::ContentEncoding stream, wire::ContentEncoding raw, std::string_view bytes) {
  Input input(bytes);
  const std::uint8_t kind = input.byte();
  if (kind % 2 == 0) return run_round_trip(stream, input, bytes);
  BlockPool pool(1u << 20, 0);
  [[maybe_unused]] const Result<Slice> text =
      decompress(kind % 4 == 1 ? stream : raw, input.rest(), pool, text_bytes_max);
}

}  // namespace stint::fuzz
