// SPDX-License-Identifier: Apache-2.0
// Byte streams and listeners over the loop: each call submits one operation and awaits its completion. Buffers belong
// to the loop until the call returns; a cancelled or timed-out call returns only after the loop has let go of them.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <utility>

#include "runtime/runtime.h"

namespace stint {

/// No timeout.
constexpr Nanoseconds forever = Nanoseconds::max();

/// A handle with its loop; closed at the end. Move-only. At most one receive and one send at a time.
class Stream {
 public:
  Stream() = default;
  Stream(Runtime& runtime, Handle handle, bool plain = false) : runtime_(&runtime), handle_(handle), plain_(plain) {}
  Stream(Stream&& other) noexcept
      : runtime_(other.runtime_), handle_(std::exchange(other.handle_, no_handle)), plain_(other.plain_) {}
  Stream& operator=(Stream&& other) noexcept;
  ~Stream() { close(); }

  explicit operator bool() const { return handle_ != no_handle; }
  Handle handle() const { return handle_; }
  Runtime& runtime() const { return *runtime_; }

  /// Bytes received into data[0, size); 0 at the end of the stream. Requires: size > 0.
  /// Fails: timed_out (nothing for `timeout`), cancelled, system. No byte is lost by a failure.
  Task<Result<std::size_t>> receive(char* data, std::size_t size, Nanoseconds timeout = forever);
  /// Sends all of `parts`. Fails: timed_out (no progress for `timeout`), cancelled, system; a part may be out then.
  Task<Result<>> send(std::span<const iovec> parts, Nanoseconds timeout = forever);
  Task<Result<>> send(std::string_view bytes, Nanoseconds timeout = forever);
  /// Waits until a read would not block; 0 bytes are read.
  Task<Result<>> readable(Nanoseconds timeout = forever);
  Task<Result<>> writable(Nanoseconds timeout = forever);
  /// The peer sees the end of our bytes; receiving goes on.
  void shutdown_send();
  /// Requires: no call is in flight.
  void close();
  /// Gives the handle away without closing it.
  Handle release() { return std::exchange(handle_, no_handle); }

 private:
  Runtime* runtime_ = nullptr;
  Handle handle_ = no_handle;
  bool plain_ = false;
};

/// Fails: timed_out, cancelled, system (ECONNREFUSED, ENETUNREACH, ...).
Task<Result<Stream>> connect(Runtime& runtime, Address address, Nanoseconds timeout);

class Listener {
 public:
  Listener() = default;
  Listener(Listener&& other) noexcept : runtime_(other.runtime_), handle_(std::exchange(other.handle_, no_handle)) {}
  Listener& operator=(Listener&& other) noexcept;
  ~Listener() { close(); }
  /// Binds at once; connections queue in the kernel until accept(). Fails: in_use, system.
  static Result<Listener> open(Runtime& runtime, const Address& address, int backlog = 128);

  explicit operator bool() const { return handle_ != no_handle; }
  Handle handle() const { return handle_; }
  /// The address with the port that was given.
  Result<Address> address() const { return runtime_->loop().local_address(handle_); }
  /// Fails: cancelled, system (EMFILE and the like: try again after a while).
  Task<Result<Stream>> accept();
  void close();

 private:
  Runtime* runtime_ = nullptr;
  Handle handle_ = no_handle;
};

}  // namespace stint
