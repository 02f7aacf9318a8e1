// SPDX-License-Identifier: Apache-2.0
// TLS over a Stream: OpenSSL works on our buffers, the loop moves the bytes. The stream and all buffers belong to the
// object; it stays where it is while OpenSSL points to it. Large parts of what is sent are encrypted from where they
// lie, small ones are gathered into one record.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/stream.h"

struct ssl_st;
struct bio_st;

namespace stint::net {

class TlsPeer;

class TlsStream {
 public:
  /// Takes the ownership of `ssl`, a client's or a server's before its handshake. `peer` is told of sessions; may be
  /// null. With `carrier` it lies within that TLS connection (to a proxy) instead of `stream`. Borrows: peer.
  TlsStream(Stream stream, ssl_st* ssl, TlsPeer* peer, std::unique_ptr<TlsStream> carrier = nullptr);
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;
  /// Requires: no call is in flight.
  ~TlsStream();

  Runtime& runtime() const { return carrier_ ? carrier_->runtime() : stream_.runtime(); }
  TlsPeer* peer() const { return peer_; }
  /// What the peer chose by ALPN, such as "h2"; empty: nothing. Valid until: the stream ends.
  std::string_view protocol() const;
  /// The stream below, for after a handshake that failed.
  Stream& below() { return stream_; }

  /// Fails: timed_out, cancelled, and what TlsPlace names.
  Task<Result<>> handshake(MonotonicTime end);
  /// As Stream::receive; 0 only after the peer said that nothing follows. Fails: as Stream::receive; closed (the
  /// stream ended without a word: what came may be cut), and what TlsPlace names.
  Task<Result<std::size_t>> receive(char* data, std::size_t size, Nanoseconds timeout = forever);
  /// As Stream::send. After a failure only close() is left.
  Task<Result<>> send(std::span<const iovec> parts, Nanoseconds timeout = forever);
  /// Waits until there is something to receive, be it in our buffers.
  Task<Result<>> readable(Nanoseconds timeout = forever);
  /// Tells the peer that nothing follows; receiving goes on.
  Task<> end_send(Nanoseconds timeout);
  /// The same, and closes.
  Task<> close(Nanoseconds timeout);

  /// Bytes to be sent that were gathered into records before they were encrypted.
  std::uint64_t bytes_gathered() const { return bytes_gathered_; }

 private:
  friend struct TlsBio;
  static constexpr std::size_t record_bytes = 16u << 10;
  static constexpr std::size_t direct_bytes_min = 4u << 10;  // a part of this size gets records of its own
  static constexpr std::size_t flush_bytes = 32u << 10;

  Result<> encrypt(const char* data, std::size_t size);
  Task<Result<>> encrypt_and_flush(const char* data, std::size_t size, Nanoseconds timeout);
  Task<Result<>> send_gathered(Nanoseconds timeout);
  Task<Result<>> send_below(std::span<const iovec> parts, Nanoseconds timeout);
  Task<Result<std::size_t>> receive_below(char* data, std::size_t size, Nanoseconds timeout);
  /// Sends what OpenSSL has written. One at a time: who comes second leaves it to the first.
  Task<Result<>> flush(Nanoseconds timeout);
  /// Receives into the empty input. Fails: as Stream::receive, and closed at its end.
  Task<Result<>> fill(Nanoseconds timeout);
  Error failure(int result);

  Stream stream_;
  std::unique_ptr<TlsStream> carrier_;
  ssl_st* ssl_;
  TlsPeer* peer_;
  std::unique_ptr<char[]> input_;
  std::size_t input_begin_ = 0;
  std::size_t input_end_ = 0;
  std::vector<char> output_;     // written by OpenSSL
  std::vector<char> in_flight_;  // the loop's while flushing
  std::vector<char> gathered_;   // small parts of one record
  std::uint64_t bytes_gathered_ = 0;
  bool flushing_ = false;
  bool broken_ = false;
};

}  // namespace stint::net
