// SPDX-License-Identifier: Apache-2.0
// zstd on libzstd. Contexts are made at their first use and kept. A body is decompressed in one shot into its block, so
// the window that its head claims costs nothing: the output itself is the window.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "base/block.h"
#include "base/result.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace stint::wire {

class ZstdCompressor {
 public:
  static constexpr int level_max = 11;
  /// `level`: 1 to level_max.
  explicit ZstdCompressor(int level = 1) : level_(level) {}

  /// All slices as one frame with its size and a checksum, read from where they lie.
  /// Fails: memory_full.
  Result<Slice> compress(std::span<const Slice> slices, BlockPool& pool);

 private:
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const;
  };
  Result<> prepare(std::size_t size);
  int level_;
  std::unique_ptr<ZSTD_CCtx_s, Free> context_;
};

class ZstdDecompressor {
 public:
  /// Decompresses all frames of `input` into one block of `pool`; an empty input is an empty text. Frames that say how
  /// long they become get that much; what says nothing grows by doubling.
  /// Fails: malformed (also what follows the last frame, and the formats before 1.0); too_large (more than `bytes_max`,
  /// of which never more is allocated but a block's rounding); memory_full. After a failure all memory is back.
  /// Source: RFC 8878.
  Result<Slice> decompress(std::string_view input, BlockPool& pool, std::size_t bytes_max);

 private:
  struct Free {
    void operator()(ZSTD_DCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_DCtx_s, Free> context_;
};

}  // namespace stint::wire
