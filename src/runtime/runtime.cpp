// SPDX-License-Identifier: Apache-2.0
#include "runtime/runtime.h"

#include <cerrno>

#include <boost/asio/detail/thread_context.hpp>
#include <boost/asio/detail/thread_info_base.hpp>

#include "base/check.h"
#include "runtime/scope.h"

namespace stint {
namespace {

// While one of these is current, Asio reuses coroutine frames instead of asking malloc for each.
class FrameCache : boost::asio::detail::thread_context {
 public:
  FrameCache() : context_(this, info_) {}

 private:
  boost::asio::detail::thread_info_base info_;
  thread_call_stack::context context_;
};

class Sleep : public Suspended {
 public:
  Sleep(Runtime& runtime, MonotonicTime at) : Suspended(runtime.ready()), runtime_(runtime) {
    node_.owner = this;
    node_.fire = [](TimerNode& node) { static_cast<Node&>(node).owner->resume(0); };
    runtime_.timers().arm(node_, at);
  }
  ~Sleep() { runtime_.timers().remove(node_); }

 private:
  struct Node : TimerNode {
    Sleep* owner = nullptr;
  };
  void cancel() override {
    if (!node_.armed()) return;
    runtime_.timers().remove(node_);
    resume(-ECANCELED);
  }

  Runtime& runtime_;
  Node node_;
};

class Yield : public Suspended {
 public:
  explicit Yield(ReadyQueue& queue) : Suspended(queue) {}

 private:
  void cancel() override {}
};

Task<> run_to_end(Task<> main, bool& ended) {
  co_await std::move(main);
  ended = true;
}

}  // namespace

Task<Result<std::vector<Address>>> Runtime::resolve(std::string host, std::uint16_t port, Nanoseconds timeout) {
  std::vector<Address> addresses;
  if (const auto literal = Address::from_literal(host, port)) {
    addresses.push_back(*literal);
    co_return addresses;
  }
  if (host == "localhost") {
    addresses.push_back(Address::ipv4_loopback(port));
    addresses.push_back(Address::ipv6_loopback(port));
    co_return addresses;
  }
  if (resolver_ == nullptr) co_return Error{ErrorCode::not_found};
  co_return co_await resolver_->resolve(std::move(host), port, timeout);
}

Task<Result<>> Runtime::sleep_until(MonotonicTime at) {
  const auto state = co_await boost::asio::this_coro::cancellation_state;
  if (state.cancelled() != boost::asio::cancellation_type::none) co_return Error{ErrorCode::cancelled};
  Sleep sleep(*this, at);
  const std::int32_t result = co_await suspend(sleep);
  if (result == -ECANCELED) co_return Error{ErrorCode::cancelled};
  co_return Result<>();
}

Task<Result<>> Runtime::sleep(Nanoseconds duration) {
  const MonotonicTime start = now();
  return sleep_until(duration > MonotonicTime::max() - start ? MonotonicTime::max() : start + duration);
}

Task<> Runtime::yield() {
  Yield yielded(ready_);
  struct Resume : ReadyItem {
    Yield* target;
  } item;
  item.target = &yielded;
  item.run = [](ReadyItem& self) { static_cast<Resume&>(self).target->resume(0); };
  ready_.push(item);
  co_await suspend(yielded);
}

void Runtime::run_ready() {
  ready_.run_once();
  timers_.fire_due(loop_.monotonic_now());
}

void Runtime::wait(Nanoseconds wait_max) {
  if (!ready_.empty()) {
    wait_max = Nanoseconds::zero();
  } else if (!timers_.empty()) {
    const Nanoseconds until = timers_.first() - loop_.monotonic_now();
    wait_max = std::min(wait_max, std::max(until, Nanoseconds::zero()));
  }
  CompletionList done;
  loop_.turn(wait_max, done);
  while (Operation* const operation = done.pop()) operation->complete(*operation);
}

void Runtime::run(Task<> main) {
  FrameCache cache;
  bool ended = false;
  Scope root(*this);
  root.spawn(run_to_end(std::move(main), ended));
  for (;;) {
    run_ready();
    if (ended && root.empty()) return;
    wait(Nanoseconds::max());
  }
}

}  // namespace stint
