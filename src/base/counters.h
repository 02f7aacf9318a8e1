// SPDX-License-Identifier: Apache-2.0
// What the data path counts. One instance per program (or per simulated world), handed down by reference.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stint {

/// The three copies of the data path that have a name (bytes, and how often).
struct CopyCounters {
  std::uint64_t copy_bytes = 0, copies = 0;       // an edit
  std::uint64_t gather_bytes = 0, gathers = 0;    // once, before a one-shot compressor
  std::uint64_t compact_bytes = 0, compacts = 0;  // chunked bodies, a request that straddles two blocks
};

/// Why accepted items did not arrive.
enum class DropReason : std::uint8_t {
  permanent,        // the back end refused them for good
  retries_ended,    // retry_on_failure's max_elapsed_time has passed, or retrying is off
  environment_end,  // the environment ended before they could be sent
  count,
};
/// As it is written there: "environment_end".
std::string_view name(DropReason reason);

/// What became of items (spans, data points, log records).
/// accepted + recovered = delivered + dropped + what is inside.
struct DataCounters {
  std::uint64_t accepted = 0;
  std::uint64_t recovered = 0;   // accepted in a former life and found in the journal
  std::uint64_t journalled = 0;  // in the journal now
  std::uint64_t refused = 0;     // the sender was told
  std::uint64_t delivered = 0;
  std::uint64_t retries = 0;  // requests sent again
  std::uint64_t repaired_strings = 0;
  std::uint64_t dropped[static_cast<std::size_t>(DropReason::count)] = {};

  /// Of items whose sender was told success: `error` is what their consumer said.
  void drop(Error error, std::uint64_t items) {
    const bool ended = is_environment_end(error);
    const bool later = error.code == ErrorCode::retryable || error.code == ErrorCode::memory_full;
    drop(ended ? DropReason::environment_end : later ? DropReason::retries_ended : DropReason::permanent, items);
  }
  static bool is_environment_end(Error error) {
    return error.code == ErrorCode::cancelled || error.code == ErrorCode::stopping;
  }
  void drop(DropReason reason, std::uint64_t items) { dropped[static_cast<std::size_t>(reason)] += items; }
  std::uint64_t dropped_total() const {
    std::uint64_t total = 0;
    for (const std::uint64_t items : dropped) total += items;
    return total;
  }
};

/// All of them in one line for a person: what the program says at its end.
std::string to_string(const DataCounters& data);

}  // namespace stint
