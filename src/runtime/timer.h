// SPDX-License-Identifier: Apache-2.0
// Timers: a heap of nodes that lie in their owners. A fired or removed node may be armed again.
#pragma once

#include <cstddef>
#include <vector>

#include "base/time.h"

namespace stint {

class TimerNode {
 public:
  TimerNode() = default;
  TimerNode(const TimerNode&) = delete;
  TimerNode& operator=(const TimerNode&) = delete;
  bool armed() const { return index_ != not_armed; }
  MonotonicTime at() const { return at_; }

  /// Called once when the time has come, after the node left the heap.
  void (*fire)(TimerNode& node) = nullptr;

 private:
  friend class TimerHeap;
  static constexpr std::size_t not_armed = static_cast<std::size_t>(-1);
  MonotonicTime at_{};
  std::size_t index_ = not_armed;
};

class TimerHeap {
 public:
  /// Requires: node.fire is set; the node is not armed and stays where it is until it fired or was removed.
  void arm(TimerNode& node, MonotonicTime at);
  void remove(TimerNode& node);
  bool empty() const { return heap_.empty(); }
  /// Requires: !empty().
  MonotonicTime first() const { return heap_.front()->at_; }
  /// Fires what is due at `now`. Nodes armed meanwhile fire at the next call.
  void fire_due(MonotonicTime now);

 private:
  void place(TimerNode* node, std::size_t index);
  void sift_up(std::size_t index);
  void sift_down(std::size_t index);

  std::vector<TimerNode*> heap_;
  std::vector<TimerNode*> due_;
};

}  // namespace stint
