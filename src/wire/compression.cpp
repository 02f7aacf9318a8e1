// SPDX-License-Identifier: Apache-2.0
#include "wire/compression.h"

#include "base/check.h"
#include "wire/http1.h"
#include "wire/lz4.h"
#include "wire/snappy.h"

namespace stint::wire {
namespace {

constexpr std::string_view names[content_encoding_count] = {"",       "gzip",    "zstd", "zlib",
                                                            "snappy", "deflate", "lz4",  "x-snappy-framed"};

}  // namespace

std::string_view name(ContentEncoding encoding) { return names[static_cast<std::size_t>(encoding)]; }

std::optional<ContentEncoding> content_encoding_of(std::string_view name) {
  for (std::size_t i = 0; i < content_encoding_count; ++i) {
    if (equals_ignoring_case(name, names[i])) return static_cast<ContentEncoding>(i);
  }
  if (equals_ignoring_case(name, "identity")) return ContentEncoding::identity;
  if (equals_ignoring_case(name, "x-gzip")) return ContentEncoding::gzip;
  return std::nullopt;
}

Compressor::Compressor(ContentEncoding encoding, int level) : encoding_(encoding), deflater_(level), zstd_(level) {}

std::size_t Compressor::bound(std::size_t size) const {
  switch (encoding_) {
    case ContentEncoding::snappy: return snappy_bound(SnappyFormat::block, size);
    case ContentEncoding::x_snappy_framed: return snappy_bound(SnappyFormat::framed, size);
    case ContentEncoding::lz4: return lz4_bound(size);
    default: return Deflater::bound(size);
  }
}

Result<std::size_t> Compressor::compress(std::string_view input, std::span<char> output) {
  switch (encoding_) {
    case ContentEncoding::snappy: return compress_snappy(SnappyFormat::block, input, output);
    case ContentEncoding::x_snappy_framed: return compress_snappy(SnappyFormat::framed, input, output);
    case ContentEncoding::lz4: return compress_lz4(input, output);
    case ContentEncoding::gzip: return deflater_.compress(DeflateFormat::gzip, input, output);
    default: return deflater_.compress(DeflateFormat::zlib, input, output);
  }
}

Result<Slice> Compressor::compress(std::span<const Slice> slices, BlockPool& pool, CopyCounters& copies) {
  STINT_CHECK(encoding_ != ContentEncoding::identity);
  if (encoding_ == ContentEncoding::zstd) return zstd_.compress(slices, pool);
  Arena arena(pool, copies);
  const Result<Slice> input = arena.gather(slices);
  if (!input) return input.error();
  Result<Block> output = pool.allocate(bound(input->size()));
  if (!output) return output.error();
  const Result<std::size_t> size = compress(input->view(), {output->data(), output->capacity()});
  if (!size) return size.error();
  const std::string_view compressed(output->data(), *size);
  return Slice(std::move(*output), compressed);
}

Result<Slice> Decompressor::decompress(ContentEncoding encoding, std::string_view input, BlockPool& pool,
                                       std::size_t bytes_max) {
  switch (encoding) {
    case ContentEncoding::gzip: return inflater_.inflate(DeflateFormat::gzip, input, pool, bytes_max);
    case ContentEncoding::zlib:
    case ContentEncoding::deflate: return inflater_.inflate(DeflateFormat::zlib, input, pool, bytes_max);
    case ContentEncoding::zstd: return zstd_.decompress(input, pool, bytes_max);
    case ContentEncoding::snappy: return decompress_snappy(SnappyFormat::any, input, pool, bytes_max);
    case ContentEncoding::x_snappy_framed: return decompress_snappy(SnappyFormat::framed, input, pool, bytes_max);
    case ContentEncoding::lz4: return decompress_lz4(input, pool, bytes_max);
    case ContentEncoding::identity: break;
  }
  return Error{ErrorCode::unsupported};
}

}  // namespace stint::wire
