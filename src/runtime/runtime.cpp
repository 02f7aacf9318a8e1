// SPDX-License-Identifier: Apache-2.0
#include "runtime/runtime.h"

#include <cerrno>

#include <boost/asio/detail/thread_context.hpp>
#include <boost/asio/detail/thread_info_base.hpp>

#include "base/check.h"
#include "runtime/scope.h"

namespace stint {
namespace {

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

// Coroutine frames for reuse. While a Use of it lives, Asio takes them from here instead of asking malloc for each.
// Uses nest: of several runtimes in a thread each has its own frames.
class Runtime::FrameCache : boost::asio::detail::thread_context {
 public:
  class Use {
   public:
    explicit Use(FrameCache& cache) : context_(&cache, cache.info_) {}

   private:
    thread_call_stack::context context_;
  };

 private:
  boost::asio::detail::thread_info_base info_;
};

struct Runtime::Main {
  explicit Main(Runtime& runtime) : root(runtime) {}
  FrameCache frames;  // outlives what lies in it
  Scope root;
  bool ended = false;
};

Runtime::Runtime(Loop& loop) : loop_(loop) {}
Runtime::~Runtime() = default;

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

Task<Result<>> Runtime::sleep(Nanoseconds duration) { return sleep_until(after(now(), duration)); }

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

void Runtime::begin(Task<> main) {
  STINT_CHECK(main_ == nullptr);
  main_ = std::make_unique<Main>(*this);
  const FrameCache::Use use(main_->frames);
  main_->root.spawn(run_to_end(std::move(main), main_->ended));
}

bool Runtime::turn(Nanoseconds wait_max) {
  {
    const FrameCache::Use use(main_->frames);
    run_ready();
    if (!main_->ended || !main_->root.empty()) {
      wait(wait_max);
      return false;
    }
  }
  main_.reset();
  return true;
}

std::optional<MonotonicTime> Runtime::next_due() {
  if (!ready_.empty()) return now();
  if (!timers_.empty()) return timers_.first();
  return std::nullopt;
}

void Runtime::run(Task<> main) {
  begin(std::move(main));
  while (!turn(Nanoseconds::max())) {
  }
}

}  // namespace stint
