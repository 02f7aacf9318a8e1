// SPDX-License-Identifier: Apache-2.0
// What holds for every encoding: round trips, the exact limit, bombs, damage and cuts at each byte, memory that is
// full.
#include "wire/compression.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include <string>
#include <vector>

#include "base/limits.h"
#include "base/slices.h"
#include "samples.h"

namespace stint::wire {
namespace {

constexpr std::size_t mib = 1u << 20;
constexpr std::size_t bytes_max = 20 * mib;

// What follows the end is nobody's business.
bool ends_itself(ContentEncoding encoding) {
  return encoding == ContentEncoding::zlib || encoding == ContentEncoding::deflate;
}

class Compression : public ::testing::TestWithParam<ContentEncoding> {
 protected:
  std::string compressed(std::string_view text, int level = 1) { return compressed_pieces({text}, level); }
  std::string compressed_pieces(const std::vector<std::string_view>& pieces, int level = 1) {
    BlockPool pool(256 * mib);
    std::vector<Slice> slices;
    for (const std::string_view piece : pieces) {
      slices.push_back(slice_of(pool, piece));
    }
    Compressor compressor(GetParam(), level);
    const Result<Slice> made = compressor.compress(slices, pool, copies_);
    EXPECT_TRUE(made);
    return made ? std::string(made->view()) : std::string();
  }
  Result<Slice> decompress(std::string_view input, std::size_t size_max = bytes_max) {
    // A copy of the exact size, so that the sanitizer sees a read behind its end.
    const std::vector<char> exact(input.begin(), input.end());
    return decompressor_.decompress(GetParam(), {exact.data(), exact.size()}, pool_, size_max);
  }
  ErrorCode refusal(std::string_view input, std::size_t size_max = bytes_max) {
    const Result<Slice> result = decompress(input, size_max);
    EXPECT_FALSE(result);
    return result ? ErrorCode::stopping : result.error().code;
  }
  void TearDown() override { EXPECT_EQ(pool_.blocks_in_use(), 0u); }

  BlockPool pool_{64 * mib};
  CopyCounters copies_;
  Decompressor decompressor_;
};

TEST_P(Compression, GoesRoundAtEverySize) {
  for (const std::size_t size : {0, 1, 15, 100, 65535, 65536, 65537, 200'000, 1'500'000}) {
    for (const std::string& text : {text_of(size), noise_of(size), std::string(size, 'x')}) {
      const std::string packed = compressed(text);
      const Result<Slice> result = decompress(packed);
      ASSERT_TRUE(result) << size;
      EXPECT_TRUE(result->view() == text) << size;
    }
  }
}

TEST_P(Compression, GoesRoundInSeveralSlicesAndAtEveryLevel) {
  const std::string text = text_of(300'000);
  const std::string_view view = text;
  for (int level = 1; level <= ZstdCompressor::level_max; ++level) {
    const Result<Slice> result = decompress(compressed_pieces(
        {view.substr(0, 1), view.substr(1, 150'000), view.substr(150'001), std::string_view()}, level));
    ASSERT_TRUE(result) << level;
    EXPECT_TRUE(result->view() == text) << level;
  }
}

TEST_P(Compression, MakesTextSmaller) { EXPECT_LT(compressed(text_of(100'000)).size(), 60'000u); }

TEST_P(Compression, GathersOnlyWhereTheEncodingNeedsOneRun) {
  copies_ = {};
  compressed_pieces({"several", "slices"});
  EXPECT_EQ(copies_.gathers, GetParam() == ContentEncoding::zstd ? 0u : 1u);
}

TEST_P(Compression, FillsItsLimitExactlyAndNotOneByteMore) {
  const std::string packed = compressed(text_of(100'000));
  const Result<Slice> exact = decompress(packed, 100'000);
  ASSERT_TRUE(exact);
  EXPECT_EQ(exact->size(), 100'000u);
  EXPECT_EQ(refusal(packed, 99'999), ErrorCode::too_large);
}

TEST_P(Compression, RefusesABombWithinItsLimit) {
  EXPECT_EQ(refusal(compressed(std::string(64 * mib, '\0'))), ErrorCode::too_large);
  EXPECT_LE(pool_.bytes_in_use_peak(), bytes_max + 8192);
}

TEST_P(Compression, RefusesEveryCut) {
  const std::string packed = compressed(text_of(3000));
  for (std::size_t size = 1; size < packed.size(); ++size) {
    const Result<Slice> result = decompress(packed.substr(0, size));
    if (GetParam() == ContentEncoding::x_snappy_framed && size == 10) {
      EXPECT_TRUE(result && result->size() == 0) << "the head alone is an empty stream";
      continue;
    }
    ASSERT_FALSE(result) << size;
    const ErrorCode code = result.error().code;
    ASSERT_TRUE(code == ErrorCode::malformed || code == ErrorCode::too_large) << size;
  }
}

// A block of snappy has no checksum: there only the memory is safe.
TEST_P(Compression, NeverGivesOtherTextWhenAByteIsCorrupted) {
  const std::string text = text_of(2000);
  const std::string packed = compressed(text);
  for (std::size_t at = 0; at < packed.size(); ++at) {
    for (const int flip : {1, 0x10, 0x80, 0xff}) {
      std::string bad = packed;
      bad[at] = static_cast<char>(bad[at] ^ flip);
      const Result<Slice> result = decompress(bad, 100'000);
      if (!result) continue;
      if (GetParam() == ContentEncoding::snappy) {
        EXPECT_LE(result->size(), 100'000u);
      } else {
        // A chunk that has become one to skip takes its text away, which its format allows.
        const bool skipped = GetParam() == ContentEncoding::x_snappy_framed && result->size() == 0;
        EXPECT_TRUE(skipped || result->view() == text) << at;
      }
    }
  }
}

TEST_P(Compression, RefusesBytesAfterTheEndButThoseOfZlib) {
  const std::string packed = compressed(text_of(1000));
  for (const std::string& rest : {std::string(1, '\0'), std::string(30, '\0'), std::string("rest of it")}) {
    const Result<Slice> result = decompress(packed + rest);
    EXPECT_EQ(result.has_value(), ends_itself(GetParam()));
    if (result) EXPECT_TRUE(result->view() == text_of(1000));
  }
}

TEST_P(Compression, ReadsStreamsBehindEachOtherWhereTheFormatHasThem) {
  const std::string two = compressed(text_of(70'000)) + compressed(text_of(5));
  const Result<Slice> result = decompress(two);
  ASSERT_EQ(result.has_value(), GetParam() != ContentEncoding::snappy);
  if (!result) return;
  EXPECT_TRUE(result->view() == text_of(70'000) + (ends_itself(GetParam()) ? std::string() : text_of(5)));
}

TEST_P(Compression, RefusesStreamsThatTogetherAreTooLarge) {
  if (GetParam() == ContentEncoding::snappy) return;
  const std::string member = compressed(std::string(mib, '\0'));
  std::string bomb;
  for (int i = 0; i < 30; ++i) bomb += member;
  if (ends_itself(GetParam())) {
    EXPECT_TRUE(decompress(bomb));
  } else {
    EXPECT_EQ(refusal(bomb), ErrorCode::too_large);
  }
  EXPECT_LE(pool_.bytes_in_use_peak(), bytes_max + 8192);
}

TEST_P(Compression, AnEmptyBodyIsAnEmptyTextWhereTheReferenceSaysSo) {
  const bool taken = GetParam() == ContentEncoding::zstd || GetParam() == ContentEncoding::lz4 ||
                     GetParam() == ContentEncoding::x_snappy_framed;
  const Result<Slice> result = decompress("");
  EXPECT_EQ(result.has_value(), taken);
  if (result) EXPECT_EQ(result->size(), 0u);
}

TEST_P(Compression, ReportsFullMemoryAndRecovers) {
  const std::string packed = compressed(text_of(mib));
  BlockPool small(256u << 10);
  const Result<Slice> result = decompressor_.decompress(GetParam(), packed, small, bytes_max);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::memory_full);
  EXPECT_EQ(small.blocks_in_use(), 0u);
  Compressor compressor(GetParam());
  Slice large = *decompress(packed);
  const Result<Slice> none = compressor.compress({&large, 1}, small, copies_);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::memory_full);
  EXPECT_TRUE(decompressor_.decompress(GetParam(), compressed("fine"), small, bytes_max));
}

TEST_P(Compression, IsNeverTakenForAnotherText) {
  const std::string own = compressed("text of some length");
  for (std::size_t i = 1; i < content_encoding_count; ++i) {
    const auto other = static_cast<ContentEncoding>(i);
    const Result<Slice> result = Decompressor().decompress(other, own, pool_, bytes_max);
    EXPECT_TRUE(!result || result->view() == "text of some length") << name(other);
    EXPECT_TRUE(result || other != GetParam());
  }
}

INSTANTIATE_TEST_SUITE_P(Of, Compression,
                         ::testing::Values(ContentEncoding::gzip, ContentEncoding::zstd, ContentEncoding::zlib,
                                           ContentEncoding::snappy, ContentEncoding::deflate, ContentEncoding::lz4,
                                           ContentEncoding::x_snappy_framed),
                         [](const auto& tested) {
                           std::string label(name(tested.param));
                           std::replace(label.begin(), label.end(), '-', '_');
                           return label;
                         });

TEST(ContentEncodings, HaveTheNamesOfTheReference) {
  for (const char* known : {"", "gzip", "zstd", "zlib", "snappy", "deflate", "lz4", "x-snappy-framed"}) {
    const auto encoding = content_encoding_of(known);
    ASSERT_TRUE(encoding) << known;
    EXPECT_EQ(name(*encoding), known);
  }
  EXPECT_EQ(content_encoding_of("GZip"), ContentEncoding::gzip);
  EXPECT_EQ(content_encoding_of("x-gzip"), ContentEncoding::gzip);
  EXPECT_EQ(content_encoding_of("identity"), ContentEncoding::identity);
  for (const char* unknown : {"br", "gzip, gzip", "compress", "lz", " gzip"}) {
    EXPECT_FALSE(content_encoding_of(unknown)) << unknown;
  }
}

}  // namespace
}  // namespace stint::wire
