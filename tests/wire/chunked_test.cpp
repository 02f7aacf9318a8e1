// SPDX-License-Identifier: Apache-2.0
// The chunked coding, whole and at every split point, and what is refused.
#include "wire/chunked.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>

#include "base/limits.h"

namespace stint::wire {
namespace {

using namespace std::string_literals;

struct Decoded {
  std::string body;
  std::size_t consumed = 0;
  bool done = false;
  std::optional<Error> error;
};

// Feeds `bytes` in runs of at most `run` bytes, as a connection would.
Decoded decode(const std::string& bytes, std::size_t run = std::string::npos, std::size_t first_run = 0) {
  Decoded decoded;
  ChunkedDecoder decoder;
  std::size_t given = 0;
  while (!decoded.done) {
    if (decoded.consumed == given) {
      if (given == bytes.size()) return decoded;
      given += std::min(first_run > 0 && given == 0 ? first_run : run, bytes.size() - given);
    }
    const std::string input = bytes.substr(decoded.consumed, given - decoded.consumed);
    const auto step = decoder.next(input);
    if (!step) {
      decoded.error = step.error();
      return decoded;
    }
    decoded.body += step->piece;
    decoded.consumed += step->consumed;
    decoded.done = step->done;
  }
  return decoded;
}

const std::string body =
    "4\r\nWiki\r\n6;a=b;c=\"d e\"\r\npedia \r\n00E\r\nin \r\n\r\nchunks.\r\n0;x\r\nTrailer: y\r\nB: \r\n\r\n";
const std::string text = "Wikipedia in \r\n\r\nchunks.";

TEST(ChunkedDecoder, ReadsAWholeBodyAndLeavesWhatFollows) {
  const Decoded decoded = decode(body + "GET / HTTP/1.1\r\n");
  EXPECT_TRUE(decoded.done);
  EXPECT_EQ(decoded.body, text);
  EXPECT_EQ(decoded.consumed, body.size());
}

TEST(ChunkedDecoder, ReadsTheSameAtEverySplit) {
  for (std::size_t split = 1; split < body.size(); ++split) {
    const Decoded decoded = decode(body, std::string::npos, split);
    EXPECT_TRUE(decoded.done) << split;
    EXPECT_EQ(decoded.body, text) << split;
    EXPECT_EQ(decoded.consumed, body.size());
  }
  for (std::size_t run = 1; run < 9; ++run) EXPECT_EQ(decode(body, run).body, text) << run;
}

TEST(ChunkedDecoder, IsNeverDoneBeforeTheLastByte) {
  for (std::size_t size = 0; size < body.size(); ++size) {
    const Decoded decoded = decode(body.substr(0, size));
    EXPECT_FALSE(decoded.done) << size;
    EXPECT_FALSE(decoded.error) << size;
    EXPECT_EQ(decoded.consumed, size);
  }
}

TEST(ChunkedDecoder, YieldsViewsOfTheInput) {
  ChunkedDecoder decoder;
  const std::string bytes = "5\r\nhello\r\n";
  const auto step = decoder.next(bytes);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->piece.data(), bytes.data() + 3);
  EXPECT_EQ(step->consumed, 8u);
}

TEST(ChunkedDecoder, SaysWhatIsLeftOfTheChunk) {
  ChunkedDecoder decoder;
  EXPECT_EQ(decoder.chunk_bytes_left(), 0u);
  ASSERT_TRUE(decoder.next("10\r\n"));
  EXPECT_EQ(decoder.chunk_bytes_left(), 16u);
  ASSERT_TRUE(decoder.next("abc"));
  EXPECT_EQ(decoder.chunk_bytes_left(), 13u);
}

TEST(ChunkedDecoder, ReadsAnEmptyBody) {
  const Decoded decoded = decode("0\r\n\r\n");
  EXPECT_TRUE(decoded.done);
  EXPECT_EQ(decoded.body, "");
}

TEST(ChunkedDecoder, AllowsBlanksAfterTheSize) { EXPECT_EQ(decode("3 \t\r\nabc\r\n0\r\n\r\n").body, "abc"); }

TEST(ChunkedDecoder, RefusesWhatIsNotChunked) {
  for (const std::string& bytes :
       {"\r\n"s,          "x\r\n"s,       "-1\r\n"s,           "0x5\r\n"s,     " 5\r\n"s,      "5 5\r\n"s,
        "5\nhello\r\n"s,  "5\r\r\n"s,     "5\rhello"s,         ";\r\n"s,       "5\r\nhellox"s, "5\r\nhello\n"s,
        "5\r\nhello\rx"s, "5;a\nb\r\n"s,  "5;a\0b\r\n"s,       "0\r\n\n"s,     "0\r\n\rx"s,    "0\r\n folded: a\r\n"s,
        "0\r\n: a\r\n"s,  "0\r\nA: b\n"s, "0\r\nA: \x01\r\n"s, "0\r\nA: b\rc"s}) {
    const Decoded decoded = decode(bytes);
    ASSERT_TRUE(decoded.error) << bytes;
    EXPECT_EQ(decoded.error->code, ErrorCode::malformed) << bytes;
    EXPECT_EQ(decode(bytes, 1).error, decoded.error) << bytes;
  }
}

TEST(ChunkedDecoder, TakesTheLargestSizeAndRefusesALargerOne) {
  ChunkedDecoder decoder;
  ASSERT_TRUE(decoder.next("ffffffffffffffff\r\n"));
  EXPECT_EQ(decoder.chunk_bytes_left(), ~std::uint64_t{0});
  EXPECT_EQ(decode("10000000000000000\r\n").error->code, ErrorCode::too_large);
  EXPECT_EQ(decode("00000000000000000005\r\nhello\r\n0\r\n\r\n").body, "hello");
}

TEST(ChunkedDecoder, BoundsWhatItIgnores) {
  const auto code = [](const std::string& bytes) {
    const Decoded decoded = decode(bytes);
    return decoded.error ? decoded.error->code : ErrorCode::stopping;
  };
  EXPECT_EQ(code("5;" + std::string(20000, 'x')), ErrorCode::too_large);
  EXPECT_EQ(code("5 " + std::string(20000, ' ')), ErrorCode::too_large);
  EXPECT_EQ(code(std::string(20000, '0')), ErrorCode::too_large);
  std::string many;
  for (int i = 0; i < 2000; ++i) many += "1;extension\r\nx\r\n";
  EXPECT_EQ(code(many), ErrorCode::too_large);
  EXPECT_EQ(code("0\r\nA: " + std::string(limits::http_head_bytes_max, 'x')), ErrorCode::too_large);
  std::string trailers = "0\r\n";
  for (std::size_t i = 0; i < limits::http_head_bytes_max / 4 + 1; ++i) trailers += "A: b\r\n";
  EXPECT_EQ(code(trailers), ErrorCode::too_large);
}

TEST(ChunkedWriter, WritesWhatTheDecoderReads) {
  std::string bytes;
  append_chunk(bytes, "hello ");
  append_chunk(bytes, "");
  append_chunk(bytes, std::string(300, 'x'));
  bytes += last_chunk;
  const Decoded decoded = decode(bytes);
  EXPECT_TRUE(decoded.done);
  EXPECT_EQ(decoded.body, "hello " + std::string(300, 'x'));
}

}  // namespace
}  // namespace stint::wire
