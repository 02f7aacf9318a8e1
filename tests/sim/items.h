// SPDX-License-Identifier: Apache-2.0
// Items with numbers, so that each can be followed from its sender to the back end, and the ledger that follows them.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "otlp/signal.h"

namespace stint::sim {

using ItemId = std::uint64_t;

/// A request of so many spans, data points or records; each carries its number.
std::string make_request(otlp::Signal signal, const std::vector<ItemId>& items);
/// The numbers in a request. Fails (test failure): a request that is no OTLP, an item without a number.
std::vector<ItemId> read_request(otlp::Signal signal, std::string_view request);

/// What became of every item of a world.
class Ledger {
 public:
  struct Entry {
    bool confirmed = false;    // its sender was told success
    bool refused = false;      // its sender was told that it will not be taken
    std::size_t received = 0;  // by the back end, which answered success
  };

  std::vector<ItemId> make(std::size_t count);
  void confirm(const std::vector<ItemId>& items);
  void refuse(const std::vector<ItemId>& items);
  void receive(const std::vector<ItemId>& items);

  std::size_t made() const { return entries_.size(); }
  std::size_t confirmed() const;
  std::size_t refused() const;
  std::size_t received() const;
  /// Confirmed and never received; with `elsewhere`, and not there either.
  std::size_t missing(const std::set<ItemId>& elsewhere = {}) const;
  /// Received more than once: how often too many in all.
  std::size_t duplicates() const;
  /// Requests that brought an item again.
  std::size_t repeated_requests() const { return repeated_requests_; }
  /// Received without having been made.
  std::size_t unknown() const { return unknown_; }

 private:
  std::map<ItemId, Entry> entries_;
  std::size_t unknown_ = 0;
  std::size_t repeated_requests_ = 0;
};

}  // namespace stint::sim
