// SPDX-License-Identifier: Apache-2.0
// The unary calls of one gRPC connection, without I/O: from received bytes to whole requests, from replies to bytes.
// A message that came in one DATA frame lies where it was received; a split one is compacted once into a block of its
// own. Refusals are grpc-go's, word for word.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/block.h"
#include "base/counters.h"
#include "net/frame_allowance.h"
#include "net/http2_session.h"
#include "net/keepalive.h"
#include "net/receive_buffer.h"
#include "wire/grpc.h"

namespace stint::net {

class TlsServer;

struct GrpcReply {
  wire::RpcCode code = wire::RpcCode::ok;
  std::string message;  // of an error
  std::string details;  // of an error: google.rpc.Status, or empty
  std::string body;     // of a success: the response message
};

/// What a client sent beside its message, as it came: metadata, and of its own headers the authority as `host`.
using GrpcMetadata = std::vector<std::pair<std::string, std::string>>;

/// What a connection asks of the methods that are served.
class GrpcMethods {
 public:
  virtual ~GrpcMethods() = default;
  /// A number for a path such as /package.Service/Method.
  virtual std::optional<std::size_t> find_method(std::string_view path) const = 0;
  virtual bool has_service(std::string_view name) const = 0;
  /// True for a value of grpc-encoding, other than identity, that can be decompressed.
  virtual bool has_encoding(std::string_view name) const = 0;
  /// The reply when there is no memory for a message.
  virtual GrpcReply memory_full() const = 0;
};

struct GrpcSettings {
  std::size_t message_bytes_max = limits::grpc_message_bytes_max;
  std::uint32_t streams_max = limits::grpc_streams_max;
  std::size_t connections_max = limits::connections_max;
  Nanoseconds silence_max = limits::request_silence_max;
  bool keep_metadata = false;  // for the service
  KeepaliveSettings keepalive;
  TlsServer* tls = nullptr;  // connections begin with its handshake. Borrows: outlives the server
};

class GrpcCalls;

/// One call, from its first header until its stream is closed and nobody works on it. Reused by its connection.
class GrpcCall {
 public:
  std::size_t method() const { return *method_; }
  bool is_compressed() const { return prefix_.format == 1; }
  std::string_view encoding() const { return encoding_; }
  /// The message as it was sent. Requires: the call was handed out by next_ready().
  Slice take_message() { return std::move(message_); }
  /// Empty unless the settings ask for it.
  GrpcMetadata take_metadata() { return std::move(metadata_); }
  /// False: the client has gone.
  bool is_open() const { return stream_ != 0; }
  /// Free for whoever works on the call.
  void* worker = nullptr;

 private:
  friend class GrpcCalls;
  enum class State : std::uint8_t { receiving, ready, running, answered, free };

  // The request's head.
  std::int32_t stream_ = 0;
  State state_ = State::free;
  bool is_post_ = false;
  bool is_grpc_ = false;
  std::size_t header_bytes_ = 0;
  std::size_t header_count_ = 0;
  std::optional<std::size_t> method_;
  std::string path_;          // of an unknown method
  std::string content_type_;  // that is not gRPC's
  std::string http_method_;
  std::string encoding_;
  std::string timeout_mistake_;
  GrpcMetadata metadata_;
  MonotonicTime deadline_ = MonotonicTime::max();
  MonotonicTime received_at_{};
  // The message: a view of the receive buffer, or in a block of its own when that could not be.
  std::string_view held_;
  Block block_;
  std::size_t block_size_ = 0;
  bool read_prefix_ = false;
  wire::GrpcPrefix prefix_;
  Slice message_;
  bool complete_ = false;
  bool more_ = false;  // bytes came behind the message
  // The answer.
  GrpcReply reply_;
  std::string framed_;
  Http2Body body_;
  wire::Header trailers_[3];
  bool works_ = false;
};

class GrpcCalls final : private Http2Events {
 public:
  /// Borrows: all.
  GrpcCalls(Http2Memory& memory, BlockPool& pool, CopyCounters& copies, const GrpcMethods& methods,
            const GrpcSettings& settings, MonotonicTime now);
  GrpcCalls(const GrpcCalls&) = delete;
  GrpcCalls& operator=(const GrpcCalls&) = delete;
  ~GrpcCalls() override;

  /// Room for what comes next. Fails: memory_full.
  Result<> reserve(ReceiveBuffer& buffer);
  /// Takes in what was received since the last call. False: nothing good will come of this connection.
  bool receive(ReceiveBuffer& buffer, MonotonicTime now);
  /// A call whose request is whole, until there is none. Each is given back by finish().
  GrpcCall* next_ready();
  /// The work on the call is over. Without effect on the wire if the client has gone.
  void finish(GrpcCall& call, GrpcReply reply);
  /// Gives up calls that were silent for too long or whose deadline has passed; the latter are handed to `expired` when
  /// somebody works on them.
  void expire(MonotonicTime now, std::vector<GrpcCall*>& expired);
  /// The client has gone from these although somebody works on them.
  std::vector<GrpcCall*>& abandoned() { return abandoned_; }
  /// When expire() or the keepalive has something to do.
  MonotonicTime next_due() const;
  /// What the keepalive wants at `now`. False: close the connection.
  bool keep_alive(MonotonicTime now);

  bool take_output(Http2Output& out, std::size_t bytes_max) { return session_.take_output(out, bytes_max); }
  bool wants_to_send() const { return session_.wants_to_send(); }
  /// Close once everything is sent.
  bool is_over() const { return closing_ || session_.is_over(); }
  std::size_t calls() const { return calls_in_use_; }
  /// Requires: calls() == 0.
  MonotonicTime idle_since() const { return keepalive_.idle_since(); }
  /// The client has spoken HTTP/2.
  bool greeted() const { return greeted_; }
  /// Tells the client to open no more streams.
  void drain(MonotonicTime now);

 private:
  void* request_begins(std::int32_t stream) override;
  bool header(void* request, std::string_view name, std::string_view value) override;
  void head_ends(void* request) override;
  void data_frame_begins(std::int32_t stream, std::size_t size) override;
  void data(void* request, std::string_view piece) override;
  void message_ends(void* request) override;
  void stream_closed(void* request, Http2Error error) override;
  void ping(bool is_answer, std::string_view payload) override;
  void idle_frame() override;
  void message_sent() override { keepalive_.answer_sent(); }

  void read_timeout(GrpcCall& call, std::string_view value) const;
  std::optional<GrpcReply> refusal(GrpcCall& call, int& http_status) const;
  Result<> append(GrpcCall& call, std::string_view piece);
  Result<> compact(GrpcCall& call);
  Result<> append_to_block(GrpcCall& call, std::string_view piece);
  void look_at_message(GrpcCall& call);
  void answer(GrpcCall& call, GrpcReply reply, int http_status);
  void let_go_of_message(GrpcCall& call);
  void release_if_done(GrpcCall& call);

  BlockPool& pool_;
  CopyCounters& copies_;
  const GrpcMethods& methods_;
  const GrpcSettings& settings_;
  Keepalive keepalive_;
  Http2Session session_;
  std::deque<GrpcCall> storage_;  // never moves a call
  std::vector<GrpcCall*> free_;
  std::vector<GrpcCall*> active_;
  std::vector<GrpcCall*> ready_;
  std::size_t ready_begin_ = 0;
  std::vector<GrpcCall*> abandoned_;
  ReceiveBuffer* buffer_ = nullptr;  // while receiving
  GrpcCall* in_place_ = nullptr;     // whose message goes on at the end of the receive buffer
  std::size_t in_place_size_ = 0;    // of its held part, between two receives
  std::size_t frame_left_ = 0;       // of the present DATA frame
  MonotonicTime now_;
  FrameAllowance allowance_;
  std::size_t calls_in_use_ = 0;
  bool greeted_ = false;
  bool closing_ = false;
};

}  // namespace stint::net
