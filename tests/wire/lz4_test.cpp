// SPDX-License-Identifier: Apache-2.0
// lz4 beside what all encodings share: frames of the library's own writer in all its forms, and ours read by its
// reader.
#include "wire/lz4.h"

#include <gtest/gtest.h>
#include <lz4frame.h>

#include <random>
#include <string>
#include <vector>

namespace stint::wire {
namespace {

constexpr std::size_t mib = 1u << 20;
constexpr std::size_t bytes_max = 20 * mib;

std::string text_of(std::size_t size) {
  std::minstd_rand random(42);
  std::string text;
  while (text.size() < size) text += "attribute." + std::to_string(random() % 1000) + "=value ";
  text.resize(size);
  return text;
}

struct Form {
  LZ4F_blockSizeID_t block = LZ4F_default;
  LZ4F_blockMode_t mode = LZ4F_blockLinked;
  bool text_checksum = false;
  bool block_checksums = false;
  bool size = false;
};

std::string frame(std::string_view text, const Form& form) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockSizeID = form.block;
  preferences.frameInfo.blockMode = form.mode;
  preferences.frameInfo.contentChecksumFlag = form.text_checksum ? LZ4F_contentChecksumEnabled : LZ4F_noContentChecksum;
  preferences.frameInfo.blockChecksumFlag = form.block_checksums ? LZ4F_blockChecksumEnabled : LZ4F_noBlockChecksum;
  preferences.frameInfo.contentSize = form.size ? text.size() : 0;
  LZ4F_cctx* context = nullptr;
  LZ4F_createCompressionContext(&context, LZ4F_VERSION);
  std::string out(LZ4F_compressBound(text.size(), &preferences) + LZ4F_HEADER_SIZE_MAX, '\0');
  // Not the one-shot call: that makes a short text one independent block.
  std::size_t written = LZ4F_compressBegin(context, out.data(), out.size(), &preferences);
  written += LZ4F_compressUpdate(context, &out[written], out.size() - written, text.data(), text.size(), nullptr);
  written += LZ4F_compressEnd(context, &out[written], out.size() - written, nullptr);
  LZ4F_freeCompressionContext(context);
  out.resize(written);
  return out;
}

class Lz4 : public ::testing::Test {
 protected:
  Result<Slice> decompress(std::string_view input) { return decompress_lz4(input, pool_, bytes_max); }
  ErrorCode refusal(std::string_view input) {
    const Result<Slice> result = decompress(input);
    return result ? ErrorCode::stopping : result.error().code;
  }
  BlockPool pool_{64 * mib};
};

TEST_F(Lz4, ReadsEveryFormOfFrame) {
  for (const auto block : {LZ4F_max64KB, LZ4F_max256KB, LZ4F_max1MB, LZ4F_max4MB}) {
    for (int bits = 0; bits < 16; ++bits) {
      const Form form{block, (bits & 1) != 0 ? LZ4F_blockIndependent : LZ4F_blockLinked, (bits & 2) != 0,
                      (bits & 4) != 0, (bits & 8) != 0};
      for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{70'000}, 2 * mib}) {
        const Result<Slice> result = decompress(frame(text_of(size), form));
        ASSERT_TRUE(result) << block << " " << bits << " " << size;
        EXPECT_TRUE(result->view() == text_of(size));
      }
    }
  }
}

TEST_F(Lz4, AFrameThatSaysItsSizeGetsThatMuch) {
  const Result<Slice> result = decompress(frame(text_of(3 * mib), {.block = LZ4F_max4MB, .size = true}));
  ASSERT_TRUE(result);
  EXPECT_LE(pool_.bytes_in_use_peak(), 3 * mib + 8192);
}

TEST_F(Lz4, SmallBodiesOfLargeBlocksStaySmall) {
  const std::string packed = frame(text_of(10'000), {.block = LZ4F_max4MB});
  const Result<Slice> result = decompress(packed);
  ASSERT_TRUE(result);
  EXPECT_LE(pool_.bytes_in_use_peak(), 64u << 10);
}

TEST_F(Lz4, LinkedBlocksDoNotReachIntoTheFrameBefore) {
  const Form linked{.block = LZ4F_max64KB};
  const std::string second = frame(text_of(200'000), linked);
  const Result<Slice> result = decompress(frame(text_of(100'000), linked) + second);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->view() == text_of(100'000) + text_of(200'000));
}

TEST_F(Lz4, SkipsWhatApplicationsPutBetweenFrames) {
  const std::string skippable = std::string("\x5f\x2a\x4d\x18\x03\x00\x00\x00", 8) + "own";
  const Result<Slice> result = decompress(skippable + frame("text", {}) + skippable);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->view(), "text");
  EXPECT_EQ(refusal(skippable.substr(0, 9)), ErrorCode::malformed);
}

TEST_F(Lz4, RefusesALieAboutTheSize) {
  std::string packed = frame(text_of(1000), {.size = true});
  for (const std::string& other : {frame(text_of(999), {.size = true}), frame(text_of(100'000), {.size = true})}) {
    EXPECT_EQ(refusal(other.substr(0, 15) + packed.substr(15)), ErrorCode::malformed);
  }
}

TEST_F(Lz4, RefusesABlockWithAWrongChecksum) {
  const std::string packed = frame(text_of(1000), {.block_checksums = true});
  for (std::size_t at = 7; at < packed.size(); ++at) {
    std::string bad = packed;
    bad[at] = static_cast<char>(bad[at] ^ 0x40);
    EXPECT_FALSE(decompress(bad)) << at;
  }
}

TEST_F(Lz4, RefusesDictionariesAndTheLegacyFormat) {
  EXPECT_EQ(refusal(std::string("\x04\x22\x4d\x18\x61\x40\x01\x00\x00\x00\x77\x00\x00\x00\x00", 15)),
            ErrorCode::malformed);
  EXPECT_EQ(refusal(std::string("\x02\x21\x4c\x18\x02\x00\x00\x00\x10x", 10)), ErrorCode::malformed);
}

TEST_F(Lz4, IsReadByTheLibrarysOwnReader) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{5000}, 9 * mib}) {
    const std::string text = text_of(size);
    std::string packed(lz4_bound(size), '\0');
    packed.resize(compress_lz4(text, packed));
    std::string read(size + 1, '\0');
    std::size_t read_bytes = read.size();
    std::size_t taken = packed.size();
    LZ4F_dctx* context = nullptr;
    LZ4F_createDecompressionContext(&context, LZ4F_VERSION);
    const std::size_t more = LZ4F_decompress(context, read.data(), &read_bytes, packed.data(), &taken, nullptr);
    LZ4F_freeDecompressionContext(context);
    EXPECT_EQ(more, 0u) << size;
    EXPECT_EQ(taken, packed.size());
    read.resize(read_bytes);
    EXPECT_TRUE(read == text);
  }
}

}  // namespace
}  // namespace stint::wire
