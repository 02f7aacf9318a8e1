// SPDX-License-Identifier: Apache-2.0
// What the data path counts. One instance per program (or per simulated world), handed down by reference.
#pragma once

#include <cstdint>

namespace stint {

/// The three copies of the data path that have a name (bytes, and how often).
struct CopyCounters {
  std::uint64_t copy_bytes = 0, copies = 0;       // an edit
  std::uint64_t gather_bytes = 0, gathers = 0;    // once, before a one-shot compressor
  std::uint64_t compact_bytes = 0, compacts = 0;  // chunked bodies, a request that straddles two blocks
};

}  // namespace stint
