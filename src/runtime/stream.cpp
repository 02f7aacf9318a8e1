// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream.h"

#include <cerrno>

#include "base/check.h"

namespace stint {
namespace {

// One operation and its timer, in the frame that awaits it.
class IoWait : public Suspended {
 public:
  IoWait(Runtime& runtime, Operation::Kind kind, Handle handle) : Suspended(runtime.ready()), runtime_(runtime) {
    operation_.owner = this;
    operation_.kind = kind;
    operation_.handle = handle;
    operation_.complete = [](Operation& operation) { static_cast<Owned&>(operation).owner->completed(); };
    timer_.owner = this;
    timer_.fire = [](TimerNode& node) { static_cast<Timer&>(node).owner->timed_out(); };
  }
  Operation& operation() { return operation_; }

  /// True: complete already.
  bool submit(Nanoseconds timeout) {
    if (runtime_.loop().submit(operation_)) return true;
    in_flight_ = true;
    if (timeout != forever) runtime_.timers().arm(timer_, runtime_.now() + timeout);
    return false;
  }
  /// The result once complete: >= 0 or an error.
  Result<std::int32_t> result(std::int32_t value) const {
    if (value >= 0) return value;
    if (value == -ECANCELED) return Error{timed_out_ ? ErrorCode::timed_out : ErrorCode::cancelled};
    return system_error(-value);
  }
  Result<std::int32_t> result() const { return result(operation_.result); }

 private:
  struct Owned : Operation {
    IoWait* owner = nullptr;
  };
  struct Timer : TimerNode {
    IoWait* owner = nullptr;
  };
  void completed() {
    in_flight_ = false;
    runtime_.timers().remove(timer_);
    resume_now(operation_.result);
  }
  void timed_out() {
    timed_out_ = true;
    cancel();
  }
  void cancel() override {
    if (in_flight_) runtime_.loop().cancel(operation_);
  }

  Runtime& runtime_;
  Owned operation_;
  Timer timer_;
  bool in_flight_ = false;
  bool timed_out_ = false;
};

// The one way every operation takes. A cancelled task starts nothing new.
Task<Result<std::int32_t>> perform(IoWait& wait, Nanoseconds timeout) {
  const auto state = co_await boost::asio::this_coro::cancellation_state;
  if (state.cancelled() != boost::asio::cancellation_type::none) co_return Error{ErrorCode::cancelled};
  if (wait.submit(timeout)) co_return wait.result();
  const std::int32_t value = co_await suspend(wait);
  co_return wait.result(value);
}

Task<Result<>> wait_ready(Runtime& runtime, Operation::Kind kind, Handle handle, Nanoseconds timeout) {
  IoWait wait(runtime, kind, handle);
  const Result<std::int32_t> done = co_await perform(wait, timeout);
  if (!done) co_return done.error();
  co_return Result<>();
}

}  // namespace

Stream& Stream::operator=(Stream&& other) noexcept {
  if (this != &other) {
    close();
    runtime_ = other.runtime_;
    handle_ = std::exchange(other.handle_, no_handle);
    plain_ = other.plain_;
  }
  return *this;
}

Task<Result<std::size_t>> Stream::receive(char* data, std::size_t size, Nanoseconds timeout) {
  STINT_CHECK(size > 0);
  IoWait wait(*runtime_, Operation::Kind::receive, handle_);
  wait.operation().data = data;
  wait.operation().size = size;
  wait.operation().plain = plain_;
  const Result<std::int32_t> received = co_await perform(wait, timeout);
  if (!received) co_return received.error();
  co_return static_cast<std::size_t>(*received);
}

Task<Result<>> Stream::send(std::span<const iovec> parts, Nanoseconds timeout) {
  std::vector<iovec> rest;  // only after a partial send
  while (!parts.empty()) {
    constexpr std::size_t parts_at_once = 512;
    IoWait wait(*runtime_, Operation::Kind::send, handle_);
    wait.operation().plain = plain_;
    wait.operation().parts = parts.data();
    wait.operation().part_count = static_cast<std::uint32_t>(std::min(parts.size(), parts_at_once));
    const Result<std::int32_t> sent = co_await perform(wait, timeout);
    if (!sent) co_return sent.error();
    std::size_t taken = static_cast<std::size_t>(*sent);
    while (!parts.empty() && taken >= parts.front().iov_len) {
      taken -= parts.front().iov_len;
      parts = parts.subspan(1);
    }
    if (parts.empty()) break;
    if (taken > 0) {
      rest = std::vector<iovec>(parts.begin(), parts.end());  // `parts` may already lie in it
      rest.front().iov_base = static_cast<char*>(rest.front().iov_base) + taken;
      rest.front().iov_len -= taken;
      parts = rest;
    }
  }
  co_return Result<>();
}

Task<Result<>> Stream::send(std::string_view bytes, Nanoseconds timeout) {
  const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  const Result<> sent = co_await send(std::span<const iovec>(&part, bytes.empty() ? 0 : 1), timeout);
  co_return sent;
}

Task<Result<>> Stream::readable(Nanoseconds timeout) {
  return wait_ready(*runtime_, Operation::Kind::readable, handle_, timeout);
}

Task<Result<>> Stream::writable(Nanoseconds timeout) {
  return wait_ready(*runtime_, Operation::Kind::writable, handle_, timeout);
}

void Stream::shutdown_send() {
  if (handle_ != no_handle) runtime_->loop().shutdown_send(handle_);
}

void Stream::close() {
  if (handle_ != no_handle) runtime_->loop().close(std::exchange(handle_, no_handle));
}

Task<Result<Stream>> connect(Runtime& runtime, Address address, Nanoseconds timeout) {
  Result<Handle> handle = runtime.loop().open_stream(address);
  if (!handle) co_return handle.error();
  Stream stream(runtime, *handle);
  IoWait wait(runtime, Operation::Kind::connect, *handle);
  wait.operation().address = &address;
  const Result<std::int32_t> connected = co_await perform(wait, timeout);
  if (!connected) co_return connected.error();
  co_return std::move(stream);
}

Listener& Listener::operator=(Listener&& other) noexcept {
  if (this != &other) {
    close();
    runtime_ = other.runtime_;
    handle_ = std::exchange(other.handle_, no_handle);
  }
  return *this;
}

Result<Listener> Listener::open(Runtime& runtime, const Address& address, int backlog) {
  Result<Handle> handle = runtime.loop().listen(address, backlog);
  if (!handle) return handle.error();
  Listener listener;
  listener.runtime_ = &runtime;
  listener.handle_ = *handle;
  return listener;
}

Task<Result<Stream>> Listener::accept() {
  IoWait wait(*runtime_, Operation::Kind::accept, handle_);
  const Result<std::int32_t> accepted = co_await perform(wait, forever);
  if (!accepted) co_return accepted.error();
  co_return Stream(*runtime_, *accepted);
}

void Listener::close() {
  if (handle_ != no_handle) runtime_->loop().close(std::exchange(handle_, no_handle));
}

}  // namespace stint
