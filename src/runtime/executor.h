// SPDX-License-Identifier: Apache-2.0
// The queue of coroutines that may run now, and the executor through which Boost.Asio's coroutine layer reaches it.
// One thread, first in first out; an item is run once and belongs to the queue until then.
#pragma once

#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/recycling_allocator.hpp>
#include <utility>

namespace stint {

/// Something that will run in this or the next turn. It may lie in a coroutine's frame.
struct ReadyItem {
  ReadyItem* next_ready = nullptr;
  void (*run)(ReadyItem& item) = nullptr;
};

class ReadyQueue {
 public:
  bool empty() const { return first_ == nullptr; }
  void push(ReadyItem& item) {
    item.next_ready = nullptr;
    (last_ != nullptr ? last_->next_ready : first_) = &item;
    last_ = &item;
  }
  /// Runs what is there now; what these add waits for the next call.
  void run_once() {
    ReadyItem* item = std::exchange(first_, nullptr);
    last_ = nullptr;
    while (item != nullptr) {
      ReadyItem* const next = item->next_ready;
      item->run(*item);
      item = next;
    }
  }

 private:
  ReadyItem* first_ = nullptr;
  ReadyItem* last_ = nullptr;
};

/// Asio's executor concept over a ReadyQueue. Copies are cheap; the queue outlives them.
class Executor {
 public:
  explicit Executor(ReadyQueue& queue) : queue_(&queue) {}

  template <typename Function>
  void execute(Function function) const {
    queue_->push(*PostedFunction<Function>::make(std::move(function)));
  }

  static constexpr boost::asio::execution::blocking_t query(boost::asio::execution::blocking_t) noexcept {
    return boost::asio::execution::blocking.never;
  }

  friend bool operator==(const Executor&, const Executor&) = default;

 private:
  template <typename Function>
  struct PostedFunction : ReadyItem {
    using Allocator = boost::asio::recycling_allocator<PostedFunction>;

    explicit PostedFunction(Function&& f) : function(std::move(f)) {}
    static PostedFunction* make(Function&& f) {
      PostedFunction* const item = ::new (Allocator().allocate(1)) PostedFunction(std::move(f));
      item->run = &PostedFunction::run_and_free;
      return item;
    }
    static void run_and_free(ReadyItem& item) {
      auto& self = static_cast<PostedFunction&>(item);
      Function f(std::move(self.function));
      self.~PostedFunction();
      Allocator().deallocate(&self, 1);
      f();
    }

    Function function;
  };

  ReadyQueue* queue_;
};

}  // namespace stint
