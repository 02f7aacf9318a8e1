// SPDX-License-Identifier: Apache-2.0
// What a component is made over, for tests: a loop of the test's choice, memory, counters and an empty environment.
#pragma once

#include "pipeline/component.h"

namespace stint {

template <typename LoopOfTest>
struct ComponentParts {
  LoopOfTest loop;
  Runtime runtime{loop};
  BlockPool pool{16u << 20};
  CopyCounters copies;
  DataCounters data;
  Notifier changed{runtime};
  config::FixedEnvironment environment;
  ComponentContext context{runtime, pool, copies, data, changed, environment};
};

}  // namespace stint
