// SPDX-License-Identifier: Apache-2.0
#include "runtime/epoll_loop.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "runtime/socket_calls.h"

namespace stint {
namespace {

constexpr std::int32_t would_block = -EAGAIN;

std::int32_t errno_result(ssize_t value) {
  return value >= 0 ? static_cast<std::int32_t>(value) : (errno == EWOULDBLOCK ? would_block : -errno);
}

bool is_ready(Handle handle, short events) {
  pollfd entry{handle, events, 0};
  return ::poll(&entry, 1, 0) > 0;
}

std::int32_t try_accept(const Operation& operation) {
  int accepted = -1;
  do {
    accepted = ::accept4(operation.handle, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    // A peer that gave up while it was queued is not our listener's trouble.
  } while (accepted < 0 && (errno == ECONNABORTED || errno == EPROTO));
  if (accepted >= 0) socket_calls::set_no_delay(accepted);
  return errno_result(accepted);
}

std::int32_t try_connect(Operation& operation, bool first) {
  if (first) {
    const int result = ::connect(operation.handle, operation.address->native(), operation.address->native_size());
    if (result != 0 && errno == EINPROGRESS) return would_block;
    // A unix listener with a full queue: nothing will tell when there is room.
    if (result != 0 && errno == EAGAIN) return -ECONNREFUSED;
    return errno_result(result);
  }
  if (!is_ready(operation.handle, POLLOUT)) return would_block;
  int error_number = 0;
  socklen_t size = sizeof error_number;
  ::getsockopt(operation.handle, SOL_SOCKET, SO_ERROR, &error_number, &size);
  return -error_number;
}

std::int32_t try_send(const Operation& operation) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(operation.parts);
  message.msg_iovlen = operation.part_count;
  return errno_result(::sendmsg(operation.handle, &message, MSG_NOSIGNAL | MSG_DONTWAIT));
}

// What the system call says now: a result, or would_block.
std::int32_t try_once(Operation& operation, bool first) {
  for (;;) {
    std::int32_t result = would_block;
    switch (operation.kind) {
      case Operation::Kind::accept: result = try_accept(operation); break;
      case Operation::Kind::connect: result = try_connect(operation, first); break;
      case Operation::Kind::receive:
        result =
            errno_result(::read(operation.handle, operation.data, std::min<std::size_t>(operation.size, INT32_MAX)));
        break;
      case Operation::Kind::send: result = try_send(operation); break;
      case Operation::Kind::readable: result = is_ready(operation.handle, POLLIN) ? 0 : would_block; break;
      case Operation::Kind::writable: result = is_ready(operation.handle, POLLOUT) ? 0 : would_block; break;
    }
    if (result != -EINTR) return result;
  }
}

int wait_milliseconds(Nanoseconds wait_max) {
  constexpr Nanoseconds longest = std::chrono::hours(24);
  const Nanoseconds wait = std::min(wait_max, longest);
  // Rounded up: a timer that is woken too early would spin.
  return static_cast<int>((wait.count() + 999'999) / 1'000'000);
}

}  // namespace

EpollLoop::EpollLoop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)), now_(socket_calls::monotonic_now()) {
  STINT_CHECK(epoll_ >= 0);
}

EpollLoop::~EpollLoop() {
  STINT_CHECK(in_flight_ == 0);
  ::close(epoll_);
}

EpochTime EpollLoop::epoch_now() {
  if (!epoch_read_) {
    epoch_now_ = socket_calls::epoch_now();
    epoch_read_ = true;
  }
  return epoch_now_;
}

void EpollLoop::fill_entropy(std::span<char> bytes) { socket_calls::fill_entropy(bytes); }
Result<Handle> EpollLoop::listen(const Address& address, int backlog) {
  return socket_calls::listen(address, backlog, true);
}
Result<Address> EpollLoop::local_address(Handle handle) { return socket_calls::local_address(handle); }
Result<Handle> EpollLoop::open_stream(const Address& peer) { return socket_calls::open_stream(peer, true); }
std::size_t EpollLoop::handles_max() const { return socket_calls::handles_max(); }

void EpollLoop::shutdown_send(Handle handle) { socket_calls::shutdown_send(handle); }

void EpollLoop::close(Handle handle) {
  if (static_cast<std::size_t>(handle) < watches_.size()) {
    Watch& state = watches_[static_cast<std::size_t>(handle)];
    STINT_CHECK(state.reader == nullptr && state.writer == nullptr);
    state.registered = false;  // closing takes the descriptor out of the epoll set
  }
  socket_calls::close(handle);
}

void EpollLoop::forget(Handle handle) {
  Watch& state = watch(handle);
  STINT_CHECK(state.reader == nullptr && state.writer == nullptr);
  if (!std::exchange(state.registered, false)) return;
  epoll_event unused{};
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, handle, &unused);
}

EpollLoop::Watch& EpollLoop::watch(Handle handle) {
  const auto index = static_cast<std::size_t>(handle);
  if (index >= watches_.size()) watches_.resize(std::max<std::size_t>(index + 1, 32));
  return watches_[index];
}

Operation*& EpollLoop::waiting_slot(Operation& operation) {
  Watch& state = watch(operation.handle);
  const bool writes = operation.kind == Operation::Kind::send || operation.kind == Operation::Kind::connect ||
                      operation.kind == Operation::Kind::writable;
  return writes ? state.writer : state.reader;
}

bool EpollLoop::attempt(Operation& operation) {
  const std::int32_t result = try_once(operation, operation.loop_state == idle);
  if (result == would_block) return false;
  operation.result = result;
  return true;
}

bool EpollLoop::submit(Operation& operation) {
  operation.loop_state = idle;
  if (attempt(operation)) {
    if (operation.plain || ++completions_at_once_ <= completions_at_once_max) return true;
    operation.loop_state = completing;
    ++in_flight_;
    completed_.push(operation);
    return false;
  }
  Operation*& slot = waiting_slot(operation);
  STINT_CHECK(slot == nullptr);
  Watch& state = watch(operation.handle);
  if (!state.registered) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.fd = operation.handle;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, operation.handle, &event) != 0) {
      operation.result = -errno;
      return true;
    }
    state.registered = true;
  }
  operation.loop_state = waiting;
  slot = &operation;
  ++in_flight_;
  return false;
}

void EpollLoop::complete(Operation& operation) {
  operation.loop_state = completing;
  completed_.push(operation);
}

void EpollLoop::cancel(Operation& operation) {
  if (operation.loop_state != waiting) return;
  waiting_slot(operation) = nullptr;
  // After a freeze the timer is late, but what it waited for may have come: that goes first.
  if (!attempt(operation)) operation.result = -ECANCELED;
  complete(operation);
}

void EpollLoop::wake(Operation*& slot) {
  if (slot == nullptr || !attempt(*slot)) return;
  complete(*std::exchange(slot, nullptr));
}

void EpollLoop::turn(Nanoseconds wait_max, CompletionList& done) {
  epoll_event events[64];
  const int timeout = completed_.empty() ? wait_milliseconds(wait_max) : 0;
  const int count = ::epoll_wait(epoll_, events, 64, timeout);
  now_ = socket_calls::monotonic_now();
  epoch_read_ = false;
  completions_at_once_ = 0;
  for (int i = 0; i < count; ++i) {
    Watch& state = watches_[static_cast<std::size_t>(events[i].data.fd)];
    if (events[i].events & ~static_cast<std::uint32_t>(EPOLLOUT)) wake(state.reader);
    if (events[i].events & ~static_cast<std::uint32_t>(EPOLLIN | EPOLLRDHUP)) wake(state.writer);
  }
  while (Operation* const operation = completed_.pop()) {
    operation->loop_state = idle;
    --in_flight_;
    done.push(*operation);
  }
}

}  // namespace stint
