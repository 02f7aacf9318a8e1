// SPDX-License-Identifier: Apache-2.0
// The encodings of bodies by their names in HTTP, and one compressor and one decompressor for all of them. What an
// encoding keeps is made at its first use and lives as long as its owner.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/arena.h"
#include "base/block.h"
#include "base/result.h"
#include "wire/gzip.h"
#include "wire/zstd.h"

namespace stint::wire {

/// `zlib` and `deflate` are two names of one format.
enum class ContentEncoding : std::uint8_t { identity, gzip, zstd, zlib, snappy, deflate, lz4, x_snappy_framed };
inline constexpr std::size_t content_encoding_count = 8;

/// As it stands in Content-Encoding; of identity: empty, for then the header is left out.
std::string_view name(ContentEncoding encoding);
/// None: no encoding of ours. Capitals do not matter; `identity` and `x-gzip` are known, too.
std::optional<ContentEncoding> content_encoding_of(std::string_view name);

/// Some of the encodings.
class ContentEncodings {
 public:
  static constexpr ContentEncodings all() { return ContentEncodings((1u << content_encoding_count) - 1); }
  constexpr ContentEncodings() = default;
  constexpr void add(ContentEncoding encoding) { bits_ |= bit(encoding); }
  constexpr bool has(ContentEncoding encoding) const { return (bits_ & bit(encoding)) != 0; }

 private:
  constexpr explicit ContentEncodings(unsigned bits) : bits_(bits) {}
  static constexpr unsigned bit(ContentEncoding encoding) { return 1u << static_cast<unsigned>(encoding); }
  unsigned bits_ = 0;
};

class Compressor {
 public:
  /// `level`: of gzip, zlib and deflate as Deflater says, of zstd as ZstdCompressor says; the others have none.
  explicit Compressor(ContentEncoding encoding, int level = 1);

  /// All slices as one body in a block of `pool`. zstd reads them from where they lie, the others gather them first.
  /// Requires: not identity. Fails: memory_full.
  Result<Slice> compress(std::span<const Slice> slices, BlockPool& pool, CopyCounters& copies);

 private:
  std::size_t bound(std::size_t size) const;
  Result<std::size_t> compress(std::string_view input, std::span<char> output);
  ContentEncoding encoding_;
  Deflater deflater_;
  ZstdCompressor zstd_;
};

class Decompressor {
 public:
  /// Decompresses a body into a block of `pool`; identity is not its business.
  /// Fails: malformed (also cut, and bytes after the end but for zlib's); too_large (more than `bytes_max`, of which
  /// never more is allocated but a block's rounding); memory_full. After a failure all memory is back.
  Result<Slice> decompress(ContentEncoding encoding, std::string_view input, BlockPool& pool, std::size_t bytes_max);

 private:
  Inflater inflater_;
  ZstdDecompressor zstd_;
};

}  // namespace stint::wire
