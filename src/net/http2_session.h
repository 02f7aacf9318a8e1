// SPDX-License-Identifier: Apache-2.0
// One side of one HTTP/2 connection, a server's or a client's, without I/O: bytes in, events and bytes out. nghttp2
// behind a small face; it owns streams, flow control and header compression. Data that comes is shown where it lies in
// the bytes that were given, data that goes is sent from where it lies.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "net/http2_memory.h"
#include "net/http2_output.h"
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

/// What comes out of a session while it takes in bytes, per stream with the `call` that its owner has given it. Nothing
/// may be received from within; answers and requests are fine.
class Http2Events {
 public:
  virtual ~Http2Events() = default;
  /// A client opens a stream. What is returned is its `call` until stream_closed; null refuses the stream.
  virtual void* request_begins(std::int32_t stream) {
    (void)stream;
    return nullptr;
  }
  /// Also of trailers. False: the list is over a limit, the stream is reset. Views: until it returns.
  virtual bool header(void* call, std::string_view name, std::string_view value) = 0;
  /// Of a request; of an answer, informational ones and trailers included.
  virtual void head_ends(void* call) = 0;
  /// A DATA frame of `size` bytes begins; data() shows what has come of it. `piece` lies in the bytes being received.
  virtual void data_frame_begins(std::int32_t stream, std::size_t size) {
    (void)stream;
    (void)size;
  }
  virtual void data(void* call, std::string_view piece) = 0;
  /// All of the request, or of the answer, is there.
  virtual void message_ends(void* call) = 0;
  virtual void stream_closed(void* call, Http2Error error) = 0;
  virtual void ping(bool is_answer, std::string_view payload) = 0;
  /// The peer opens no more streams, and serves none above those it names: these are closed with refused_stream.
  virtual void goes_away(Http2Error error, std::string_view debug) {
    (void)error;
    (void)debug;
  }
  /// A frame that brings no call on: settings, windows, priorities, resets, empty data.
  virtual void idle_frame() = 0;
  /// Something of a message has been written.
  virtual void message_sent() = 0;
};

enum class Http2Side : std::uint8_t { server, client };

struct Http2Settings {
  Http2Side side = Http2Side::server;
  std::uint32_t streams_max = 0;  // that a client may open at one time
  std::uint32_t header_list_bytes_max = 0;
  std::uint32_t frame_bytes_max = 0;  // of DATA
  std::uint32_t window_bytes = 0;     // of a stream, and of the connection
};

/// What is sent behind a head: bytes that are copied, slices that are sent from where they lie, trailers. It and what
/// it points to stay where they are until the stream is closed or forgotten.
struct Http2Body {
  std::string_view rest;
  std::span<const Slice> slices;
  std::span<const wire::Header> trailers;
  std::size_t slice_sent = 0;  // of the first slice
  std::size_t left = 0;        // bytes in all, counted when it is handed over
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
  bool take_output(Http2Output& out, std::size_t bytes_max);
  bool wants_to_send() const;
  /// True once nothing is expected any more: GOAWAY was said and every stream is done.
  bool is_over() const;

  /// A server's. Borrows: the head until it returns, body until stream_closed. Without a body the head ends the stream.
  void answer(std::int32_t stream, std::span<const wire::Header> head, Http2Body* body);
  /// A client's: the new stream. Borrows: the head until it returns, body until stream_closed or forget().
  /// Fails: closed (no stream can be opened any more).
  Result<std::int32_t> request(std::span<const wire::Header> head, Http2Body* body, void* call);
  /// Its call hears no more of the stream, and its body is not read again.
  void forget(std::int32_t stream);
  /// All of our message has been sent.
  bool has_sent_all(std::int32_t stream) const;
  /// A client's: false once the peer has said goodbye.
  bool may_request() const;
  /// A client's: how many streams the peer wants to be open at one time.
  std::size_t peer_streams_max() const;
  void reset(std::int32_t stream, Http2Error error);
  void send_ping(std::string_view payload);
  /// GOAWAY that refuses no stream yet: the peer should open no more.
  void announce_shutdown();
  /// GOAWAY: streams that have come are served, later ones are not.
  void go_away(Http2Error error, std::string_view debug);

 private:
  struct Callbacks;
  struct Fields;
  Http2Events& events_;
  bool is_server_;
  nghttp2_session* session_ = nullptr;
  std::unique_ptr<Fields> fields_;  // of the head that is being submitted
  Http2Output* output_ = nullptr;   // while taking it
  std::size_t output_bytes_max_ = 0;
  std::size_t other_frame_bytes_max_;
  std::size_t windows_awaited_ = 0;  // WINDOW_UPDATEs that what we have sent can bring, and that are no flood
};

}  // namespace stint::net
