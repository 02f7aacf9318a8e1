// SPDX-License-Identifier: Apache-2.0
// What tests that play many worlds share.
#pragma once

#include <cstddef>
#include <cstdlib>

#if defined(STINT_SANITIZED)
#include <sanitizer/allocator_interface.h>
#endif

namespace stint::sim {

/// STINT_TEST_FULL=1.
inline bool in_full() {
  const char* const value = std::getenv("STINT_TEST_FULL");
  return value != nullptr && *value != '\0' && *value != '0';
}

/// Whether it is known what this program has from the heap. glibc counts as used what it keeps for the next time.
#if defined(STINT_SANITIZED)
inline constexpr bool heap_is_counted = true;
#else
inline constexpr bool heap_is_counted = false;
#endif

/// Bytes that this program has from the heap: coroutine frames, queues, everything but blocks.
inline std::size_t heap_bytes() {
#if defined(STINT_SANITIZED)
  return __sanitizer_get_current_allocated_bytes();
#else
  return 0;
#endif
}

/// True: playing it again leaves something behind. What is made once for all at the first time is none. False also
/// where nobody counts.
template <typename Play>
bool leaves_something_behind(Play play) {
  for (int round = 0; round < 3; ++round) {
    const std::size_t before = heap_bytes();
    play();
    if (heap_bytes() <= before) return false;
  }
  return true;
}

}  // namespace stint::sim
