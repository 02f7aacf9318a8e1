// SPDX-License-Identifier: Apache-2.0
// What the tests of the exporters of OTLP send: batches over blocks of their own, five items for each part.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/slices.h"
#include "pipeline/component_world.h"

namespace stint {

class ExporterWorld : public ComponentWorld {
 public:
  Batch batch(std::string_view part, otlp::Signal signal = otlp::Signal::traces) {
    return Batch(signal, slice_of(pool, part), 5);
  }
  Batch batch_of(const std::vector<std::string>& parts, otlp::Signal signal = otlp::Signal::traces) {
    Batch made;
    made.signal = signal;
    for (const std::string& part : parts) made.append(batch(part, signal));
    return made;
  }
};

}  // namespace stint
