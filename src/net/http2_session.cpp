// SPDX-License-Identifier: Apache-2.0
#include "net/http2_session.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "base/check.h"

namespace stint::net {
namespace {

constexpr std::uint32_t default_frame_bytes = 16384;  // RFC 9113, 6.5.2
constexpr std::size_t frame_head_bytes = 9;
constexpr std::size_t bytes_per_window = 512;  // a peer that opens them by less is odd
constexpr std::size_t continuations_max = 8;
constexpr std::size_t settings_max = 32;  // of one frame

std::string_view view_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

std::uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));  // the library does not write
}

}  // namespace

// Names and values as nghttp2 takes them; it copies them. What differs from call to call is kept out of its table.
struct Http2Session::Fields {
  void fill(std::span<const wire::Header> headers) {
    values.clear();
    for (const wire::Header& header : headers) {
      const bool varies =
          header.name == "grpc-message" || header.name == "grpc-status-details-bin" || header.name == "content-length";
      values.push_back({bytes_of(header.name), bytes_of(header.value), header.name.size(), header.value.size(),
                        static_cast<std::uint8_t>(varies ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE)});
    }
  }
  std::vector<nghttp2_nv> values;
};

// What nghttp2 calls; `context` is the session.
struct Http2Session::Callbacks {
  static Http2Session& self(void* context) { return *static_cast<Http2Session*>(context); }
  static Http2Events& events(void* context) { return self(context).events_; }
  static void* call_of(nghttp2_session* session, std::int32_t stream) {
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
    void* const found = call_of(session, frame->hd.stream_id);
    if (found == nullptr) return 0;
    const bool taken = events(context).header(found, view_of(name, name_size), view_of(value, value_size));
    return taken ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int data(nghttp2_session* session, std::uint8_t, std::int32_t stream, const std::uint8_t* bytes,
                  std::size_t size, void* context) {
    if (void* const found = call_of(session, stream)) events(context).data(found, view_of(bytes, size));
    return 0;
  }

  static int frame_received(nghttp2_session* session, const nghttp2_frame* frame, void* context) {
    const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS: {
        void* const found = call_of(session, frame->hd.stream_id);
        if (found == nullptr) return events(context).idle_frame(), 0;
        if (frame->headers.cat == NGHTTP2_HCAT_REQUEST || !self(context).is_server_) events(context).head_ends(found);
        if (ends) events(context).message_ends(found);
        return 0;
      }
      case NGHTTP2_DATA: {
        void* const found = call_of(session, frame->hd.stream_id);
        if (found == nullptr || (frame->hd.length == frame->data.padlen && !ends)) events(context).idle_frame();
        if (found != nullptr && ends) events(context).message_ends(found);
        return 0;
      }
      case NGHTTP2_PING:
        events(context).ping((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0, view_of(frame->ping.opaque_data, 8));
        return 0;
      case NGHTTP2_GOAWAY:
        events(context).goes_away(static_cast<Http2Error>(frame->goaway.error_code),
                                  view_of(frame->goaway.opaque_data, frame->goaway.opaque_data_len));
        events(context).idle_frame();
        return 0;
      case NGHTTP2_WINDOW_UPDATE:
        if (std::size_t& awaited = self(context).windows_awaited_; awaited > 0) return --awaited, 0;
        [[fallthrough]];
      default: events(context).idle_frame(); return 0;
    }
  }

  static int invalid_frame(nghttp2_session*, const nghttp2_frame*, int, void* context) {
    events(context).idle_frame();
    return 0;
  }

  static int stream_closed(nghttp2_session* session, std::int32_t stream, std::uint32_t error, void* context) {
    if (void* const found = call_of(session, stream)) {
      events(context).stream_closed(found, static_cast<Http2Error>(error));
    }
    return 0;
  }

  static int frame_sent(nghttp2_session* session, const nghttp2_frame* frame, void* context) {
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    events(context).message_sent();
    const std::int32_t stream = frame->hd.stream_id;
    // The whole answer is out: what the client still sends is of no use.
    if (self(context).is_server_ && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
        nghttp2_session_get_stream_remote_close(session, stream) == 0) {
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream, NGHTTP2_NO_ERROR);
    }
    return 0;
  }

  static nghttp2_data_provider provider_of(Http2Body* body) {
    nghttp2_data_provider provider{};
    if (body == nullptr) return provider;
    body->left = body->rest.size();
    for (const Slice& slice : body->slices) body->left += slice.size();
    provider.source.ptr = body;
    provider.read_callback = &read_body;
    return provider;
  }

  // Only says how much there is: send_body takes it.
  static ssize_t read_body(nghttp2_session* session, std::int32_t stream, std::uint8_t*, std::size_t size,
                           std::uint32_t* flags, nghttp2_data_source* source, void* context) {
    if (call_of(session, stream) == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // forgotten
    const auto& body = *static_cast<const Http2Body*>(source->ptr);
    const std::size_t left = body.left;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (left > size) return static_cast<ssize_t>(size);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (body.trailers.empty()) return static_cast<ssize_t>(left);
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    self(context).fields_->fill(body.trailers);
    const std::vector<nghttp2_nv>& trailers = self(context).fields_->values;
    if (nghttp2_submit_trailer(session, stream, trailers.data(), trailers.size()) != 0) {
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    return static_cast<ssize_t>(left);
  }

  static int send_body(nghttp2_session* session, nghttp2_frame* frame, const std::uint8_t* head, std::size_t size,
                       nghttp2_data_source* source, void* context) {
    if (call_of(session, frame->hd.stream_id) == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    auto& body = *static_cast<Http2Body*>(source->ptr);
    Http2Output& out = *self(context).output_;
    if (out.size() >= self(context).output_bytes_max_) return NGHTTP2_ERR_WOULDBLOCK;
    body.left -= size;
    // The stream's and the connection's, which the peer opens again for it as it reads.
    self(context).windows_awaited_ += 2 + size / bytes_per_window;
    out.append(view_of(head, frame_head_bytes));
    const std::size_t copied = std::min(size, body.rest.size());
    out.append(body.rest.substr(0, copied));
    body.rest.remove_prefix(copied);
    for (size -= copied; size > 0;) {
      const Slice& slice = body.slices.front();
      const std::string_view piece = slice.view().substr(body.slice_sent, size);
      out.append(slice, piece);
      size -= piece.size();
      body.slice_sent += piece.size();
      if (body.slice_sent < slice.size()) continue;
      body.slices = body.slices.subspan(1);
      body.slice_sent = 0;
    }
    return 0;
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
    nghttp2_session_callbacks_set_send_data_callback(callbacks, &send_body);
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
    : events_(events),
      is_server_(settings.side == Http2Side::server),
      fields_(std::make_unique<Fields>()),
      other_frame_bytes_max_(std::max(settings.header_list_bytes_max, default_frame_bytes)) {
  nghttp2_session_callbacks* const callbacks = Callbacks::make();
  nghttp2_option* const options = make_options();
  nghttp2_mem table = memory_table(memory);
  const auto make = is_server_ ? &nghttp2_session_server_new3 : &nghttp2_session_client_new3;
  STINT_CHECK(make(&session_, callbacks, this, options, &table) == 0);
  nghttp2_option_del(options);
  nghttp2_session_callbacks_del(callbacks);
  const nghttp2_settings_entry entries[] = {
      is_server_ ? nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings.streams_max}
                 : nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
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

bool Http2Session::take_output(Http2Output& out, std::size_t bytes_max) {
  output_ = &out;
  output_bytes_max_ = bytes_max;
  ssize_t size = 1;
  while (size > 0 && out.size() < bytes_max) {
    const std::uint8_t* bytes = nullptr;
    size = nghttp2_session_mem_send(session_, &bytes);
    if (size > 0) out.append(view_of(bytes, static_cast<std::size_t>(size)));
  }
  output_ = nullptr;
  return size >= 0;
}

bool Http2Session::wants_to_send() const { return nghttp2_session_want_write(session_) != 0; }

bool Http2Session::is_over() const {
  return nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
}

// A submission fails for want of memory only, or when the stream is closed already; then there is nobody to tell.
void Http2Session::answer(std::int32_t stream, std::span<const wire::Header> head, Http2Body* body) {
  fields_->fill(head);
  const std::vector<nghttp2_nv>& fields = fields_->values;
  const nghttp2_data_provider provider = Callbacks::provider_of(body);
  (void)nghttp2_submit_response(session_, stream, fields.data(), fields.size(), body != nullptr ? &provider : nullptr);
}

Result<std::int32_t> Http2Session::request(std::span<const wire::Header> head, Http2Body* body, void* call) {
  fields_->fill(head);
  const std::vector<nghttp2_nv>& fields = fields_->values;
  const nghttp2_data_provider provider = Callbacks::provider_of(body);
  const std::int32_t stream = nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(),
                                                     body != nullptr ? &provider : nullptr, call);
  if (stream < 0) return Error{ErrorCode::closed};
  return stream;
}

void Http2Session::forget(std::int32_t stream) {
  (void)nghttp2_session_set_stream_user_data(session_, stream, nullptr);
}

bool Http2Session::has_sent_all(std::int32_t stream) const {
  return nghttp2_session_get_stream_local_close(session_, stream) == 1;
}

bool Http2Session::may_request() const { return nghttp2_session_check_request_allowed(session_) != 0; }

std::size_t Http2Session::peer_streams_max() const {
  return nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
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
