// SPDX-License-Identifier: Apache-2.0
#include "net/http2_session.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/check.h"

namespace stint::net {
namespace {

constexpr std::size_t heads_max = 8;                  // headers of one answer
constexpr std::uint32_t default_frame_bytes = 16384;  // RFC 9113, 6.5.2
constexpr std::size_t continuations_max = 8;
constexpr std::size_t settings_max = 32;  // of one frame

std::string_view view_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

std::uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));  // the library does not write
}

// Names and values of few headers; nghttp2 copies them. What differs from call to call is kept out of the table.
struct HeaderArray {
  explicit HeaderArray(std::span<const wire::Header> headers) : size(headers.size()) {
    STINT_CHECK(size <= heads_max);
    for (std::size_t i = 0; i < size; ++i) {
      const wire::Header& header = headers[i];
      const bool varies = header.name == "grpc-message" || header.name == "grpc-status-details-bin";
      values[i] = {bytes_of(header.name), bytes_of(header.value), header.name.size(), header.value.size(),
                   static_cast<std::uint8_t>(varies ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE)};
    }
  }
  nghttp2_nv values[heads_max];
  std::size_t size;
};

}  // namespace

// What nghttp2 calls; `context` is the session.
struct Http2Session::Callbacks {
  static Http2Session& self(void* context) { return *static_cast<Http2Session*>(context); }
  static Http2Events& events(void* context) { return self(context).events_; }
  static void* request(nghttp2_session* session, std::int32_t stream) {
    return nghttp2_session_get_stream_user_data(session, stream);
  }

  static int frame_begins(nghttp2_session*, const nghttp2_frame_hd* head, void* context) {
    if (head->type == NGHTTP2_DATA) {
      events(context).data_frame_begins(head->stream_id, head->length);
    } else if (head->length > self(context).other_frame_bytes_max_) {
      return NGHTTP2_ERR_CALLBACK_FAILURE;  // would be stored by the library
    }
    return 0;
  }

  static int headers_begin(nghttp2_session* session, const nghttp2_frame* frame, void* context) {
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    const std::int32_t stream = frame->hd.stream_id;
    void* const made = events(context).request_begins(stream);
    if (made == nullptr) {
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream, NGHTTP2_REFUSED_STREAM);
      return 0;
    }
    return nghttp2_session_set_stream_user_data(session, stream, made);
  }

  static int header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t,
                    void* context) {
    void* const found = request(session, frame->hd.stream_id);
    if (found == nullptr) return 0;
    const bool taken = events(context).header(found, view_of(name, name_size), view_of(value, value_size));
    return taken ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int data(nghttp2_session* session, std::uint8_t, std::int32_t stream, const std::uint8_t* bytes,
                  std::size_t size, void* context) {
    if (void* const found = request(session, stream)) events(context).data(found, view_of(bytes, size));
    return 0;
  }

  static int frame_received(nghttp2_session* session, const nghttp2_frame* frame, void* context) {
    const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS: {
        void* const found = request(session, frame->hd.stream_id);
        if (found == nullptr) return events(context).idle_frame(), 0;
        if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) events(context).head_ends(found);
        if (ends) events(context).request_ends(found);
        return 0;
      }
      case NGHTTP2_DATA: {
        void* const found = request(session, frame->hd.stream_id);
        if (found == nullptr || (frame->hd.length == frame->data.padlen && !ends)) events(context).idle_frame();
        if (found != nullptr && ends) events(context).request_ends(found);
        return 0;
      }
      case NGHTTP2_PING:
        events(context).ping((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0, view_of(frame->ping.opaque_data, 8));
        return 0;
      default: events(context).idle_frame(); return 0;
    }
  }

  static int invalid_frame(nghttp2_session*, const nghttp2_frame*, int, void* context) {
    events(context).idle_frame();
    return 0;
  }

  static int stream_closed(nghttp2_session* session, std::int32_t stream, std::uint32_t, void* context) {
    if (void* const found = request(session, stream)) events(context).stream_closed(found);
    return 0;
  }

  static int frame_sent(nghttp2_session* session, const nghttp2_frame* frame, void* context) {
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    events(context).answer_sent();
    const std::int32_t stream = frame->hd.stream_id;
    // The whole answer is out: what the client still sends is of no use.
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
        nghttp2_session_get_stream_remote_close(session, stream) == 0) {
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream, NGHTTP2_NO_ERROR);
    }
    return 0;
  }

  static ssize_t read_body(nghttp2_session* session, std::int32_t stream, std::uint8_t* buffer, std::size_t size,
                           std::uint32_t* flags, nghttp2_data_source* source, void*) {
    auto& body = *static_cast<Http2Body*>(source->ptr);
    const std::size_t taken = std::min(size, body.rest.size());
    body.rest.copy(reinterpret_cast<char*>(buffer), taken);
    body.rest.remove_prefix(taken);
    if (!body.rest.empty()) return static_cast<ssize_t>(taken);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (body.trailers.empty()) return static_cast<ssize_t>(taken);
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    const HeaderArray trailers(body.trailers);
    if (nghttp2_submit_trailer(session, stream, trailers.values, trailers.size) != 0) {
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    return static_cast<ssize_t>(taken);
  }

  static nghttp2_session_callbacks* make() {
    nghttp2_session_callbacks* callbacks = nullptr;
    STINT_CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, &frame_begins);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, &headers_begin);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, &header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &frame_received);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, &invalid_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &stream_closed);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, &frame_sent);
    return callbacks;
  }
};

namespace {

Http2Memory& memory_of(void* context) { return *static_cast<Http2Memory*>(context); }

void* allocate_zeroed(std::size_t count, std::size_t size, void* context) {
  if (size != 0 && count > std::numeric_limits<std::size_t>::max() / size) return nullptr;
  void* const memory = memory_of(context).allocate(count * size);
  if (memory != nullptr) std::memset(memory, 0, count * size);
  return memory;
}

nghttp2_mem memory_table(Http2Memory& memory) {
  return {&memory, [](std::size_t size, void* context) { return memory_of(context).allocate(size); },
          [](void* piece, void* context) { memory_of(context).release(piece); }, &allocate_zeroed,
          [](void* piece, std::size_t size, void* context) { return memory_of(context).resize(piece, size); }};
}

nghttp2_option* make_options() {
  nghttp2_option* options = nullptr;
  STINT_CHECK(nghttp2_option_new(&options) == 0);
  nghttp2_option_set_no_closed_streams(options, 1);
  nghttp2_option_set_max_settings(options, settings_max);
  nghttp2_option_set_max_outbound_ack(options, 2 * limits::http2_idle_frames_max);  // ours comes first
  nghttp2_option_set_max_continuations(options, continuations_max);
  // Its own measure of resets reads a clock; ours (Http2Events::idle_frame) is on the loop's.
  constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();
  nghttp2_option_set_stream_reset_rate_limit(options, unlimited, unlimited);
  return options;
}

}  // namespace

Http2Session::Http2Session(Http2Memory& memory, Http2Events& events, const Http2Settings& settings)
    : events_(events), other_frame_bytes_max_(std::max(settings.header_list_bytes_max, default_frame_bytes)) {
  nghttp2_session_callbacks* const callbacks = Callbacks::make();
  nghttp2_option* const options = make_options();
  nghttp2_mem table = memory_table(memory);
  STINT_CHECK(nghttp2_session_server_new3(&session_, callbacks, this, options, &table) == 0);
  nghttp2_option_del(options);
  nghttp2_session_callbacks_del(callbacks);
  const nghttp2_settings_entry entries[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings.streams_max},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings.window_bytes},
      {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, std::clamp(settings.frame_bytes_max, default_frame_bytes, (1u << 24) - 1)},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, settings.header_list_bytes_max},
  };
  STINT_CHECK(nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, entries, std::size(entries)) == 0);
  STINT_CHECK(nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                                    static_cast<std::int32_t>(settings.window_bytes)) == 0);
}

Http2Session::~Http2Session() { nghttp2_session_del(session_); }

bool Http2Session::receive(std::string_view bytes) {
  const ssize_t taken = nghttp2_session_mem_recv(session_, bytes_of(bytes), bytes.size());
  return taken >= 0;
}

bool Http2Session::take_output(std::string& out, std::size_t bytes_max) {
  while (out.size() < bytes_max) {
    const std::uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
    if (size < 0) return false;
    if (size == 0) return true;
    out.append(view_of(bytes, static_cast<std::size_t>(size)));
  }
  return true;
}

bool Http2Session::wants_to_send() const { return nghttp2_session_want_write(session_) != 0; }

bool Http2Session::is_over() const {
  return nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
}

// A submission fails for want of memory only, or when the stream is closed already; then there is nobody to tell.
void Http2Session::answer(std::int32_t stream, std::span<const wire::Header> head, Http2Body* body) {
  const HeaderArray headers(head);
  nghttp2_data_provider provider{};
  provider.source.ptr = body;
  provider.read_callback = &Callbacks::read_body;
  (void)nghttp2_submit_response(session_, stream, headers.values, headers.size, body != nullptr ? &provider : nullptr);
}

void Http2Session::reset(std::int32_t stream, Http2Error error) {
  (void)nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, static_cast<std::uint32_t>(error));
}

void Http2Session::send_ping(std::string_view payload) {
  STINT_CHECK(payload.size() == 8);
  (void)nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, bytes_of(payload));
}

void Http2Session::announce_shutdown() { (void)nghttp2_submit_shutdown_notice(session_); }

void Http2Session::go_away(Http2Error error, std::string_view debug) {
  (void)nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
                              static_cast<std::uint32_t>(error), bytes_of(debug), debug.size());
}

}  // namespace stint::net
