// SPDX-License-Identifier: Apache-2.0
// The chunked coding: however the bytes are cut, the body is the same; what was written as chunks is read back.
// Input: a byte of settings, then the bytes that follow a head.
#include <algorithm>

#include "fuzz/fuzz.h"
#include "wire/chunked.h"

namespace stint::fuzz {
namespace {

struct Decoded {
  std::string body;
  std::size_t consumed = 0;
  std::size_t pieces = 0;
  bool done = false;
  bool failed = false;
};

// Gives the decoder at most `step` bytes at a time.
Decoded decode(std::string_view bytes, std::size_t step) {
  Decoded decoded;
  wire::ChunkedDecoder decoder;
  while (!decoded.done && decoded.consumed < bytes.size()) {
    const ExactCopy window(bytes.substr(decoded.consumed, step));
    const Result<wire::ChunkedDecoder::Step> next = decoder.next(window.view());
    if (!next) {
      decoded.failed = true;
      return decoded;
    }
    STINT_CHECK(next->consumed <= window.view().size() && (next->consumed > 0 || next->done));
    STINT_CHECK(lies_within(next->piece, window.view()) && next->piece.size() <= next->consumed);
    decoded.body.append(next->piece);
    decoded.consumed += next->consumed;
    decoded.pieces += next->piece.empty() ? 0 : 1;
    decoded.done = next->done;
  }
  return decoded;
}

void check_same(const Decoded& left, const Decoded& right) {
  STINT_CHECK(left.failed == right.failed && left.done == right.done && left.body == right.body);
  STINT_CHECK(!left.done || left.consumed == right.consumed);
}

}  // namespace

void run(std::string_view bytes) {
  Input input(bytes);
  const std::size_t step = 1 + input.byte() % 32;
  const std::string_view coded = input.rest();
  const Decoded whole = decode(coded, coded.size());
  check_same(whole, decode(coded, step));
  check_same(whole, decode(coded, 1));
  plant_bug({whole.pieces >= 2, whole.pieces >= 3, whole.done}, bytes);

  std::string written;
  std::string body;
  for (Input chunks(coded); !chunks.rest().empty();) {
    const std::string_view chunk = chunks.text();
    wire::append_chunk(written, chunk);
    body.append(chunk);
  }
  written.append(wire::last_chunk);
  const Decoded read = decode(written, step);
  STINT_CHECK(read.done && read.consumed == written.size() && read.body == body);
}

}  // namespace stint::fuzz
