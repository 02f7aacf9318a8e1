// SPDX-License-Identifier: Apache-2.0
// Several tasks at once. `all` waits for every one; `race` asks the others to end once one has ended, and waits for
// them too: no operand is ever left running. Both hand back every operand's result, so nothing that happened is lost.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>

#include "runtime/scope.h"

namespace stint {

/// What a race gave: which operand ended first, and what each of them yielded.
template <typename... T>
struct Raced {
  std::size_t first;
  std::tuple<T...> results;
};

namespace detail {

// Counts the operands that run; is resumed by the last one. A cancellation of the waiting task reaches each operand.
class Operands : public Suspended {
 public:
  Operands(Runtime& runtime, Root* roots, std::size_t count, bool first_ends_all)
      : Suspended(runtime.ready()), roots_(roots), count_(count), running_(count), first_ends_all_(first_ends_all) {}
  struct Slot {
    Operands* operands;
    std::size_t index;
  };
  static void ended(void* context) {
    const auto& slot = *static_cast<Slot*>(context);
    slot.operands->one_ended(slot.index);
  }
  std::size_t first() const { return first_; }
  void cancel() override {
    for (std::size_t i = 0; i < count_; ++i) roots_[i].cancel();
  }

 private:
  void one_ended(std::size_t index) {
    if (running_ == count_) {
      first_ = index;
      if (first_ends_all_) cancel();
    }
    if (--running_ == 0) resume(0);
  }

  Root* roots_;
  std::size_t count_;
  std::size_t running_;
  std::size_t first_ = 0;
  bool first_ends_all_;
};

template <typename T>
Task<> store(Task<T> task, std::optional<T>& result) {
  result.emplace(co_await std::move(task));
}

template <typename... T, std::size_t... I>
Task<Raced<T...>> combine(Runtime& runtime, bool first_ends_all, std::index_sequence<I...>, Task<T>... tasks) {
  constexpr std::size_t count = sizeof...(T);
  std::tuple<std::optional<T>...> results;
  std::array<Root, count> roots;
  Operands operands(runtime, roots.data(), count, first_ends_all);
  std::array<Operands::Slot, count> slots{Operands::Slot{&operands, I}...};
  const bool cancelled = co_await cancellation_requested();
  (spawn_root(runtime, roots[I], store<T>(std::move(tasks), std::get<I>(results)), &Operands::ended, &slots[I]), ...);
  if (cancelled) operands.cancel();
  co_await suspend(operands);
  co_return Raced<T...>{operands.first(), std::tuple<T...>(std::move(*std::get<I>(results))...)};
}

}  // namespace detail

/// Suspends: until every task has ended.
template <typename... T>
Task<std::tuple<T...>> all(Runtime& runtime, Task<T>... tasks) {
  auto combined = detail::combine<T...>(runtime, false, std::index_sequence_for<T...>(), std::move(tasks)...);
  auto raced = co_await std::move(combined);
  co_return std::move(raced.results);
}

/// Suspends: until one task has ended and the others, asked to, have ended too.
template <typename... T>
Task<Raced<T...>> race(Runtime& runtime, Task<T>... tasks) {
  return detail::combine<T...>(runtime, true, std::index_sequence_for<T...>(), std::move(tasks)...);
}

}  // namespace stint
