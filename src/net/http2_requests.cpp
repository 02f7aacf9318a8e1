// SPDX-License-Identifier: Apache-2.0
#include "net/http2_requests.h"

#include <algorithm>
#include <charconv>

#include "base/check.h"
#include "base/log.h"

namespace stint::net {
namespace {

constexpr std::string_view keepalive_ping = "stint-ka";
constexpr std::size_t frames_per_request = 10;         // frames without an answer that go with a request
constexpr std::uint32_t default_window_bytes = 65535;  // RFC 9113, 6.9.2: enough for answers

Http2Settings session_settings() {
  return {.side = Http2Side::client,
          .header_list_bytes_max = static_cast<std::uint32_t>(limits::response_head_bytes_max),
          .window_bytes = default_window_bytes};
}

int status_of(std::string_view value) {
  int status = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), status);
  const bool is_number = error == std::errc() && end == value.data() + value.size();
  return is_number && value.size() == 3 && status >= 100 ? status : 0;
}

std::string_view error_name(std::int32_t error) {
  constexpr std::string_view names[] = {"NO_ERROR",
                                        "PROTOCOL_ERROR",
                                        "INTERNAL_ERROR",
                                        "FLOW_CONTROL_ERROR",
                                        "SETTINGS_TIMEOUT",
                                        "STREAM_CLOSED",
                                        "FRAME_SIZE_ERROR",
                                        "REFUSED_STREAM",
                                        "CANCEL",
                                        "COMPRESSION_ERROR",
                                        "CONNECT_ERROR",
                                        "ENHANCE_YOUR_CALM",
                                        "INADEQUATE_SECURITY",
                                        "HTTP_1_1_REQUIRED"};
  const auto index = static_cast<std::size_t>(error);
  return index < std::size(names) ? names[index] : "an unknown error";
}

}  // namespace

std::string http2_text(Error error) {
  switch (static_cast<Http2Place>(error.place)) {
    case Http2Place::reset: return concat("the back end reset the request: ", error_name(error.detail));
    case Http2Place::goodbye: return concat("the back end closed the connection: ", error_name(error.detail));
    case Http2Place::protocol: return "the back end does not speak HTTP/2";
    case Http2Place::answer: return "the back end's answer is not one of HTTP/2";
    case Http2Place::silence: return "the back end did not answer a ping";
    case Http2Place::not_offered: return "the back end does not offer HTTP/2 (h2 by ALPN)";
  }
  return to_string(error);
}

Http2Requests::Http2Requests(Http2Memory& memory, BlockPool& answers, const KeepaliveSettings& keepalive,
                             MonotonicTime now)
    : answers_(answers),
      keepalive_(keepalive, now),
      session_(memory, *this, session_settings()),
      allowance_(now),
      now_(now),
      received_at_(now) {}

Http2Requests::~Http2Requests() { STINT_CHECK(active_.empty()); }

bool Http2Requests::has_room() const { return active_.size() < session_.peer_streams_max(); }

void Http2Requests::start(Http2Exchange& exchange, MonotonicTime now) {
  now_ = now;
  const Http2Request& request = exchange.request_;
  exchange.body_ = {.rest = request.prefix, .slices = request.body};
  const Result<std::int32_t> stream = session_.request(request.head, &exchange.body_, &exchange);
  if (!stream) {
    exchange.is_unprocessed_ = true;
    return end(exchange, stream.error());
  }
  exchange.stream_ = *stream;
  if (active_.empty()) keepalive_.calls_changed(now_);
  active_.push_back(&exchange);
  allowance_.give(frames_per_request);
}

void Http2Requests::give_up(Http2Exchange& exchange, MonotonicTime now) {
  now_ = now;
  end(exchange, Error{ErrorCode::cancelled});
}

void Http2Requests::end_all(Error error) {
  closing_ = true;
  while (!active_.empty()) end(*active_.back(), error);
}

void Http2Requests::end(Http2Exchange& exchange, Result<> result, Rest rest) {
  if (exchange.has_ended_) return;
  if (exchange.stream_ != 0) {
    session_.forget(exchange.stream_);
    if (rest == Rest::to_reset) session_.reset(exchange.stream_, Http2Error::cancel);
    active_.erase(std::find(active_.begin(), active_.end(), &exchange));
    if (active_.empty()) keepalive_.calls_changed(now_);
  }
  exchange.result_ = result;
  exchange.has_ended_ = true;
  exchange.ended();
}

bool Http2Requests::receive(std::string_view bytes, MonotonicTime now) {
  now_ = received_at_ = now;
  keepalive_.received(now);
  if (!session_.receive(bytes)) return false;
  // Nobody has said goodbye, and yet the library wants no more of this: it has sent, or will send, why.
  if (!closing_ && !has_gone_away_ && !session_.may_request()) {
    goodbye_ = http2_error(ErrorCode::malformed, Http2Place::protocol);
    end_all(goodbye_);
  }
  return true;
}

bool Http2Requests::header(void* call, std::string_view name, std::string_view value) {
  Http2Exchange& exchange = *static_cast<Http2Exchange*>(call);
  exchange.answer_begun_ = has_answered_ = true;
  exchange.header_bytes_ += name.size() + value.size() + 32;
  if (exchange.header_bytes_ > limits::response_head_bytes_max || ++exchange.header_count_ > limits::http_headers_max) {
    end(exchange, http2_error(ErrorCode::too_large, Http2Place::answer));
    return true;
  }
  HttpResponse& response = exchange.response_;
  if (name == ":status") {
    response.status = status_of(value);
    exchange.is_informational_ = response.status < 200;
  } else if (exchange.is_informational_) {
    return true;
  } else if (name == "content-type") {
    response.content_type = wire::media_type(value);
  } else if (name == "retry-after") {
    response.retry_after = value;
  }
  for (const std::string_view one : exchange.request_.wanted) {
    if (wire::equals_ignoring_case(one, name)) response.headers.emplace_back(one, value);
  }
  return true;
}

void Http2Requests::head_ends(void* call) {
  Http2Exchange& exchange = *static_cast<Http2Exchange*>(call);
  if (exchange.response_.status == 0) end(exchange, http2_error(ErrorCode::malformed, Http2Place::answer));
}

void Http2Requests::data(void* call, std::string_view piece) {
  Http2Exchange& exchange = *static_cast<Http2Exchange*>(call);
  if (piece.empty() || exchange.body_too_long_) return;
  if (const Result<> kept = keep_body(exchange, piece); !kept) end(exchange, kept.error());
}

// An answer that is too long is read and dropped: what its head says counts.
Result<> Http2Requests::keep_body(Http2Exchange& exchange, std::string_view piece) {
  const std::size_t size = exchange.block_size_ + piece.size();
  if (size > limits::response_body_bytes_max) {
    exchange.body_too_long_ = true;
    exchange.block_.reset();
    exchange.block_size_ = 0;
    return {};
  }
  if (!exchange.block_) {
    Result<Block> block = answers_.allocate(size);
    if (!block) return block.error();
    exchange.block_ = std::move(*block);
  }
  if (exchange.block_.capacity() < size) {
    if (const Result<> grown = exchange.block_.grow(size); !grown) return grown;
  }
  piece.copy(exchange.block_.data() + exchange.block_size_, piece.size());
  exchange.block_size_ = size;
  return {};
}

void Http2Requests::message_ends(void* call) {
  Http2Exchange& exchange = *static_cast<Http2Exchange*>(call);
  if (exchange.has_ended_) return;
  if (exchange.is_informational_) return end(exchange, http2_error(ErrorCode::malformed, Http2Place::answer));
  if (exchange.block_) {
    const std::string_view body(exchange.block_.data(), exchange.block_size_);
    exchange.response_.body = Slice(std::move(exchange.block_), body);
  }
  end(exchange, {}, session_.has_sent_all(exchange.stream_) ? Rest::none : Rest::to_reset);
}

// Before its answer was whole.
void Http2Requests::stream_closed(void* call, Http2Error error) {
  Http2Exchange& exchange = *static_cast<Http2Exchange*>(call);
  exchange.is_unprocessed_ = error == Http2Error::refused_stream && !exchange.answer_begun_;
  end(exchange, http2_error(ErrorCode::closed, Http2Place::reset, error), Rest::none);
}

bool Http2Requests::keep_alive(MonotonicTime now) {
  now_ = now;
  for (;;) {
    switch (keepalive_.due(now, !active_.empty())) {
      case Keepalive::Action::none: return true;
      case Keepalive::Action::ping: session_.send_ping(keepalive_ping); break;
      default: return false;
    }
  }
}

void Http2Requests::ping(bool is_answer, std::string_view) {
  if (!is_answer) idle_frame();
}

void Http2Requests::goes_away(Http2Error error, std::string_view debug) {
  has_gone_away_ = true;
  goodbye_ = http2_error(ErrorCode::closed, Http2Place::goodbye, error);
  too_many_pings_ = error == Http2Error::enhance_your_calm && debug == "too_many_pings";
}

void Http2Requests::idle_frame() {
  if (closing_ || allowance_.take(now_)) return;
  session_.go_away(Http2Error::enhance_your_calm, "too_many_frames_without_an_answer");
  closing_ = true;
}

}  // namespace stint::net
