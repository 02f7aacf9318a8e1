// SPDX-License-Identifier: Apache-2.0
#include "wire/snappy.h"

#include <snappy-c.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "wire/checksum.h"
#include "wire/little_endian.h"

namespace stint::wire {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view stream_identifier = "\xff\x06\x00\x00sNaPpY"sv;
constexpr std::size_t chunk_text_bytes_max = 65536;
constexpr std::size_t chunk_head_bytes = 4;
constexpr std::size_t checksum_bytes = 4;
// Of 64 bytes out of a copy of three.
constexpr std::size_t expansion_max = 22;

constexpr unsigned char compressed_chunk = 0x00;
constexpr unsigned char plain_chunk = 0x01;
constexpr unsigned char skippable_from = 0x80;
constexpr unsigned char identifier_chunk = 0xff;

// What one block becomes. What cannot be is refused.
Result<std::size_t> block_size(std::string_view input) {
  std::size_t size = 0;
  if (snappy_uncompressed_length(input.data(), input.size(), &size) != SNAPPY_OK) return Error{ErrorCode::malformed};
  if (size / expansion_max > input.size()) return Error{ErrorCode::malformed};
  return size;
}

Result<> decompress_block(std::string_view input, char* out, std::size_t size) {
  std::size_t written = size;
  const snappy_status status = snappy_uncompress(input.data(), input.size(), out, &written);
  if (status != SNAPPY_OK || written != size) return Error{ErrorCode::malformed};
  return {};
}

// Spreads the bits so that the checksum of data that holds checksums is one of its own kind.
std::uint32_t masked_checksum(std::string_view text) {
  const std::uint32_t checksum = crc32c(text);
  return (checksum >> 15 | checksum << 17) + 0xa282ead8;
}

enum class ChunkKind : std::uint8_t { compressed, plain, skipped };
struct Chunk {
  ChunkKind kind = ChunkKind::skipped;
  std::uint32_t checksum = 0;
  std::string_view content;
};

// Takes the next chunk off `rest`.
Result<Chunk> next_chunk(std::string_view& rest) {
  if (rest.size() < chunk_head_bytes) return Error{ErrorCode::malformed};
  const auto type = static_cast<unsigned char>(rest.front());
  const auto size = static_cast<std::size_t>(read_little_endian(rest.substr(1), 3));
  if (rest.size() - chunk_head_bytes < size) return Error{ErrorCode::malformed};
  const std::string_view whole = rest.substr(0, chunk_head_bytes + size);
  rest.remove_prefix(whole.size());
  if (type == identifier_chunk && whole != stream_identifier) return Error{ErrorCode::malformed};
  if (type >= skippable_from) return Chunk();
  if (type > plain_chunk || size < checksum_bytes) return Error{ErrorCode::malformed};
  return Chunk{type == compressed_chunk ? ChunkKind::compressed : ChunkKind::plain,
               read_little_endian_32(whole.substr(chunk_head_bytes)), whole.substr(chunk_head_bytes + checksum_bytes)};
}

Result<std::size_t> text_size(const Chunk& chunk) {
  const Result<std::size_t> size =
      chunk.kind == ChunkKind::compressed ? block_size(chunk.content) : chunk.content.size();
  if (size && *size > chunk_text_bytes_max) return Error{ErrorCode::malformed};
  return size;
}

Result<std::size_t> framed_size(std::string_view input, std::size_t bytes_max) {
  if (!input.empty() && !input.starts_with(stream_identifier)) return Error{ErrorCode::malformed};
  std::size_t total = 0;
  while (!input.empty()) {
    const Result<Chunk> chunk = next_chunk(input);
    if (!chunk) return chunk.error();
    if (chunk->kind == ChunkKind::skipped) continue;
    const Result<std::size_t> size = text_size(*chunk);
    if (!size) return size.error();
    if (*size > bytes_max - total) return Error{ErrorCode::too_large};
    total += *size;
  }
  return total;
}

// Requires: framed_size() had no objection, and `out` has that much room.
Result<> decompress_chunks(std::string_view input, char* out) {
  while (!input.empty()) {
    const Chunk chunk = *next_chunk(input);
    if (chunk.kind == ChunkKind::skipped) continue;
    const std::size_t size = *text_size(chunk);
    if (chunk.kind == ChunkKind::plain) {
      std::memcpy(out, chunk.content.data(), size);
    } else if (const Result<> done = decompress_block(chunk.content, out, size); !done) {
      return done;
    }
    if (masked_checksum({out, size}) != chunk.checksum) return Error{ErrorCode::malformed};
    out += size;
  }
  return {};
}

std::size_t compress_block(std::string_view input, char* out, std::size_t room) {
  std::size_t written = room;
  STINT_CHECK(snappy_compress(input.data(), input.size(), out, &written) == SNAPPY_OK);
  return written;
}

// One chunk; plain where compressing does not save an eighth. Returns the place behind it.
char* append_chunk(char* out, std::string_view text) {
  char* const content = out + chunk_head_bytes + checksum_bytes;
  std::size_t size = compress_block(text, content, snappy_max_compressed_length(text.size()));
  const bool compressed = size < text.size() - text.size() / 8;
  if (!compressed) {
    size = text.size();
    std::memcpy(content, text.data(), size);
  }
  out = write_little_endian(out, compressed ? compressed_chunk : plain_chunk, 1);
  out = write_little_endian(out, checksum_bytes + size, 3);
  out = write_little_endian(out, masked_checksum(text), checksum_bytes);
  return out + size;
}

}  // namespace

std::size_t snappy_bound(SnappyFormat format, std::size_t size) {
  if (format == SnappyFormat::block) return snappy_max_compressed_length(size);
  const std::size_t chunks = size / chunk_text_bytes_max + 1;
  const std::size_t heads = chunks * (chunk_head_bytes + checksum_bytes);
  // Only the last chunk is tried where its plain bytes might not fit.
  return stream_identifier.size() + heads + size + snappy_max_compressed_length(chunk_text_bytes_max);
}

std::size_t compress_snappy(SnappyFormat format, std::string_view input, std::span<char> output) {
  STINT_CHECK(format != SnappyFormat::any && output.size() >= snappy_bound(format, input.size()));
  if (format == SnappyFormat::block) return compress_block(input, output.data(), output.size());
  char* out = std::copy(stream_identifier.begin(), stream_identifier.end(), output.data());
  while (!input.empty()) {
    const std::string_view text = input.substr(0, chunk_text_bytes_max);
    out = append_chunk(out, text);
    input.remove_prefix(text.size());
  }
  return static_cast<std::size_t>(out - output.data());
}

Result<Slice> decompress_snappy(SnappyFormat format, std::string_view input, BlockPool& pool, std::size_t bytes_max) {
  if (format == SnappyFormat::any) {
    format = input.starts_with(stream_identifier) ? SnappyFormat::framed : SnappyFormat::block;
  }
  const Result<std::size_t> size = format == SnappyFormat::framed ? framed_size(input, bytes_max) : block_size(input);
  if (!size) return size.error();
  if (*size > bytes_max) return Error{ErrorCode::too_large};
  Result<Block> block = pool.allocate(*size);
  if (!block) return block.error();
  const Result<> done = format == SnappyFormat::framed ? decompress_chunks(input, block->data())
                                                       : decompress_block(input, block->data(), *size);
  if (!done) return done.error();
  const std::string_view text(block->data(), *size);
  return Slice(std::move(*block), text);
}

}  // namespace stint::wire
