// SPDX-License-Identifier: Apache-2.0
// HTTP/2 as the input of the targets for a server and a client: frames as (type, flags, stream, size, payload).
#pragma once

#include <algorithm>

#include "fuzz/fuzz.h"
#include "net/http2_output.h"

namespace stint::fuzz {

inline constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// SETTINGS and frames with true lengths, so that what is mutated is what they mean.
inline std::string frames_of(Input& input) {
  std::string bytes("\0\0\0\4\0\0\0\0\0", 9);
  for (int i = 0; i < 200 && !input.rest().empty(); ++i) {
    const std::uint8_t type = input.byte(), flags = input.byte(), stream = input.byte();
    std::size_t size = input.byte();
    if (size == 255) size = input.word();
    const std::string_view rest = input.rest();
    const std::string_view payload = rest.substr(0, size);
    bytes.append({'\0', static_cast<char>(payload.size() >> 8), static_cast<char>(payload.size()),
                  static_cast<char>(type % 12), static_cast<char>(flags), '\0', '\0', '\0',
                  static_cast<char>(stream % 16)});
    bytes.append(payload);
    input = Input(rest.substr(payload.size()));
  }
  return bytes;
}

/// What a side says: its frames are well-formed, each piece can be read where it lies.
class Said {
 public:
  explicit Said(std::size_t before_frames = 0) : before_frames_(before_frames) {}
  net::Http2Output& output() { return output_; }
  /// Takes the frames that are there; half a frame stays.
  void check() {
    for (const iovec& part : output_.parts()) bytes_.append(static_cast<const char*>(part.iov_base), part.iov_len);
    output_.clear();
    const std::size_t skipped = std::min(before_frames_, bytes_.size());
    bytes_.erase(0, skipped);
    before_frames_ -= skipped;
    while (bytes_.size() >= 9) {
      const auto at = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<std::uint8_t>(bytes_[i])); };
      const std::size_t size = at(0) << 16 | at(1) << 8 | at(2);
      if (bytes_.size() < 9 + size) return;
      STINT_CHECK(at(3) <= 9);
      bytes_.erase(0, 9 + size);
    }
  }

 private:
  std::size_t before_frames_;
  net::Http2Output output_;
  std::string bytes_;
};

}  // namespace stint::fuzz
