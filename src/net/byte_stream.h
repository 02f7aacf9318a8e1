// SPDX-License-Identifier: Apache-2.0
// What HTTP is spoken over: a plain stream, or TLS over one. The calls are those of Stream and promise the same; none
// adds a coroutine of its own.
#pragma once

#include <memory>

#include "net/tls_stream.h"
#include "runtime/stream.h"

namespace stint::net {

class ByteStream {
 public:
  ByteStream(Stream stream) : plain_(std::move(stream)) {}                          // NOLINT: a stream is one
  ByteStream(std::unique_ptr<TlsStream> secured) : secured_(std::move(secured)) {}  // NOLINT

  Runtime& runtime() const { return secured_ ? secured_->runtime() : plain_.runtime(); }
  bool is_secured() const { return secured_ != nullptr; }
  /// What the peer chose by ALPN; empty without TLS. Valid until: the stream ends.
  std::string_view protocol() const { return secured_ ? secured_->protocol() : std::string_view(); }
  /// For a handshake over it. Requires: !is_secured().
  Stream take_plain() { return std::move(plain_); }

  Task<Result<std::size_t>> receive(char* data, std::size_t size, Nanoseconds timeout = forever) {
    return secured_ ? secured_->receive(data, size, timeout) : plain_.receive(data, size, timeout);
  }
  /// Borrows: the parts and what they point to, until it returns.
  Task<Result<>> send(std::span<const iovec> parts, Nanoseconds timeout = forever) {
    return secured_ ? secured_->send(parts, timeout) : plain_.send(parts, timeout);
  }
  Task<Result<>> send(std::string_view bytes, Nanoseconds timeout = forever);
  /// Waits until a receive would not wait, or only for the rest of a record.
  Task<Result<>> readable(Nanoseconds timeout = forever) {
    return secured_ ? secured_->readable(timeout) : plain_.readable(timeout);
  }
  /// The peer sees the end of our bytes; receiving goes on.
  Task<> end_send(Nanoseconds timeout);
  /// Ends sending, and drops what still comes for at most `time` and up to `bytes_max`: a peer that is in the middle of
  /// its bytes reads our last ones before it sees a reset.
  Task<> linger(Nanoseconds time, std::size_t bytes_max);
  /// Gives away what it is made of: one of the two. Requires: no call is in flight.
  Stream release_plain() { return std::move(plain_); }
  std::unique_ptr<TlsStream> release_secured() { return std::move(secured_); }
  /// Tells a TLS peer that nothing follows; closes.
  Task<> close(Nanoseconds timeout);

 private:
  Stream plain_;
  std::unique_ptr<TlsStream> secured_;
};

}  // namespace stint::net
