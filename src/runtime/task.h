// SPDX-License-Identifier: Apache-2.0
// `Task<T>`: a coroutine that yields a T when awaited. Boost.Asio's awaitable under our own name: nothing outside this
// folder names Asio. A task runs when it is awaited, or when a Scope (scope.h) has taken it.
#pragma once

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdint>
#include <optional>

#include "runtime/executor.h"

namespace stint {

template <typename T = void>
using Task = boost::asio::awaitable<T, Executor>;

namespace detail {
using AwaitToken = boost::asio::use_awaitable_t<Executor>;
using ResumeHandler = boost::asio::async_result<AwaitToken, void(std::int32_t)>::handler_type;
}  // namespace detail

/// A coroutine that waits for one event. It lies in the waiting frame; whoever holds the event calls resume() once.
class Suspended : public ReadyItem {
 public:
  explicit Suspended(ReadyQueue& queue) : queue_(queue) { run = &Suspended::run_item; }
  Suspended(const Suspended&) = delete;
  Suspended& operator=(const Suspended&) = delete;

  bool waiting() const { return handler_.has_value(); }
  /// The coroutine goes on with `result` in the next round of the ready queue. Requires: waiting().
  void resume(std::int32_t result) {
    result_ = result;
    queue_.push(*this);
  }
  /// The coroutine goes on at once. Only for the loop's own turn. Requires: waiting().
  void resume_now(std::int32_t result) {
    detail::ResumeHandler handler(std::move(*handler_));
    handler_.reset();
    std::move(handler)(result);
  }

 protected:
  ~Suspended() = default;
  /// Asked to end early: leads to resume(-ECANCELED), now or later, unless resume() has been called already.
  virtual void cancel() = 0;

 private:
  friend Task<std::int32_t> suspend(Suspended& suspended);
  static void run_item(ReadyItem& item) {
    auto& self = static_cast<Suspended&>(item);
    self.resume_now(self.result_);
  }

  ReadyQueue& queue_;
  std::optional<detail::ResumeHandler> handler_;
  std::int32_t result_ = 0;
};

/// Waits until `suspended.resume(result)`. Suspends: until then; a cancellation only reaches suspended.cancel().
/// Plain function: it adds no frame of its own.
inline Task<std::int32_t> suspend(Suspended& suspended) {
  detail::AwaitToken token;
  return boost::asio::async_initiate<detail::AwaitToken, void(std::int32_t)>(
      [](detail::ResumeHandler handler, Suspended* self) {
        self->handler_.emplace(std::move(handler));
        auto slot = boost::asio::get_associated_cancellation_slot(*self->handler_);
        if (slot.is_connected()) slot.assign([self](boost::asio::cancellation_type) { self->cancel(); });
      },
      token, &suspended);
}

/// True once the running task has been asked to end. `if (co_await cancellation_requested()) ...`
inline Task<bool> cancellation_requested() {
  const auto state = co_await boost::asio::this_coro::cancellation_state;
  co_return state.cancelled() != boost::asio::cancellation_type::none;
}

}  // namespace stint
