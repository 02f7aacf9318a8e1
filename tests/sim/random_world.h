// SPDX-License-Identifier: Apache-2.0
// A world of which everything follows from one seed: configuration, policy, kind of environment, what the function does
// and when, how each back end behaves, which calls fail, when the collector is killed, when nothing runs. What must
// hold is looked at by World::finish().
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sim/world.h"

namespace stint::sim {

struct RandomPlay {
  std::string description;  // what was drawn
  std::string story;
  std::uint64_t calls = 0;  // of all collectors
  std::size_t invocations = 0;
  std::size_t collectors = 0;
  std::size_t made = 0, confirmed = 0, received = 0;
};

/// The settings of the world of `seed`, without any step of it.
struct DrawnWorld {
  WorldSettings settings;
  std::string description;
  std::size_t invocations = 0;
};
DrawnWorld draw_world(std::uint64_t seed);

/// Plays it whole; failures are those of the running test. `change` sees the settings before there is a world, `watch`
/// the world before its first step.
RandomPlay play_random(std::uint64_t seed, const std::function<void(WorldSettings&)>& change = {},
                       const std::function<void(World&)>& watch = {});

}  // namespace stint::sim
