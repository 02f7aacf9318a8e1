// SPDX-License-Identifier: Apache-2.0
// Which messages are shown: of those with equal text in a second the first few, then every so-manieth.
// Source: go.uber.org/zap, zapcore.NewSamplerWithOptions.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "base/time.h"

namespace stint::debug_text {

/// FNV-1a of 32 bits, fed piece by piece.
class TextHash {
 public:
  void add(std::string_view text) {
    for (const char c : text) value_ = (value_ ^ static_cast<unsigned char>(c)) * 16777619u;
  }
  std::uint32_t value() const { return value_; }

 private:
  std::uint32_t value_ = 2166136261u;
};

class Sampler {
 public:
  /// A negative number counts as a very large one, as in the reference.
  Sampler(std::int64_t initial, std::int64_t thereafter)
      : initial_(static_cast<std::uint64_t>(initial)), thereafter_(static_cast<std::uint64_t>(thereafter)) {}

  /// True when take() answers true whatever it is asked.
  bool takes_all() const { return thereafter_ == 1; }

  bool take(TextHash hash, MonotonicTime now) {
    Counter& counter = counters_[hash.value() % counters_max];
    if (counter.count == 0 || counter.reset_at <= now) counter = {now + Seconds(1), 0};
    const std::uint64_t count = ++counter.count;
    return count <= initial_ || (thereafter_ != 0 && (count - initial_) % thereafter_ == 0);
  }

 private:
  static constexpr std::uint32_t counters_max = 4096;  // texts with the same remainder share one, as in the reference
  struct Counter {
    MonotonicTime reset_at{};
    std::uint64_t count = 0;
  };

  std::uint64_t initial_, thereafter_;
  std::unordered_map<std::uint32_t, Counter> counters_;
};

}  // namespace stint::debug_text
