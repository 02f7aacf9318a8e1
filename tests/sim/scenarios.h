// SPDX-License-Identifier: Apache-2.0
// What happens in a simulated environment, from its start to its end. A scenario says what it needs and plays it; what
// must hold in every world is looked at by World::finish(), what must hold when nothing is broken on purpose here.
#pragma once

#include <span>

#include "sim/world.h"

namespace stint::sim {

struct Scenario {
  const char* name;
  void (*prepare)(WorldSettings& settings);
  /// The outcome of every step is expected only where the world has no fault.
  void (*play)(World& world);
  bool may_duplicate = false;  // the sender cannot know that a request arrived
};

std::span<const Scenario> scenarios();

struct Played {
  std::uint64_t calls = 0;  // of the first collector
  std::string hit;          // what the fault hit; empty: nothing
  std::string story;
};

/// Plays one scenario in a world of its own; failures are those of the running test.
Played play(const Scenario& scenario, std::uint64_t seed, std::optional<Fault> fault = std::nullopt);

}  // namespace stint::sim
