// SPDX-License-Identifier: Apache-2.0
// The one thing that flows: a signal and a list of slices that, one behind the other, are one Export request. Moving a
// batch moves owners, merging splices lists, `share()` makes a second batch over the same blocks. Nothing is copied.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "base/block.h"
#include "otlp/signal.h"
#include "pipeline/metadata.h"

namespace stint {

struct Batch {
  otlp::Signal signal = otlp::Signal::traces;
  std::vector<Slice> slices;                 // each one a request, unless nothing but an exporter follows
  std::size_t items = 0;                     // spans, data points or log records
  std::size_t bytes = 0;                     // of all slices
  std::shared_ptr<const Metadata> metadata;  // of the client; usually none

  Batch() = default;
  Batch(otlp::Signal of, Slice request, std::size_t request_items)
      : signal(of), items(request_items), bytes(request.size()) {
    slices.push_back(std::move(request));
  }
  Batch(Batch&&) noexcept = default;
  Batch& operator=(Batch&&) noexcept = default;
  ~Batch() = default;

  bool empty() const { return slices.empty(); }
  /// A share of the tickets of all slices.
  Ticket ticket() const {
    Ticket all;
    for (const Slice& slice : slices) all.join(slice.ticket());
    return all;
  }
  Batch share() const {
    Batch other;
    other.signal = signal;
    other.items = items;
    other.bytes = bytes;
    other.metadata = metadata;
    other.slices.reserve(slices.size());
    for (const Slice& slice : slices) other.slices.push_back(slice.share());
    return other;
  }
  /// Keeps its own metadata. Requires: the same signal.
  void append(Batch other) {
    for (Slice& slice : other.slices) slices.push_back(std::move(slice));
    items += other.items;
    bytes += other.bytes;
  }
};

}  // namespace stint
