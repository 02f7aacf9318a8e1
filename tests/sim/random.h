// SPDX-License-Identifier: Apache-2.0
// Numbers that follow from a seed, the same on every machine: all chance of the simulated world comes from here.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace stint::sim {

/// SplitMix64.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15u;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  /// From 0 to `end` - 1. Requires: end > 0.
  std::uint64_t below(std::uint64_t end) { return next() % end; }
  bool chance(unsigned permille) { return below(1000) < permille; }
  Nanoseconds between(Nanoseconds least, Nanoseconds most) {
    if (most <= least) return least;
    return least + Nanoseconds(below(static_cast<std::uint64_t>((most - least).count()) + 1));
  }

 private:
  std::uint64_t state_;
};

}  // namespace stint::sim
