// SPDX-License-Identifier: Apache-2.0
// gzip and zlib in one shot on libdeflate. The (de)compressor is made at its first use and kept: nothing here costs a
// cold start that does not compress. Output goes into memory of the caller or of a pool, never beyond the given limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/block.h"
#include "base/result.h"

struct libdeflate_compressor;
struct libdeflate_decompressor;

namespace stint::wire {

/// `zlib` is what HTTP calls "deflate".
enum class DeflateFormat : std::uint8_t { gzip, zlib };

class Deflater {
 public:
  static constexpr int level_max = 12;
  /// `level`: 0 (stored) to level_max; 1 is our default, for it costs a fifth of the usual 6 at nearly its size.
  explicit Deflater(int level = 1) : level_(level) {}

  /// The most bytes that `size` bytes can become in either format.
  static std::size_t bound(std::size_t size);

  /// Compresses `input` into `output`, returns the bytes written.
  /// Requires: output.size() is at least bound(input.size()). Fails: memory_full (no compressor).
  Result<std::size_t> compress(DeflateFormat format, std::string_view input, std::span<char> output);

 private:
  struct Free {
    void operator()(libdeflate_compressor* compressor) const;
  };
  int level_;
  std::unique_ptr<libdeflate_compressor, Free> compressor_;
};

class Inflater {
 public:
  /// Decompresses `input` into one block of `pool`: for gzip every member of it; for zlib what follows is not read, as
  /// zlib's own readers do.
  /// A gzip input says how long it becomes and gets that much; what says nothing or lies grows by doubling.
  /// Fails: malformed (also bytes after the last member, an empty input); too_large (more than `bytes_max`, of which
  /// never more is allocated but a block's rounding); memory_full. After a failure all memory is back. Source: RFC
  /// 1950, RFC 1952.
  Result<Slice> inflate(DeflateFormat format, std::string_view input, BlockPool& pool, std::size_t bytes_max);

 private:
  struct Free {
    void operator()(libdeflate_decompressor* decompressor) const;
  };
  std::unique_ptr<libdeflate_decompressor, Free> decompressor_;
};

}  // namespace stint::wire
