// SPDX-License-Identifier: Apache-2.0
#include "runtime/channel.h"

namespace stint {

class Notifier::Waiter : public Suspended {
 public:
  Waiter(Notifier& notifier, MonotonicTime deadline)
      : Suspended(notifier.runtime_.ready()), notifier_(notifier), previous_(notifier.last_) {
    (previous_ != nullptr ? previous_->next_ : notifier_.first_) = this;
    notifier_.last_ = this;
    node_.owner = this;
    node_.fire = [](TimerNode& node) { static_cast<Node&>(node).owner->end(-ETIMEDOUT); };
    if (deadline != MonotonicTime::max()) notifier_.runtime_.timers().arm(node_, deadline);
  }
  ~Waiter() { unlink(); }
  void end(std::int32_t result) {
    if (!linked_) return;
    unlink();
    resume(result);
  }
  Waiter* next() const { return next_; }

 private:
  struct Node : TimerNode {
    Waiter* owner = nullptr;
  };
  void cancel() override { end(-ECANCELED); }
  void unlink() {
    if (!linked_) return;
    linked_ = false;
    (previous_ != nullptr ? previous_->next_ : notifier_.first_) = next_;
    (next_ != nullptr ? next_->previous_ : notifier_.last_) = previous_;
    notifier_.runtime_.timers().remove(node_);
  }

  Notifier& notifier_;
  Waiter* next_ = nullptr;
  Waiter* previous_;
  bool linked_ = true;
  Node node_;
};

void Notifier::notify_one() {
  if (first_ != nullptr) first_->end(0);
}

void Notifier::notify_all() {
  while (first_ != nullptr) first_->end(0);
}

Task<Result<>> Notifier::wait(MonotonicTime deadline) {
  const bool is_cancelled = co_await cancellation_requested();
  if (is_cancelled) co_return Error{ErrorCode::cancelled};
  Waiter waiter(*this, deadline);
  const std::int32_t result = co_await suspend(waiter);
  if (result == -ECANCELED) co_return Error{ErrorCode::cancelled};
  if (result == -ETIMEDOUT) co_return Error{ErrorCode::timed_out};
  co_return Result<>();
}

}  // namespace stint
