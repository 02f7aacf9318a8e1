// SPDX-License-Identifier: Apache-2.0
// The seam: what a loop must do so that everything above it can run on it. Shaped by completions (submit, complete,
// cancel), not by readiness; epoll_loop.h and the others stand behind it. No coroutine is named here.
// From submit to completion the loop (and perhaps the kernel) owns the operation and its buffers.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "base/time.h"
#include "runtime/address.h"

namespace stint {

/// A socket or file of the loop it came from: a file descriptor, or a number of the simulated world.
using Handle = int;
constexpr Handle no_handle = -1;

/// One request to the loop. It lies in the frame of whoever awaits it.
struct Operation {
  enum class Kind : std::uint8_t {
    accept,    // result: the new handle
    connect,   // to *address; result 0
    receive,   // into data[0, size); result: bytes, 0 at the end of the stream
    send,      // parts; result: bytes of them that were taken, at least one
    readable,  // result 0 once a read would not block
    writable,  // result 0 once a write would not block
  };
  Kind kind = Kind::receive;
  /// Send and receive by plain system calls only, in every loop, and at once where that is possible: the handle is a
  /// pipe or signalfd, or whoever waits must know what is out and what is still in the socket, should we crash.
  bool plain = false;
  Handle handle = no_handle;
  char* data = nullptr;
  std::size_t size = 0;
  const iovec* parts = nullptr;
  std::uint32_t part_count = 0;
  const Address* address = nullptr;

  /// >= 0 as said by the kind, or a negated errno; -ECANCELED after a cancel that came in time.
  std::int32_t result = 0;

  /// Called once by whoever runs the loop, within the turn after the completion.
  void (*complete)(Operation&) = nullptr;

  // The loop's own between submit and completion.
  Operation* next = nullptr;
  Operation* previous = nullptr;
  std::uint8_t loop_state = 0;
};

/// Completed operations in the order of completion.
class CompletionList {
 public:
  bool empty() const { return first_ == nullptr; }
  void push(Operation& operation) {
    operation.next = nullptr;
    (last_ != nullptr ? last_->next : first_) = &operation;
    last_ = &operation;
  }
  Operation* pop() {
    Operation* const operation = first_;
    if (operation != nullptr) {
      first_ = operation->next;
      if (first_ == nullptr) last_ = nullptr;
      operation->next = nullptr;
    }
    return operation;
  }

 private:
  Operation* first_ = nullptr;
  Operation* last_ = nullptr;
};

class Loop {
 public:
  Loop() = default;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  virtual ~Loop() = default;

  /// "epoll", "io_uring", "simulated"
  virtual const char* name() const = 0;

  /// Both stand still from one turn() to the next.
  virtual MonotonicTime monotonic_now() = 0;
  virtual EpochTime epoch_now() = 0;
  virtual void fill_entropy(std::span<char> bytes) = 0;

  /// Binds and listens. Fails: in_use, system.
  virtual Result<Handle> listen(const Address& address, int backlog) = 0;
  virtual Result<Address> local_address(Handle handle) = 0;
  /// A stream socket of the address's family, not yet connected. Fails: system.
  virtual Result<Handle> open_stream(const Address& peer) = 0;
  virtual void shutdown_send(Handle handle) = 0;
  /// Requires: no operation on the handle is in flight.
  virtual void close(Handle handle) = 0;

  /// The handle belongs to somebody else, who will close it: the loop lets go of it.
  /// Requires: no operation on the handle is in flight.
  virtual void forget(Handle handle) = 0;

  /// True: complete already, `result` is set and `complete` will not be called. False: it will be, later.
  virtual bool submit(Operation& operation) = 0;
  /// Asks for an early end; the operation still completes exactly once. Nothing happens if it is not in flight.
  virtual void cancel(Operation& operation) = 0;
  /// Waits up to `wait_max` for completions and moves them to `done`.
  virtual void turn(Nanoseconds wait_max, CompletionList& done) = 0;
  /// Operations submitted and not yet handed out.
  virtual std::size_t operations_in_flight() const = 0;
  /// How many handles this process may have open.
  virtual std::size_t handles_max() const { return 1024; }
};

}  // namespace stint
