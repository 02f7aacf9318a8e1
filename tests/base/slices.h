// SPDX-License-Identifier: Apache-2.0
// Slices for tests and fuzz targets, each over a block of its own whose rest the address sanitizer guards.
#pragma once

#include <string_view>

#include "base/block.h"

// In an #if of its own, for g++ 12 does not know the word.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STINT_GUARDED_SLICES
#include <sanitizer/asan_interface.h>
#endif
#endif

namespace stint {

/// A copy in a block of `pool`; what lies behind it in the block may not be read.
inline Slice slice_of(BlockPool& pool, std::string_view bytes) {
  Block block = pool.allocate(bytes.size()).value();
  bytes.copy(block.data(), bytes.size());
#ifdef STINT_GUARDED_SLICES
  ASAN_POISON_MEMORY_REGION(block.data() + bytes.size(), block.capacity() - bytes.size());
#endif
  const std::string_view view(block.data(), bytes.size());
  return Slice(std::move(block), view);
}

}  // namespace stint
