// SPDX-License-Identifier: Apache-2.0
// Items with numbers, so that each can be followed from its sender to the back end, and the ledger that follows them.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "otlp/signal.h"

namespace stint::sim {

using ItemId = std::uint64_t;

/// A request of so many spans, data points or records; each carries its number. `invocation_id`: the last span is that
/// of this invocation, as an instrumentation makes it.
std::string make_request(otlp::Signal signal, const std::vector<ItemId>& items, std::string_view invocation_id = {});
/// The numbers in a request. Fails (test failure): a request that is no OTLP, an item without a number.
std::vector<ItemId> read_request(otlp::Signal signal, std::string_view request);

/// What became of every item of a world, in which an item may have to arrive at more than one back end.
class Ledger {
 public:
  static constexpr std::size_t back_ends_max = 2;
  struct Fate {
    std::size_t received = 0;  // taken, whether the sender learnt it or not
    bool rejected = false;     // refused for good
  };
  struct Entry {
    bool confirmed = false;  // its sender was told success
    bool refused = false;    // its sender was told that it will not be taken
    std::array<Fate, back_ends_max> fates;
  };

  explicit Ledger(std::size_t back_ends = 1) : back_ends_(back_ends) {}

  std::vector<ItemId> make(std::size_t count);
  void confirm(const std::vector<ItemId>& items);
  void refuse(const std::vector<ItemId>& items);
  void receive(const std::vector<ItemId>& items, std::size_t back_end = 0);
  void reject(const std::vector<ItemId>& items, std::size_t back_end = 0);
  /// As another process left it.
  const std::vector<Entry>& entries() const { return entries_; }
  void restore(std::vector<Entry> entries) { entries_ = std::move(entries); }

  std::size_t made() const { return entries_.size(); }
  std::size_t confirmed() const;
  std::size_t refused() const;
  std::size_t received() const;
  /// Confirmed, and not received by a back end; with `elsewhere`, and not there either. Counted once per back end.
  std::size_t missing(const std::set<ItemId>& elsewhere = {}) const;
  /// Those of them that this back end did not refuse for good.
  std::size_t unexplained(const std::set<ItemId>& elsewhere = {}) const;
  /// Received by one back end more than once: how often too many in all.
  std::size_t duplicates() const;
  /// Requests that brought an item again.
  std::size_t repeated_requests() const { return repeated_requests_; }
  /// Received without having been made.
  std::size_t unknown() const { return unknown_; }

 private:
  template <typename Condition>
  std::size_t count_fates(const std::set<ItemId>& elsewhere, Condition condition) const;

  std::size_t back_ends_;
  std::vector<Entry> entries_;  // of item 1, 2, ...
  std::size_t unknown_ = 0;
  std::size_t repeated_requests_ = 0;
};

}  // namespace stint::sim
