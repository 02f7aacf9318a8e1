// SPDX-License-Identifier: Apache-2.0
// The recycling memory under HTTP/2: pieces keep what is written into them, come back, and never pile up.
#include "net/http2_memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string_view>
#include <vector>

namespace stint::net {
namespace {

TEST(Http2Memory, GivesOutAgainWhatCameBack) {
  Http2Memory memory;
  void* const first = memory.allocate(100);
  memory.release(first);
  EXPECT_EQ(memory.bytes_retained(), 128u);
  void* const second = memory.allocate(128);
  EXPECT_EQ(second, first);
  EXPECT_EQ(memory.bytes_retained(), 0u);
  memory.release(second);
  memory.release(nullptr);
  EXPECT_EQ(memory.pieces_in_use(), 0u);
}

TEST(Http2Memory, KeepsTheBytesOfAPieceThatGrows) {
  Http2Memory memory;
  auto* text = static_cast<char*>(memory.resize(nullptr, 20));
  std::memcpy(text, "eighteen bytes long", 20);
  for (const std::size_t size : {30u, 33u, 5000u, 70'000u, 10u}) text = static_cast<char*>(memory.resize(text, size));
  EXPECT_EQ(std::string_view(text), "eighteen bytes long");
  memory.release(text);
  EXPECT_EQ(memory.pieces_in_use(), 0u);
}

TEST(Http2Memory, RetainsNoMoreThanItsLimit) {
  Http2Memory memory;
  std::vector<void*> pieces;
  for (std::size_t bytes = 0; bytes < 2 * limits::http2_retained_bytes_max; bytes += 4096) {
    pieces.push_back(memory.allocate(4096));
  }
  for (void* piece : pieces) memory.release(piece);
  EXPECT_LE(memory.bytes_retained(), limits::http2_retained_bytes_max);
  EXPECT_EQ(memory.pieces_in_use(), 0u);
}

}  // namespace
}  // namespace stint::net
