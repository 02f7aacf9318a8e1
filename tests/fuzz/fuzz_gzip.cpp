// SPDX-License-Identifier: Apache-2.0
// gzip and zlib: any bytes end in text or an error within the memory that was allowed, and give all of it back; what
// was compressed (as several members, too) comes back whole or is too large. Input: kind, level, lie, then the bytes.
#include <vector>

#include "fuzz/fuzz.h"
#include "wire/gzip.h"

namespace stint::fuzz {
namespace {

using wire::DeflateFormat;

// A class of blocks is the least that a pool hands out for so many bytes.
constexpr std::size_t inflated_bytes_max = 200'000;
constexpr std::size_t block_bytes_max = 256u << 10;

Result<Slice> inflate(DeflateFormat format, std::string_view packed, BlockPool& pool, std::size_t bytes_max) {
  wire::Inflater inflater;
  const std::size_t before = pool.bytes_in_use();
  Result<Slice> text = inflater.inflate(format, packed, pool, bytes_max);
  STINT_CHECK(pool.bytes_in_use_peak() <= before + block_bytes_max);
  STINT_CHECK(text || pool.bytes_in_use() == before);
  STINT_CHECK(!text || text->size() <= bytes_max);
  return text;
}

void append_packed(std::string& out, DeflateFormat format, int level, std::string_view text) {
  wire::Deflater deflater(level);
  const std::size_t before = out.size();
  out.resize(before + wire::Deflater::bound(text.size()));
  const Result<std::size_t> size = deflater.compress(format, text, {out.data() + before, out.size() - before});
  STINT_CHECK(size);
  out.resize(before + *size);
}

// The rest of the input, cut at its NULs, is packed as one member each. A lie changes the length that the last claims.
void run_round_trip(DeflateFormat format, Input& input, BlockPool& pool, std::string_view bytes) {
  const int level = input.byte() % (wire::Deflater::level_max + 1);
  const std::uint8_t lie = format == DeflateFormat::gzip ? input.byte() : 0;
  const std::size_t bytes_max = 1 + input.byte() * 4u;
  std::string packed;
  std::string text;
  std::size_t members = 0;
  std::size_t empty_members = 0;
  do {
    const std::string_view member = format == DeflateFormat::gzip ? input.text() : input.rest();
    append_packed(packed, format, level, member);
    text.append(member);
    empty_members += member.empty() ? 1 : 0;
    ++members;
  } while (format == DeflateFormat::gzip && !input.rest().empty() && members < 8);
  if (lie != 0) {
    char& claim = packed[packed.size() - 1 - lie % 4];
    claim = static_cast<char>(static_cast<std::uint8_t>(claim) + lie);
  }
  const ExactCopy exact(packed);
  const Result<Slice> unpacked = inflate(format, exact.view(), pool, bytes_max);
  plant_bug({unpacked.has_value(), members >= 3, members >= 4, empty_members >= 2}, bytes);
  if (lie != 0) {
    STINT_CHECK(!unpacked);
  } else if (text.size() > bytes_max) {
    STINT_CHECK(!unpacked && unpacked.error().code == ErrorCode::too_large);
  } else {
    STINT_CHECK(unpacked && unpacked->view() == text);
  }
}

}  // namespace

void run(std::string_view bytes) {
  BlockPool pool(1u << 20, 0);
  Input input(bytes);
  const std::uint8_t kind = input.byte();
  const DeflateFormat format = kind % 2 == 0 ? DeflateFormat::gzip : DeflateFormat::zlib;
  if (kind % 4 < 2) return run_round_trip(format, input, pool, bytes);
  [[maybe_unused]] const Result<Slice> text = inflate(format, input.rest(), pool, inflated_bytes_max);
}

}  // namespace stint::fuzz
