// SPDX-License-Identifier: Apache-2.0
// The columns beside the time: what one iteration allocates on the heap, and how many bytes the data path copies.
#pragma once

#include <benchmark/benchmark.h>

#include "base/counters.h"
#include "bench/allocations.h"

namespace stint::bench {

/// Counts from its making to its end, then writes the columns. Make it last before the loop.
class Measured {
 public:
  /// Borrows: both. Without `copies` the benchmark has no data path, and the column says 0.
  explicit Measured(benchmark::State& state, const CopyCounters* copies = nullptr)
      : state_(state), copies_(copies), allocations_(allocation_count()), copied_(copied_bytes()) {}
  Measured(const Measured&) = delete;
  Measured& operator=(const Measured&) = delete;
  ~Measured() {
    const std::uint64_t allocations = allocation_count() - allocations_;
    const std::uint64_t copied = copied_bytes() - copied_;
    constexpr auto average = benchmark::Counter::kAvgIterations;
    state_.counters["allocations"] = benchmark::Counter(static_cast<double>(allocations), average);
    state_.counters["copied_bytes"] = benchmark::Counter(static_cast<double>(copied), average);
  }
  /// Also writes the rates: bytes and items per second, of so many in each iteration.
  void rates(std::size_t bytes, std::size_t items) {
    state_.SetBytesProcessed(static_cast<std::int64_t>(bytes) * state_.iterations());
    if (items > 0) state_.SetItemsProcessed(static_cast<std::int64_t>(items) * state_.iterations());
  }

 private:
  std::uint64_t copied_bytes() const {
    return copies_ == nullptr ? 0 : copies_->copy_bytes + copies_->gather_bytes + copies_->compact_bytes;
  }

  benchmark::State& state_;
  const CopyCounters* copies_;
  std::uint64_t allocations_;
  std::uint64_t copied_;
};

}  // namespace stint::bench
