// SPDX-License-Identifier: Apache-2.0
#include "runtime/uring_loop.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "runtime/socket_calls.h"

namespace stint {
namespace {

constexpr std::int32_t would_block = -EAGAIN;
// The lowest bit of a completion's user data: the answer to a cancel, not to an operation. Operations are aligned.
constexpr std::uint64_t cancel_mark = 1;
static_assert(alignof(Operation) > cancel_mark);

std::uint64_t identity(const Operation& operation) { return reinterpret_cast<std::uintptr_t>(&operation); }

bool writes(const Operation& operation) {
  return operation.kind == Operation::Kind::send || operation.kind == Operation::Kind::connect ||
         operation.kind == Operation::Kind::writable;
}

short poll_events(const Operation& operation) { return writes(operation) ? POLLOUT : POLLIN; }
std::uint8_t busy_bit(const Operation& operation) { return writes(operation) ? 2 : 1; }
unsigned byte_count(std::size_t size) { return static_cast<unsigned>(std::min<std::size_t>(size, INT32_MAX)); }

bool waits_for_readiness(const Operation& operation) {
  return operation.kind == Operation::Kind::readable || operation.kind == Operation::Kind::writable || operation.plain;
}

std::int32_t errno_result(ssize_t value) { return value >= 0 ? static_cast<std::int32_t>(value) : -errno; }

// How an attempt to connect went. A unix socket counts as writable before it is connected, hence the second question.
std::int32_t connected_now(Handle handle) {
  int error_number = 0;
  socklen_t size = sizeof error_number;
  ::getsockopt(handle, SOL_SOCKET, SO_ERROR, &error_number, &size);
  if (error_number != 0) return -error_number;
  sockaddr_storage peer{};
  size = sizeof peer;
  return ::getpeername(handle, reinterpret_cast<sockaddr*>(&peer), &size) == 0 ? 0 : would_block;
}

std::int32_t send_now(const Operation& operation) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(operation.parts);
  message.msg_iovlen = operation.part_count;
  return errno_result(::sendmsg(operation.handle, &message, MSG_NOSIGNAL | MSG_DONTWAIT));
}

// The operation by a plain system call, if it can end at once: else would_block.
std::int32_t try_now(const Operation& operation) {
  pollfd entry{operation.handle, poll_events(operation), 0};
  if (::poll(&entry, 1, 0) <= 0) return would_block;
  switch (operation.kind) {
    case Operation::Kind::accept: return errno_result(::accept4(operation.handle, nullptr, nullptr, SOCK_CLOEXEC));
    case Operation::Kind::connect: return connected_now(operation.handle);
    case Operation::Kind::receive:
      return errno_result(::read(operation.handle, operation.data, byte_count(operation.size)));
    case Operation::Kind::send: return send_now(operation);
    case Operation::Kind::readable:
    case Operation::Kind::writable: return 0;
  }
  return -EINVAL;
}

// Not the caller's trouble: the same request may well succeed. A peer that gave up while it was queued is one such.
bool is_passing(const Operation& operation, std::int32_t result) {
  if (result == -EINTR) return true;
  // To a unix socket EAGAIN says that the other's queue is full.
  if (operation.kind == Operation::Kind::connect) return result == -EINPROGRESS;
  if (result == would_block) return true;
  return operation.kind == Operation::Kind::accept && (result == -ECONNABORTED || result == -EPROTO);
}

}  // namespace

UringLoop::UringLoop() : now_(socket_calls::monotonic_now()) {}

Result<std::unique_ptr<UringLoop>> UringLoop::open(Mode mode) {
  std::unique_ptr<UringLoop> loop(new UringLoop());
  io_uring_params parameters{};
  if (mode == Mode::deferred) {
    parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN;
  }
  const int result = ::io_uring_queue_init_params(entries, &loop->ring_, &parameters);
  if (result < 0) return system_error(-result);
  loop->ring_open_ = true;
  loop->features_ = parameters.features;
  // Newer kernels then take the same way as 5.10, which has no time-out for a wait.
  if (mode == Mode::plain) loop->ring_.features &= ~static_cast<unsigned>(IORING_FEAT_EXT_ARG);
  return loop;
}

UringLoop::~UringLoop() {
  STINT_CHECK(in_flight_ == 0);
  if (ring_open_) ::io_uring_queue_exit(&ring_);
}

EpochTime UringLoop::epoch_now() {
  if (!epoch_read_) {
    epoch_now_ = socket_calls::epoch_now();
    epoch_read_ = true;
  }
  return epoch_now_;
}

void UringLoop::fill_entropy(std::span<char> bytes) { socket_calls::fill_entropy(bytes); }
Result<Handle> UringLoop::listen(const Address& address, int backlog) {
  return socket_calls::listen(address, backlog, false);
}
Result<Address> UringLoop::local_address(Handle handle) { return socket_calls::local_address(handle); }
Result<Handle> UringLoop::open_stream(const Address& peer) { return socket_calls::open_stream(peer, false); }
std::size_t UringLoop::handles_max() const { return socket_calls::handles_max(); }

void UringLoop::shutdown_send(Handle handle) { socket_calls::shutdown_send(handle); }

void UringLoop::close(Handle handle) {
  STINT_CHECK(busy(handle) == 0);
  socket_calls::close(handle);
}

void UringLoop::forget(Handle handle) { STINT_CHECK(busy(handle) == 0); }

std::uint8_t& UringLoop::busy(Handle handle) {
  const auto index = static_cast<std::size_t>(handle);
  if (index >= busy_.size()) busy_.resize(std::max<std::size_t>({index + 1, busy_.size() * 2, 32}));
  return busy_[index];
}

bool UringLoop::submit(Operation& operation) {
  std::uint8_t& handle_busy = busy(operation.handle);
  STINT_CHECK((handle_busy & busy_bit(operation)) == 0);
  if (operation.plain) {
    operation.result = try_now(operation);
    if (operation.result >= 0) return true;
  }
  operation.loop_state = waits_for_readiness(operation) ? polling : idle;
  if (!push(operation)) {
    operation.result = -ENOBUFS;
    return true;
  }
  handle_busy |= busy_bit(operation);
  ++in_flight_;
  return false;
}

// A free place in the submission queue; nullptr when the kernel takes nothing off it.
io_uring_sqe* UringLoop::submission_entry() {
  constexpr int attempts_max = 64;
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    if (io_uring_sqe* const entry = ::io_uring_get_sqe(&ring_)) return entry;
    // Refused while completions have no room to go to: make some.
    if (::io_uring_submit_and_get_events(&ring_) < 0) collect();
  }
  return nullptr;
}

bool UringLoop::push(Operation& operation) {
  io_uring_sqe* const entry = submission_entry();
  if (entry == nullptr) return false;
  if (operation.loop_state & polling) {
    ::io_uring_prep_poll_add(entry, operation.handle, static_cast<unsigned>(poll_events(operation)));
  } else if (operation.kind == Operation::Kind::accept) {
    ::io_uring_prep_accept(entry, operation.handle, nullptr, nullptr, SOCK_CLOEXEC);
  } else if (operation.kind == Operation::Kind::connect) {
    ::io_uring_prep_connect(entry, operation.handle, operation.address->native(), operation.address->native_size());
  } else if (operation.kind == Operation::Kind::receive) {
    ::io_uring_prep_recv(entry, operation.handle, operation.data, byte_count(operation.size), 0);
  } else if (operation.part_count == 1) {
    ::io_uring_prep_send(entry, operation.handle, operation.parts->iov_base, byte_count(operation.parts->iov_len),
                         MSG_NOSIGNAL);
  } else {
    msghdr& message = message_headers_[static_cast<std::size_t>(entry - ring_.sq.sqes)];
    message = msghdr{};
    message.msg_iov = const_cast<iovec*>(operation.parts);
    message.msg_iovlen = operation.part_count;
    ::io_uring_prep_sendmsg(entry, operation.handle, &message, MSG_NOSIGNAL);
  }
  ::io_uring_sqe_set_data64(entry, identity(operation));
  operation.loop_state = static_cast<std::uint8_t>((operation.loop_state & ~place_mask) | in_kernel);
  return true;
}

// The queue is first in, first out: a cancel can hit neither an operation not yet there nor a later one in its place.
bool UringLoop::push_cancel(Operation& operation) {
  io_uring_sqe* const entry = submission_entry();
  if (entry == nullptr) return false;
  ::io_uring_prep_cancel64(entry, identity(operation), 0);
  ::io_uring_sqe_set_data64(entry, identity(operation) | cancel_mark);
  return true;
}

void UringLoop::cancel(Operation& operation) {
  const std::uint8_t place = operation.loop_state & place_mask;
  if (place == idle || place == completing || (operation.loop_state & cancelling)) return;
  operation.loop_state |= cancelling;
  if (place == queued_again) return;  // seen by push_queued
  operation.previous = nullptr;
  operation.next = cancelled_first_;
  if (cancelled_first_ != nullptr) cancelled_first_->previous = &operation;
  cancelled_first_ = &operation;
  if (!push_cancel(operation)) cancel_missed_ = true;
}

// An operation between two waits in the kernel cannot be found there by a cancel: it is asked for again.
void UringLoop::push_cancels_again() {
  if (!std::exchange(cancel_missed_, false)) return;
  for (Operation* operation = cancelled_first_; operation != nullptr; operation = operation->next) {
    // Making room may have completed this one, which takes it out of the list: the rest is for the next turn.
    if (!push_cancel(*operation) || (operation->loop_state & place_mask) != in_kernel) {
      cancel_missed_ = true;
      return;
    }
  }
}

void UringLoop::push_queued() {
  CompletionList queued;
  std::swap(queued, again_);
  while (Operation* const operation = queued.pop()) {
    if (operation->loop_state & cancelling) {
      complete(*operation, -ECANCELED);
    } else if (!push(*operation)) {
      complete(*operation, -ENOBUFS);
    }
  }
}

void UringLoop::queue_again(Operation& operation) {
  operation.loop_state = queued_again | polling;
  again_.push(operation);
}

void UringLoop::complete(Operation& operation, std::int32_t result) {
  if (operation.kind == Operation::Kind::accept && result >= 0) socket_calls::set_no_delay(result);
  operation.result = result;
  operation.loop_state = completing;
  busy(operation.handle) &= static_cast<std::uint8_t>(~busy_bit(operation));
  completed_.push(operation);
}

void UringLoop::finished(Operation& operation, std::int32_t result) {
  const bool was_polling = operation.loop_state & polling;
  const bool was_cancelled = operation.loop_state & cancelling;
  if (was_cancelled) {
    (operation.previous != nullptr ? operation.previous->next : cancelled_first_) = operation.next;
    if (operation.next != nullptr) operation.next->previous = operation.previous;
  }
  // After a freeze the timer is late, but what it waited for may have come: that goes before the cancellation.
  const bool ended_early = was_cancelled && (result == -ECANCELED || is_passing(operation, result));
  const bool ready = was_polling && result >= 0;
  if (ended_early || ready) {
    result = try_now(operation);
    if (result == would_block) result = -EINTR;
  }
  if (is_passing(operation, result)) {
    if (!was_cancelled) return queue_again(operation);
    result = -ECANCELED;
  }
  complete(operation, result);
}

void UringLoop::collect() {
  // As many as there are now: what comes meanwhile is the next turn's.
  for (unsigned left = ::io_uring_cq_ready(&ring_); left > 0; --left) {
    io_uring_cqe* entry = nullptr;
    if (::io_uring_peek_batch_cqe(&ring_, &entry, 1) == 0) return;
    const std::uint64_t user_data = entry->user_data;
    const std::int32_t result = entry->res;
    ::io_uring_cqe_seen(&ring_, entry);
    if (user_data == LIBURING_UDATA_TIMEOUT) continue;
    if (user_data & cancel_mark) {
      cancel_missed_ |= result < 0;
    } else {
      // NOLINTNEXTLINE(performance-no-int-to-ptr): the ring hands back a number
      finished(*reinterpret_cast<Operation*>(static_cast<std::uintptr_t>(user_data)), result);
    }
  }
}

void UringLoop::enter(Nanoseconds wait_max) {
  constexpr Nanoseconds longest = std::chrono::hours(24);
  const Nanoseconds wait = std::min(wait_max, longest);
  int result = 0;
  if (wait <= Nanoseconds::zero()) {
    result = ::io_uring_submit_and_get_events(&ring_);
  } else {
    const auto seconds = std::chrono::duration_cast<Seconds>(wait);
    __kernel_timespec timeout{seconds.count(), (wait - seconds).count()};
    io_uring_cqe* entry = nullptr;
    result = ::io_uring_submit_and_wait_timeout(&ring_, &entry, 1, &timeout, nullptr);
  }
  // EBUSY: completions wait for room, which collect() makes. EAGAIN: the kernel is short of memory; again next turn.
  STINT_CHECK(result >= 0 || result == -ETIME || result == -EINTR || result == -EAGAIN || result == -EBUSY);
}

void UringLoop::turn(Nanoseconds wait_max, CompletionList& done) {
  push_queued();
  push_cancels_again();
  enter(completed_.empty() ? wait_max : Nanoseconds::zero());
  now_ = socket_calls::monotonic_now();
  epoch_read_ = false;
  collect();
  while (Operation* const operation = completed_.pop()) {
    operation->loop_state = idle;
    --in_flight_;
    done.push(*operation);
  }
}

}  // namespace stint
