// SPDX-License-Identifier: Apache-2.0
#include "pipeline/delivery_queue.h"

#include <utility>

#include "base/limits.h"
#include "pipeline/settle.h"

namespace stint {

DeliveryQueue::DeliveryQueue(ComponentContext& context, Consumer& next, otlp::Signal signal)
    : context_(context),
      next_(next),
      under_way_max_(signal == otlp::Signal::metrics ? 1 : limits::deliveries_max),
      taken_(context.runtime),
      deliveries_(context.runtime) {}

void DeliveryQueue::push(Batch batch) {
  queue_.push_back(std::move(batch));
  start_next();
}

void DeliveryQueue::start_next() {
  while (!queue_.empty() && under_way_ < under_way_max_) {
    ++under_way_;
    ++not_begun_;
    deliveries_.spawn(deliver(std::exchange(queue_.front(), Batch())));
    queue_.pop_front();
    taken_.notify_one();
  }
}

Task<> DeliveryQueue::deliver(Batch batch) {
  --not_begun_;
  const std::size_t items = batch.items;
  Ticket ticket = batch.ticket();
  const Result<> consumed = co_await next_.consume(std::move(batch));
  --under_way_;
  if (!consumed) give_up(context_, consumed.error(), items, ticket);
  ticket.reset();
  start_next();
  context_.changed.notify_all();
}

Activity DeliveryQueue::activity() const {
  if (idle()) return Activity::idle;
  return not_begun_ == 0 && next_.activity() == Activity::waiting ? Activity::waiting : Activity::working;
}

Task<Result<>> DeliveryQueue::settle(Deadline deadline) { return await_settled(context_, *this, deadline); }

Task<> DeliveryQueue::stop(Deadline deadline) {
  wake();
  // There is no later: better out of order than not at all.
  under_way_max_ = limits::deliveries_at_end_max;
  start_next();
  co_await await_idle(context_, *this, deadline);
  for (const Batch& batch : queue_) {
    Ticket ticket = batch.ticket();
    give_up(context_, Error{ErrorCode::stopping}, batch.items, ticket);
  }
  queue_.clear();
  deliveries_.cancel();
  co_await deliveries_.join();
}

}  // namespace stint
