// SPDX-License-Identifier: Apache-2.0
#include "runtime/timer.h"

#include "base/check.h"

namespace stint {

void TimerHeap::place(TimerNode* node, std::size_t index) {
  heap_[index] = node;
  node->index_ = index;
}

void TimerHeap::sift_up(std::size_t index) {
  TimerNode* const node = heap_[index];
  while (index > 0) {
    const std::size_t parent = (index - 1) / 2;
    if (heap_[parent]->at_ <= node->at_) break;
    place(heap_[parent], index);
    index = parent;
  }
  place(node, index);
}

void TimerHeap::sift_down(std::size_t index) {
  TimerNode* const node = heap_[index];
  for (;;) {
    std::size_t child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->at_ < heap_[child]->at_) ++child;
    if (node->at_ <= heap_[child]->at_) break;
    place(heap_[child], index);
    index = child;
  }
  place(node, index);
}

void TimerHeap::arm(TimerNode& node, MonotonicTime at) {
  STINT_CHECK(!node.armed() && node.fire != nullptr);
  node.at_ = at;
  heap_.push_back(&node);
  node.index_ = heap_.size() - 1;
  sift_up(node.index_);
}

void TimerHeap::remove(TimerNode& node) {
  if (!node.armed()) return;
  const std::size_t index = node.index_;
  node.index_ = TimerNode::not_armed;
  if (index >= heap_.size() || heap_[index] != &node) {
    // Due in this very round, but not fired yet.
    for (TimerNode*& due : due_) {
      if (due == &node) due = nullptr;
    }
    return;
  }
  TimerNode* const last = heap_.back();
  heap_.pop_back();
  if (last == &node) return;
  place(last, index);
  sift_up(index);
  sift_down(last->index_);
}

void TimerHeap::fire_due(MonotonicTime now) {
  while (!heap_.empty() && heap_.front()->at_ <= now) {
    TimerNode* const node = heap_.front();
    TimerNode* const last = heap_.back();
    heap_.pop_back();
    if (last != node) {
      place(last, 0);
      sift_down(0);
    }
    node->index_ = TimerNode::not_armed - 1;
    due_.push_back(node);
  }
  for (std::size_t i = 0; i < due_.size(); ++i) {
    TimerNode* const node = due_[i];
    if (node == nullptr) continue;
    node->index_ = TimerNode::not_armed;
    due_[i] = nullptr;
    node->fire(*node);
  }
  due_.clear();
}

}  // namespace stint
