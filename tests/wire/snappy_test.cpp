// SPDX-License-Identifier: Apache-2.0
// snappy beside what all encodings share: which of the two forms a body has, its chunks, lies, and the checksums.
#include "wire/snappy.h"

#include <gtest/gtest.h>

#include <string>

#include "wire/checksum.h"

namespace stint::wire {
namespace {

constexpr std::size_t bytes_max = 20u << 20;

std::string packed(SnappyFormat format, std::string_view text) {
  std::string out(snappy_bound(format, text.size()), '\0');
  out.resize(compress_snappy(format, text, out));
  return out;
}

class Snappy : public ::testing::Test {
 protected:
  Result<Slice> decompress(SnappyFormat format, std::string_view input) {
    return decompress_snappy(format, input, pool_, bytes_max);
  }
  ErrorCode refusal(SnappyFormat format, std::string_view input) {
    const Result<Slice> result = decompress(format, input);
    return result ? ErrorCode::stopping : result.error().code;
  }
  BlockPool pool_{64u << 20};
};

TEST_F(Snappy, TellsFramesFromABlock) {
  for (const SnappyFormat format : {SnappyFormat::block, SnappyFormat::framed}) {
    const Result<Slice> result = decompress(SnappyFormat::any, packed(format, "text"));
    ASSERT_TRUE(result);
    EXPECT_EQ(result->view(), "text");
  }
  EXPECT_EQ(refusal(SnappyFormat::framed, packed(SnappyFormat::block, "text")), ErrorCode::malformed);
}

TEST_F(Snappy, AllocatesOnceAndExactly) {
  for (const SnappyFormat format : {SnappyFormat::block, SnappyFormat::framed}) {
    BlockPool pool(64u << 20);
    ASSERT_TRUE(decompress_snappy(format, packed(format, std::string(3u << 20, 'a')), pool, bytes_max));
    EXPECT_LE(pool.bytes_in_use_peak(), (3u << 20) + 8192);
  }
}

TEST_F(Snappy, RefusesASizeThatCannotBeWithoutAllocating) {
  EXPECT_EQ(refusal(SnappyFormat::block,
                    "\xff\xff\xff\x0f"
                    "abc"),
            ErrorCode::malformed);
  EXPECT_EQ(refusal(SnappyFormat::block, "\xff\xff\xff\xff\xff"), ErrorCode::malformed);
  EXPECT_EQ(pool_.bytes_in_use_peak(), 0u);
}

TEST_F(Snappy, SkipsChunksOfOthersAndPadding) {
  const std::string one = packed(SnappyFormat::framed, "one");
  const std::string padding = std::string("\xfe\x03\x00\x00", 4) + "abc";
  const std::string others = std::string("\x80\x00\x00\x00", 4);
  const Result<Slice> result = decompress(SnappyFormat::framed, one + padding + others + one);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->view(), "oneone");
  EXPECT_EQ(refusal(SnappyFormat::framed, one + std::string("\x02\x00\x00\x00", 4)), ErrorCode::malformed);
  EXPECT_EQ(refusal(SnappyFormat::framed, padding + one), ErrorCode::malformed);
}

TEST_F(Snappy, RefusesChunksThatAreTooLarge) {
  const std::string head = packed(SnappyFormat::framed, "");
  const std::string block = packed(SnappyFormat::block, std::string(65537, 'a'));
  const auto size = static_cast<unsigned>(block.size() + 4);
  std::string chunk(1, '\0');
  for (int shift = 0; shift < 24; shift += 8) chunk += static_cast<char>(size >> shift);
  EXPECT_EQ(refusal(SnappyFormat::framed, head + chunk + "sum." + block), ErrorCode::malformed);
}

TEST_F(Snappy, StoresWhatDoesNotCompress) {
  std::string noise;
  for (std::uint32_t i = 0, state = 7; i < 100'000; ++i) noise += static_cast<char>((state = state * 48271u) >> 24);
  const std::string frames = packed(SnappyFormat::framed, noise);
  EXPECT_EQ(frames.size(), 10 + 2 * 8 + noise.size());
  const Result<Slice> result = decompress(SnappyFormat::framed, frames);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->view() == noise);
}

TEST(Checksum, OfCastagnoliIsThatOfTheStandard) {
  EXPECT_EQ(crc32c(""), 0u);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
}

TEST(Checksum, OfXxHashIsThatOfItsAuthor) {
  EXPECT_EQ(xxhash32(""), 0x02cc5d05u);
  EXPECT_EQ(xxhash32("a"), 0x550d7456u);
  EXPECT_EQ(xxhash32("abc"), 0x32d153ffu);
  EXPECT_EQ(xxhash32("Nobody inspects the spammish repetition"), 0xe2293b2fu);
}

}  // namespace
}  // namespace stint::wire
