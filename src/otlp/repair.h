// SPDX-License-Identifier: Apache-2.0
// Repair of text: a request whose string fields are not all UTF-8 is rewritten with U+FFFD where they are not, as any
// strict receiver demands. Untouched runs stay slices of the received block; the changed strings and the lengths around
// them are written into an arena, counted as copies.
#pragma once

#include <vector>

#include "base/arena.h"
#include "base/block.h"
#include "base/result.h"
#include "otlp/signal.h"

namespace stint::otlp {

struct Repaired {
  std::vector<Slice> slices;  // together the request
  std::uint32_t strings = 0;  // that were changed
};

/// Requires: walk() accepted `request`. Fails: memory_full; malformed and too_deep as walk().
/// One U+FFFD per maximal subpart. Source: Unicode 15, section 3.9 (Python's errors="replace").
Result<Repaired> repair(Signal signal, const Slice& request, Arena& arena);

}  // namespace stint::otlp
