// SPDX-License-Identifier: Apache-2.0
// The server's side of one HTTP/2 connection, without I/O: bytes in, events and bytes out. nghttp2 behind a small face;
// it owns streams, flow control and header compression. Data is shown where it lies in the bytes that were given.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "net/http2_memory.h"
#include "wire/http1.h"

struct nghttp2_session;

namespace stint::net {

/// Source: RFC 9113, section 7.
enum class Http2Error : std::uint32_t {
  none = 0,
  protocol = 1,
  internal = 2,
  frame_size = 6,
  refused_stream = 7,
  cancel = 8,
  enhance_your_calm = 11,
};

/// What comes out of a session while it takes in bytes. Nothing may be received from within; answers are fine.
class Http2Events {
 public:
  virtual ~Http2Events() = default;
  /// What is returned is handed back as `request` until stream_closed; null refuses the stream.
  virtual void* request_begins(std::int32_t stream) = 0;
  /// Also of trailers. False: the list is over a limit, the stream is reset. Views: until it returns.
  virtual bool header(void* request, std::string_view name, std::string_view value) = 0;
  virtual void head_ends(void* request) = 0;
  /// A DATA frame of `size` bytes begins; data() shows what has come of it. `piece` lies in the bytes being received.
  virtual void data_frame_begins(std::int32_t stream, std::size_t size) = 0;
  virtual void data(void* request, std::string_view piece) = 0;
  virtual void request_ends(void* request) = 0;
  virtual void stream_closed(void* request) = 0;
  virtual void ping(bool is_answer, std::string_view payload) = 0;
  /// A frame that brings no request on: settings, windows, priorities, resets, empty data.
  virtual void idle_frame() = 0;
  /// Something of an answer has been written.
  virtual void answer_sent() = 0;
};

struct Http2Settings {
  std::uint32_t streams_max = 0;
  std::uint32_t header_list_bytes_max = 0;
  std::uint32_t frame_bytes_max = 0;  // of DATA
  std::uint32_t window_bytes = 0;     // of a stream, and of the connection
};

/// What an answer sends behind its head. Lies where it is until the stream is closed.
struct Http2Body {
  std::string_view rest;
  std::span<const wire::Header> trailers;
};

class Http2Session {
 public:
  /// Makes the session and what it says first. Borrows: memory, events.
  Http2Session(Http2Memory& memory, Http2Events& events, const Http2Settings& settings);
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;
  ~Http2Session();

  /// Takes in all of `bytes`. False: the peer does not speak HTTP/2, or so badly that nothing is left to say.
  bool receive(std::string_view bytes);
  /// Appends what is to be sent, up to about `bytes_max`. False: as receive.
  bool take_output(std::string& out, std::size_t bytes_max);
  bool wants_to_send() const;
  /// True once nothing is expected any more: GOAWAY was said and every stream is done.
  bool is_over() const;

  /// Borrows: the head until it returns, body until stream_closed. Without a body the head ends the stream.
  void answer(std::int32_t stream, std::span<const wire::Header> head, Http2Body* body);
  void reset(std::int32_t stream, Http2Error error);
  void send_ping(std::string_view payload);
  /// GOAWAY that refuses no stream yet: the peer should open no more.
  void announce_shutdown();
  /// GOAWAY: streams that have come are served, later ones are not.
  void go_away(Http2Error error, std::string_view debug);

 private:
  struct Callbacks;
  Http2Events& events_;
  nghttp2_session* session_ = nullptr;
  std::size_t other_frame_bytes_max_;
};

}  // namespace stint::net
