// SPDX-License-Identifier: Apache-2.0
// gzip and zlib: round trips, bombs, lies about sizes, damage at each byte.
#include "wire/gzip.h"

#include <gtest/gtest.h>

#include <string>

#include "samples.h"

namespace stint::wire {
namespace {

constexpr std::size_t mib = 1u << 20;
constexpr std::size_t bytes_max = 20 * mib;

std::string compressed(std::string_view text, DeflateFormat format = DeflateFormat::gzip, int level = 6) {
  Deflater deflater(level);
  std::string out(Deflater::bound(text.size()), '\0');
  const auto size = deflater.compress(format, text, out);
  EXPECT_TRUE(size);
  out.resize(size.value_or(0u));
  return out;
}

void claim_size(std::string& gzip, std::uint32_t size) {
  for (std::size_t i = 0; i < 4; ++i) gzip[gzip.size() - 4 + i] = static_cast<char>(size >> (8 * i));
}

class Gzip : public ::testing::Test {
 protected:
  Result<Slice> inflate(std::string_view input, DeflateFormat format = DeflateFormat::gzip,
                        std::size_t size_max = bytes_max) {
    return inflater_.inflate(format, input, pool_, size_max);
  }
  ErrorCode refusal(std::string_view input, DeflateFormat format = DeflateFormat::gzip,
                    std::size_t size_max = bytes_max) {
    const auto result = inflate(input, format, size_max);
    EXPECT_FALSE(result);
    return result ? ErrorCode::stopping : result.error().code;
  }
  void TearDown() override { EXPECT_EQ(pool_.blocks_in_use(), 0u); }

  BlockPool pool_{64 * mib};
  Inflater inflater_;
};

TEST_F(Gzip, GoesRoundAtEveryLevelAndSize) {
  for (const auto format : {DeflateFormat::gzip, DeflateFormat::zlib}) {
    for (int level = 0; level <= Deflater::level_max; ++level) {
      for (const std::size_t size : {0, 1, 100, 70000}) {
        const std::string text = text_of(size);
        const auto result = inflate(compressed(text, format, level), format);
        ASSERT_TRUE(result) << level << " " << size;
        EXPECT_EQ(result->view(), text);
      }
    }
  }
}

TEST_F(Gzip, BoundHoldsForWhatDoesNotCompress) {
  for (const std::size_t size : {0, 1, 1000, 300000}) {
    for (const int level : {0, 1, 12}) {
      const std::string noise = noise_of(size);
      EXPECT_LE(compressed(noise, DeflateFormat::zlib, level).size(), Deflater::bound(size));
      const auto result = inflate(compressed(noise, DeflateFormat::gzip, level));
      ASSERT_TRUE(result);
      EXPECT_EQ(result->view(), noise);
    }
  }
}

TEST_F(Gzip, TakesOneExactBlockForOneMember) {
  const auto result = inflate(compressed(text_of(3 * mib)));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->size(), 3 * mib);
  EXPECT_LE(pool_.bytes_in_use_peak(), 3 * mib + 8192);
}

TEST_F(Gzip, FillsItsLimitExactlyAndNotOneByteMore) {
  for (const auto format : {DeflateFormat::gzip, DeflateFormat::zlib}) {
    const std::string bytes = compressed(text_of(100000), format);
    const auto exact = inflate(bytes, format, 100000);
    ASSERT_TRUE(exact);
    EXPECT_EQ(exact->size(), 100000u);
    EXPECT_EQ(refusal(bytes, format, 99999), ErrorCode::too_large);
  }
}

TEST_F(Gzip, ReadsAllMembers) {
  std::string all;
  std::string expected;
  for (const std::size_t size : {70000, 0, 5, 200000, 1}) {
    all += compressed(text_of(size));
    expected += text_of(size);
  }
  const auto result = inflate(all);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->view(), expected);
}

TEST_F(Gzip, RefusesMembersThatTogetherAreTooLarge) {
  const std::string member = compressed(std::string(mib, '\0'));
  std::string bomb;
  for (int i = 0; i < 30; ++i) bomb += member;
  EXPECT_EQ(refusal(bomb + compressed("x")), ErrorCode::too_large);
  EXPECT_LE(pool_.bytes_in_use_peak(), bytes_max + 8192);
}

TEST_F(Gzip, RefusesABombWithoutAllocatingWhatItClaims) {
  const std::string bomb = compressed(std::string(64 * mib, '\0'));
  EXPECT_EQ(refusal(bomb), ErrorCode::too_large);
  EXPECT_EQ(pool_.bytes_in_use_peak(), 0u);
}

TEST_F(Gzip, RefusesAClaimOfOneGibibyteWithoutAllocating) {
  std::string large = compressed(noise_of(2 * mib), DeflateFormat::gzip, 0);
  claim_size(large, 1u << 30);
  EXPECT_EQ(refusal(large), ErrorCode::too_large);
  std::string small = compressed(text_of(1000));
  claim_size(small, 1u << 30);
  EXPECT_EQ(refusal(small), ErrorCode::malformed);
  EXPECT_EQ(pool_.bytes_in_use_peak(), 0u);
}

TEST_F(Gzip, StaysWithinItsLimitWhenABombLiesAboutItsSize) {
  for (const std::uint32_t claim : {0u, 1u, 1u << 20, 20u << 20}) {
    std::string bomb = compressed(std::string(64 * mib, '\0'));
    claim_size(bomb, claim);
    EXPECT_EQ(refusal(bomb), ErrorCode::too_large);
    EXPECT_LE(pool_.bytes_in_use_peak(), bytes_max + 8192);
  }
  EXPECT_EQ(refusal(compressed(std::string(64 * mib, '\0'), DeflateFormat::zlib), DeflateFormat::zlib),
            ErrorCode::too_large);
  EXPECT_LE(pool_.bytes_in_use_peak(), bytes_max + 8192);
}

TEST_F(Gzip, RefusesALieAboutTheSizeOfGoodData) {
  for (const std::uint32_t claim : {0u, 999u, 1001u, 100000u}) {
    std::string bytes = compressed(text_of(1000));
    claim_size(bytes, claim);
    EXPECT_EQ(refusal(bytes), ErrorCode::malformed) << claim;
  }
}

TEST_F(Gzip, RefusesBytesAfterTheEndOfGzipAndLeavesThoseAfterZlib) {
  const std::string bytes = compressed(text_of(100000));
  EXPECT_EQ(refusal(bytes + std::string(1, '\0')), ErrorCode::malformed);
  EXPECT_EQ(refusal(bytes + std::string(30, '\0')), ErrorCode::malformed);
  const std::string zlib = compressed("a", DeflateFormat::zlib);
  for (const std::string& rest : {std::string(1, '\0'), zlib}) {
    const auto result = inflate(zlib + rest, DeflateFormat::zlib);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->view(), "a");
  }
}

TEST_F(Gzip, RefusesEveryTruncation) {
  for (const auto format : {DeflateFormat::gzip, DeflateFormat::zlib}) {
    const std::string bytes = compressed(text_of(3000), format);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const auto result = inflate(std::string_view(bytes).substr(0, size), format);
      ASSERT_FALSE(result) << size;
      const ErrorCode code = result.error().code;
      ASSERT_TRUE(code == ErrorCode::malformed || code == ErrorCode::too_large) << size;
    }
  }
}

TEST_F(Gzip, NeverGivesOtherDataWhenAByteIsCorrupted) {
  const std::string text = text_of(2000);
  for (const auto format : {DeflateFormat::gzip, DeflateFormat::zlib}) {
    const std::string bytes = compressed(text, format);
    std::size_t refused = 0;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      for (const int flip : {1, 0x80, 0xff}) {
        std::string bad = bytes;
        bad[at] = static_cast<char>(bad[at] ^ flip);
        const auto result = inflate(bad, format);
        if (result) {
          ASSERT_EQ(result->view(), text) << at;  // time, system and level of gzip's header say nothing
        } else {
          ++refused;
        }
      }
    }
    EXPECT_GT(refused, (bytes.size() - 10) * 3 - 1);
  }
}

TEST_F(Gzip, ReportsFullMemoryAndRecovers) {
  BlockPool small(256u << 10);
  const std::string bytes = compressed(text_of(mib));
  EXPECT_EQ(inflater_.inflate(DeflateFormat::gzip, bytes, small, bytes_max).error().code, ErrorCode::memory_full);
  const std::string zlib = compressed(text_of(mib), DeflateFormat::zlib);
  EXPECT_EQ(inflater_.inflate(DeflateFormat::zlib, zlib, small, bytes_max).error().code, ErrorCode::memory_full);
  EXPECT_EQ(small.blocks_in_use(), 0u);
  EXPECT_TRUE(inflater_.inflate(DeflateFormat::gzip, compressed("fine"), small, bytes_max));
}

TEST_F(Gzip, RefusesTheOtherFormat) {
  EXPECT_EQ(refusal(compressed("text of some length", DeflateFormat::zlib)), ErrorCode::malformed);
  EXPECT_EQ(refusal(compressed("text"), DeflateFormat::zlib), ErrorCode::malformed);
  EXPECT_EQ(refusal(""), ErrorCode::malformed);
  EXPECT_EQ(refusal("", DeflateFormat::zlib), ErrorCode::malformed);
}

}  // namespace
}  // namespace stint::wire
