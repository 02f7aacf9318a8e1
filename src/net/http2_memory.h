// SPDX-License-Identifier: Apache-2.0
// Memory for nghttp2: what it gives back is kept by size and given out again, so that a call on a warm connection costs
// no heap allocation of the library. Bounded; one thread only. Outlives every session that was made with it.
#pragma once

#include <cstddef>

#include "base/limits.h"

namespace stint::net {

class Http2Memory {
 public:
  Http2Memory() = default;
  Http2Memory(const Http2Memory&) = delete;
  Http2Memory& operator=(const Http2Memory&) = delete;
  /// Requires: everything is back.
  ~Http2Memory();

  void* allocate(std::size_t size);
  void* resize(void* memory, std::size_t size);
  void release(void* memory);

  /// Bytes that are kept for reuse.
  std::size_t bytes_retained() const { return retained_; }
  std::size_t pieces_in_use() const { return in_use_; }

 private:
  struct Piece;
  static constexpr std::size_t class_count = 8;  // 32 bytes to 4 KiB
  static std::size_t class_of(std::size_t size);

  Piece* free_[class_count] = {};
  std::size_t retained_ = 0;
  std::size_t in_use_ = 0;
};

}  // namespace stint::net
