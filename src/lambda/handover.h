// SPDX-License-Identifier: Apache-2.0
// What inert mode needs to take the extension's place after a crash. The life cycle keeps it current; the crash handler
// reads it in a signal handler, hence no owners and no pointers into what may be damaged.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/counters.h"
#include "runtime/loop.h"

namespace stint::lambda {

struct Handover {
  /// What the platform knows of us. The answers to `register` and `next` lie in the socket until their stage is over:
  /// whoever leaves it does so before the first byte is read.
  enum class Stage : std::uint8_t {
    none,         // not registered, or told to end: nobody can take our place, or need
    registering,  // `register` is written on `connection`, its answer unread
    registered,   // no `next` is outstanding
    waiting,      // `next` is written on `connection`, its answer unread
  };
  static constexpr std::size_t text_bytes_max = 200;

  std::atomic<Stage> stage = Stage::none;
  std::atomic<Handle> connection = no_handle;
  std::atomic<Handle> telemetry = no_handle;        // the listening socket that the platform delivers to
  std::atomic<const DataCounters*> data = nullptr;  // null: nothing can be lost
  char authority[text_bytes_max] = {};              // of the API, zero at the end
  char identifier[text_bytes_max] = {};             // empty until it is known

  static_assert(std::atomic<Stage>::is_always_lock_free && std::atomic<Handle>::is_always_lock_free);

  void wait_for(Stage answer, Handle handle) {
    connection = handle;
    stage = answer;
  }
  /// False: the text is too long, so that nobody could take our place.
  static bool copy(std::string_view text, char (&to)[text_bytes_max]) {
    if (text.size() >= text_bytes_max) return false;
    std::memcpy(to, text.data(), text.size());
    to[text.size()] = 0;
    return true;
  }
};

}  // namespace stint::lambda
