// SPDX-License-Identifier: Apache-2.0
#include "runtime/scope.h"

#include <boost/asio/co_spawn.hpp>
#include <utility>

#include "base/check.h"

namespace stint {
namespace detail {
namespace {

void check_no_bug(const std::exception_ptr& exception) {
  if (!exception) return;
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& error) {
    check_failed(error.what(), __FILE__, __LINE__);
  }
}

// What co_spawn calls at the end. Its cancellation slot is a member on purpose: with Asio's bind_cancellation_slot a
// cancellation would be posted (1.81 has a second form of it for handlers that name an executor) and could run after
// the root has gone.
struct Ended {
  using cancellation_slot_type = boost::asio::cancellation_slot;
  cancellation_slot_type get_cancellation_slot() const noexcept { return slot; }
  void operator()(const std::exception_ptr& exception) const {
    check_no_bug(exception);
    ended(context);
  }
  cancellation_slot_type slot;
  void (*ended)(void* context);
  void* context;
};

}  // namespace

Task<> as_root(Root& root, Task<> task) {
  co_await boost::asio::this_coro::throw_if_cancelled(false);
  root.begin();
  co_await std::move(task);
}

void spawn_root(Runtime& runtime, Root& root, Task<> task, void (*ended)(void* context), void* context) {
  boost::asio::co_spawn(runtime.executor(), as_root(root, std::move(task)), Ended{root.slot(), ended, context});
}

}  // namespace detail

OwnedTask::~OwnedTask() { STINT_CHECK(!running()); }

void OwnedTask::start(Runtime& runtime, Task<> task, void (*ended)(void* context), void* context) {
  STINT_CHECK(!running());
  root_.emplace();
  ended_ = ended;
  context_ = context;
  detail::spawn_root(runtime, *root_, std::move(task), &OwnedTask::task_ended, this);
}

void OwnedTask::task_ended(void* self) {
  auto& task = *static_cast<OwnedTask*>(self);
  const auto ended = std::exchange(task.ended_, nullptr);
  ended(task.context_);
}

void OwnedTask::cancel() {
  if (running()) root_->cancel();
}

struct Scope::Member {
  detail::Root root;
  Scope* scope = nullptr;
  Member* next = nullptr;
  Member* previous = nullptr;
};

class Scope::Joiner : public Suspended {
 public:
  explicit Joiner(Scope& scope) : Suspended(scope.runtime_.ready()), scope_(scope) {}

 private:
  void cancel() override { scope_.cancel(); }
  Scope& scope_;
};

Scope::~Scope() { STINT_CHECK(empty()); }

Scope::Member* Scope::spawn(Task<> task) {
  auto* const member = new Member;
  member->scope = this;
  member->next = first_;
  if (first_ != nullptr) first_->previous = member;
  first_ = member;
  ++size_;
  detail::spawn_root(runtime_, member->root, std::move(task), &Scope::member_ended, member);
  return member;
}

void Scope::member_ended(void* context) {
  auto* const member = static_cast<Member*>(context);
  Scope& scope = *member->scope;
  (member->previous != nullptr ? member->previous->next : scope.first_) = member->next;
  if (member->next != nullptr) member->next->previous = member->previous;
  delete member;
  --scope.size_;
  if (scope.first_ == nullptr && scope.joiner_ != nullptr && scope.joiner_->waiting()) {
    std::exchange(scope.joiner_, nullptr)->resume(0);
  }
}

void Scope::cancel() {
  // A signal only queues; the list does not change under us.
  for (Member* member = first_; member != nullptr; member = member->next) member->root.cancel();
}

void Scope::cancel(Member& one) { one.root.cancel(); }

Task<> Scope::join() {
  const bool is_cancelled = co_await cancellation_requested();
  if (is_cancelled) cancel();
  while (!empty()) {
    STINT_CHECK(joiner_ == nullptr);
    Joiner joiner(*this);
    joiner_ = &joiner;
    co_await suspend(joiner);
    joiner_ = nullptr;
  }
}

}  // namespace stint
