// SPDX-License-Identifier: Apache-2.0
#include "wire/zstd.h"

#define ZSTD_STATIC_LINKING_ONLY  // for ZSTD_getCParams, which shared libraries have, too
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "base/limits.h"
#include "wire/little_endian.h"

namespace stint::wire {
namespace {

constexpr std::size_t magic_bytes = 4;
// A block becomes at most 128 KiB and has at least three bytes of head and one of content.
constexpr std::size_t block_text_bytes_max = 128u << 10;
constexpr std::size_t block_bytes_min = 4;
constexpr std::size_t first_guess_factor = 6;
constexpr int window_log = std::bit_width(limits::zstd_window_bytes_max) - 1;

// Of the format as it is, or skippable. What came before 1.0 is known to the library, but not to HTTP.
bool begins_frame(std::string_view bytes) {
  if (bytes.size() < magic_bytes) return false;
  const std::uint32_t magic = read_little_endian_32(bytes);
  return magic == ZSTD_MAGICNUMBER || (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

struct Announced {
  std::size_t bytes = 0;
  bool complete = true;  // every frame has said its size
};

// What the heads of all frames say. What cannot be is refused without an allocation.
Result<Announced> read_heads(std::string_view input, std::size_t bytes_max) {
  Announced announced;
  while (!input.empty()) {
    if (!begins_frame(input)) return Error{ErrorCode::malformed};
    const std::size_t frame = ZSTD_findFrameCompressedSize(input.data(), input.size());
    if (ZSTD_isError(frame) != 0) return Error{ErrorCode::malformed};
    const unsigned long long text = ZSTD_getFrameContentSize(input.data(), frame);
    if (text == ZSTD_CONTENTSIZE_ERROR) return Error{ErrorCode::malformed};
    if (text == ZSTD_CONTENTSIZE_UNKNOWN) {
      announced.complete = false;
    } else {
      if (text / block_text_bytes_max > frame / block_bytes_min) return Error{ErrorCode::malformed};
      if (text > bytes_max - announced.bytes) return Error{ErrorCode::too_large};
      announced.bytes += static_cast<std::size_t>(text);
    }
    input.remove_prefix(frame);
  }
  return announced;
}

}  // namespace

void ZstdCompressor::Free::operator()(ZSTD_CCtx_s* context) const { ZSTD_freeCCtx(context); }
void ZstdDecompressor::Free::operator()(ZSTD_DCtx_s* context) const { ZSTD_freeDCtx(context); }

Result<> ZstdCompressor::prepare(std::size_t size) {
  if (!context_) {
    context_.reset(ZSTD_createCCtx());
    if (!context_) return Error{ErrorCode::memory_full};
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, std::clamp(level_, 1, level_max));
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_windowLog, window_log);
  }
  ZSTD_CCtx_reset(context_.get(), ZSTD_reset_session_only);
  // For small bodies some levels would ask for more: slower by far, and not linked (zstd_left_out.cpp).
  const ZSTD_strategy usual = ZSTD_getCParams(std::clamp(level_, 1, level_max), size, 0).strategy;
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_strategy, std::min(usual, ZSTD_lazy2));
  ZSTD_CCtx_setPledgedSrcSize(context_.get(), size);
  return {};
}

Result<Slice> ZstdCompressor::compress(std::span<const Slice> slices, BlockPool& pool) {
  std::size_t size = 0;
  for (const Slice& slice : slices) size += slice.size();
  if (const Result<> prepared = prepare(size); !prepared) return prepared.error();
  Result<Block> block = pool.allocate(ZSTD_compressBound(size));
  if (!block) return block.error();
  ZSTD_outBuffer out{block->data(), block->capacity(), 0};
  for (const Slice& slice : slices) {
    ZSTD_inBuffer in{slice.view().data(), slice.size(), 0};
    while (in.pos < in.size) {
      const std::size_t more = ZSTD_compressStream2(context_.get(), &out, &in, ZSTD_e_continue);
      if (ZSTD_isError(more) != 0) return Error{ErrorCode::memory_full};
    }
  }
  ZSTD_inBuffer none{nullptr, 0, 0};
  const std::size_t left = ZSTD_compressStream2(context_.get(), &out, &none, ZSTD_e_end);
  if (ZSTD_isError(left) != 0) return Error{ErrorCode::memory_full};
  STINT_CHECK(left == 0);
  const std::string_view compressed(block->data(), out.pos);
  return Slice(std::move(*block), compressed);
}

Result<Slice> ZstdDecompressor::decompress(std::string_view input, BlockPool& pool, std::size_t bytes_max) {
  const Result<Announced> announced = read_heads(input, bytes_max);
  if (!announced) return announced.error();
  if (!context_) context_.reset(ZSTD_createDCtx());
  if (!context_) return Error{ErrorCode::memory_full};

  const std::size_t guess = std::clamp(input.size() * first_guess_factor, announced->bytes, bytes_max);
  Result<Block> block = pool.allocate(announced->complete ? announced->bytes : guess);
  if (!block) return block.error();
  for (;;) {
    const std::size_t room = announced->complete ? announced->bytes : std::min(block->capacity(), bytes_max);
    const std::size_t written = ZSTD_decompressDCtx(context_.get(), block->data(), room, input.data(), input.size());
    if (ZSTD_isError(written) == 0) {
      const std::string_view text(block->data(), written);
      return Slice(std::move(*block), text);
    }
    if (announced->complete || ZSTD_getErrorCode(written) != ZSTD_error_dstSize_tooSmall) {
      return Error{ErrorCode::malformed};
    }
    if (room == bytes_max) return Error{ErrorCode::too_large};
    if (const Result<> grown = block->grow(std::min(room * 2, bytes_max)); !grown) return grown.error();
  }
}

}  // namespace stint::wire
