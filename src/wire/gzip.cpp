// SPDX-License-Identifier: Apache-2.0
#include "wire/gzip.h"

#include <libdeflate.h>

#include <algorithm>

#include "base/check.h"
#include "wire/little_endian.h"

namespace stint::wire {

namespace {

// 258 bytes out of two bits: no deflate stream expands more.
constexpr std::size_t expansion_max = 1032;
constexpr std::size_t gzip_bytes_min = 18;
constexpr std::size_t first_guess_factor = 6;

// How many bytes to make room for at first.
Result<std::size_t> first_size(DeflateFormat format, std::string_view input, std::size_t bytes_max) {
  if (format == DeflateFormat::zlib) return std::clamp<std::size_t>(input.size() * first_guess_factor, 1, bytes_max);
  if (input.size() < gzip_bytes_min) return Error{ErrorCode::malformed};
  // The claim of the last member; for one member it is the whole size. What cannot be is refused without an allocation.
  const std::size_t claim = read_little_endian_32(input.substr(input.size() - 4));
  if (claim / expansion_max > input.size()) return Error{ErrorCode::malformed};
  if (claim > bytes_max) return Error{ErrorCode::too_large};
  return std::max<std::size_t>(claim, 1);
}

}  // namespace

void Deflater::Free::operator()(libdeflate_compressor* compressor) const { libdeflate_free_compressor(compressor); }
void Inflater::Free::operator()(libdeflate_decompressor* decompressor) const {
  libdeflate_free_decompressor(decompressor);
}

std::size_t Deflater::bound(std::size_t size) {
  // gzip's wrapper is the larger one; a null compressor asks for the bound of every level.
  return libdeflate_gzip_compress_bound(nullptr, size);
}

Result<std::size_t> Deflater::compress(DeflateFormat format, std::string_view input, std::span<char> output) {
  if (!compressor_) compressor_.reset(libdeflate_alloc_compressor(std::clamp(level_, 0, level_max)));
  if (!compressor_) return Error{ErrorCode::memory_full};
  const auto compress = format == DeflateFormat::gzip ? libdeflate_gzip_compress : libdeflate_zlib_compress;
  const std::size_t written = compress(compressor_.get(), input.data(), input.size(), output.data(), output.size());
  STINT_CHECK(written != 0);
  return written;
}

Result<Slice> Inflater::inflate(DeflateFormat format, std::string_view input, BlockPool& pool, std::size_t bytes_max) {
  const Result<std::size_t> size = first_size(format, input, bytes_max);
  if (!size) return size.error();
  if (!decompressor_) decompressor_.reset(libdeflate_alloc_decompressor());
  if (!decompressor_) return Error{ErrorCode::memory_full};
  const auto decompress = format == DeflateFormat::gzip ? libdeflate_gzip_decompress_ex : libdeflate_zlib_decompress_ex;

  Result<Block> block = pool.allocate(*size);
  if (!block) return block.error();
  std::size_t read = 0;
  std::size_t written = 0;
  do {
    const std::size_t room = std::min(block->capacity(), bytes_max);
    std::size_t member_in = 0;
    std::size_t member_out = 0;
    switch (decompress(decompressor_.get(), input.data() + read, input.size() - read, block->data() + written,
                       room - written, &member_in, &member_out)) {
      case LIBDEFLATE_SUCCESS:
        read += member_in;
        written += member_out;
        break;
      case LIBDEFLATE_INSUFFICIENT_SPACE:
        if (room == bytes_max) return Error{ErrorCode::too_large};
        if (const Result<> grown = block->grow(std::min(room * 2, bytes_max)); !grown) return grown.error();
        break;
      case LIBDEFLATE_BAD_DATA:
      case LIBDEFLATE_SHORT_OUTPUT: return Error{ErrorCode::malformed};
    }
    if (format == DeflateFormat::zlib && read != 0) break;
  } while (read < input.size());
  const std::string_view text(block->data(), written);
  return Slice(std::move(*block), text);
}

}  // namespace stint::wire
