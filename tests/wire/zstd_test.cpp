// SPDX-License-Identifier: Apache-2.0
// zstd beside what all encodings share: frames without a size, windows, lies, skippable and legacy frames.
#include "wire/zstd.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include <string>

#include "base/limits.h"
#include "base/slices.h"

namespace stint::wire {
namespace {

constexpr std::size_t mib = 1u << 20;
constexpr std::size_t bytes_max = 20 * mib;

// By the library's streaming interface, as senders do that do not know the size.
std::string frame_without_size(std::string_view text, int window_log = 0) {
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  if (window_log != 0) ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress2(context, out.data(), out.size(), text.data(), text.size()));
  ZSTD_freeCCtx(context);
  return out;
}

std::string skippable(std::string_view content) {
  return std::string("\x53\x2a\x4d\x18", 4) + static_cast<char>(content.size()) + std::string(3, '\0') +
         std::string(content);
}

class Zstd : public ::testing::Test {
 protected:
  Result<Slice> decompress(std::string_view input) { return decompressor_.decompress(input, pool_, bytes_max); }
  ErrorCode refusal(std::string_view input) {
    const Result<Slice> result = decompress(input);
    return result ? ErrorCode::stopping : result.error().code;
  }
  BlockPool pool_{64 * mib};
  ZstdDecompressor decompressor_;
};

TEST_F(Zstd, GrowsForFramesThatDoNotSayTheirSize) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, 5 * mib, bytes_max}) {
    const Result<Slice> result = decompress(frame_without_size(std::string(size, 'a')));
    ASSERT_TRUE(result) << size;
    EXPECT_TRUE(result->view() == std::string(size, 'a'));
  }
  EXPECT_EQ(refusal(frame_without_size(std::string(bytes_max + 1, 'a'))), ErrorCode::too_large);
  EXPECT_EQ(refusal(frame_without_size(std::string(100 * mib, 'a'))), ErrorCode::too_large);
  EXPECT_LE(pool_.bytes_in_use_peak(), bytes_max + 8192);
}

TEST_F(Zstd, AnyWindowCostsNothingBeyondTheText) {
  const Result<Slice> result = decompress(frame_without_size(std::string(1000, 'a'), 27));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->size(), 1000u);
  EXPECT_LE(pool_.bytes_in_use_peak(), BlockPool::smallest_bytes);
}

TEST_F(Zstd, MixesFramesWithAndWithoutSize) {
  std::string known(ZSTD_compressBound(3), '\0');
  known.resize(ZSTD_compress(known.data(), known.size(), "one", 3, 1));
  const Result<Slice> result = decompress(skippable("own") + known + frame_without_size("two") + skippable("") + known);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->view(), "onetwoone");
}

TEST_F(Zstd, RefusesASizeThatCannotBeWithoutAllocating) {
  // One frame with an eight-byte size and one empty last block.
  std::string lie("\x28\xb5\x2f\xfd\xe0", 5);
  lie += std::string("\x00\x00\x00\x01\x00\x00\x00\x00", 8) + std::string("\x01\x00\x00", 3);
  EXPECT_EQ(refusal(lie), ErrorCode::malformed);
  lie[8] = 0, lie[7] = 0x10;  // 1 MiB
  EXPECT_EQ(refusal(lie), ErrorCode::malformed);
  EXPECT_EQ(pool_.bytes_in_use_peak(), 0u);
}

TEST_F(Zstd, RefusesTheFormatsBeforeOnePointZero) {
  for (const char version : {'\x22', '\x23', '\x24', '\x25', '\x26', '\x27'}) {
    std::string legacy = frame_without_size("text");
    legacy[0] = version;
    EXPECT_EQ(refusal(legacy), ErrorCode::malformed);
  }
}

TEST_F(Zstd, WritesOneFrameWithItsSizeAndAWindowWithinTheLimit) {
  const std::string text(5 * mib, 'a');
  const Slice slice = slice_of(pool_, text);
  ZstdCompressor compressor(11);
  const Result<Slice> packed = compressor.compress({&slice, 1}, pool_);
  ASSERT_TRUE(packed);
  EXPECT_EQ(ZSTD_getFrameContentSize(packed->view().data(), packed->size()), text.size());
  // Where the frame is not a single segment, its sixth byte is the window: exponent and eighths.
  const auto descriptor = static_cast<unsigned char>(packed->view()[5]);
  EXPECT_LE(std::size_t{1024} << (descriptor >> 3), limits::zstd_window_bytes_max);
}

}  // namespace
}  // namespace stint::wire
