// SPDX-License-Identifier: Apache-2.0
// The requests of one HTTP/2 connection to a back end, without I/O: heads and bodies in, answers out. An exchange lies
// in the frame of whoever waits for it and is filled here; a body is sent from its slices; an answer is kept as far as
// it is wanted.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/block.h"
#include "net/frame_allowance.h"
#include "net/http2_session.h"
#include "net/http_response.h"
#include "net/keepalive.h"

namespace stint::net {

/// Error::place of what goes wrong in an HTTP/2 connection.
enum class Http2Place : std::uint16_t {
  reset = 0x5701,  // the stream was reset; detail: its Http2Error
  goodbye,         // the back end closes the connection; detail: the Http2Error of its GOAWAY
  protocol,        // what came is not HTTP/2
  answer,          // an answer without a status, or with headers over the limit
  silence,         // a ping of ours was not answered
  not_offered,     // TLS is made, but HTTP/2 was not chosen in it
};
constexpr Error http2_error(ErrorCode code, Http2Place place, Http2Error detail = Http2Error::none) {
  return Error{code, static_cast<std::uint16_t>(place), static_cast<std::int32_t>(detail)};
}
constexpr bool is_http2_error(Error error) {
  return error.place >= static_cast<std::uint16_t>(Http2Place::reset) &&
         error.place <= static_cast<std::uint16_t>(Http2Place::not_offered);
}
/// A sentence for a person. Requires: is_http2_error(error).
std::string http2_text(Error error);

struct Http2Request {
  std::span<const wire::Header> head;        // :method, :scheme, :path, :authority first, names in small letters
  std::string_view prefix;                   // of the body; copied
  std::span<const Slice> body;               // sent from where it lies
  std::span<const std::string_view> wanted;  // names of headers and trailers to hand back
};

/// One request and what has come of its answer. It stays where it is from start() until it has ended or is given up.
class Http2Exchange {
 public:
  /// Borrows: what the request points to.
  explicit Http2Exchange(const Http2Request& request) : request_(request) {}
  Http2Exchange(const Http2Exchange&) = delete;
  Http2Exchange& operator=(const Http2Exchange&) = delete;
  virtual ~Http2Exchange() = default;

  bool has_ended() const { return has_ended_; }
  /// Requires: has_ended().
  const Result<>& result() const { return result_; }
  HttpResponse take_response() { return std::move(response_); }
  /// The back end has said, or it is certain, that it did not look at the request.
  bool is_unprocessed() const { return is_unprocessed_; }
  bool answer_begun() const { return answer_begun_; }

 protected:
  /// It has just ended. Called from within receive() or end_all().
  virtual void ended() = 0;

 private:
  friend class Http2Requests;
  Http2Request request_;
  Http2Body body_;
  std::int32_t stream_ = 0;
  Result<> result_;
  HttpResponse response_;
  Block block_;
  std::size_t block_size_ = 0;
  std::size_t header_bytes_ = 0;
  std::size_t header_count_ = 0;
  bool is_informational_ = false;
  bool body_too_long_ = false;
  bool answer_begun_ = false;
  bool is_unprocessed_ = false;
  bool has_ended_ = false;
};

class Http2Requests final : private Http2Events {
 public:
  /// Borrows: memory, answers (of their bodies).
  Http2Requests(Http2Memory& memory, BlockPool& answers, const KeepaliveSettings& keepalive, MonotonicTime now);
  Http2Requests(const Http2Requests&) = delete;
  Http2Requests& operator=(const Http2Requests&) = delete;
  /// Requires: no exchange is under way.
  ~Http2Requests() override;

  /// False once no more requests can be sent on this connection.
  bool is_usable() const { return !closing_ && session_.may_request(); }
  /// Whether the back end lets one more be under way.
  bool has_room() const;
  /// Requires: is_usable(). Borrows: exchange, until it has ended or give_up().
  void start(Http2Exchange& exchange, MonotonicTime now);
  /// Nobody waits for it any more. Without effect when it has ended.
  void give_up(Http2Exchange& exchange, MonotonicTime now);
  /// The connection is at its end: all that is under way ends with `error`.
  void end_all(Error error);

  /// False: nothing good will come of this connection.
  bool receive(std::string_view bytes, MonotonicTime now);
  bool take_output(Http2Output& out, std::size_t bytes_max) { return session_.take_output(out, bytes_max); }
  bool wants_to_send() const { return session_.wants_to_send(); }
  /// Nothing more will come: close once everything is sent.
  bool is_over() const { return closing_ || session_.is_over(); }
  /// Says goodbye; what is under way goes on.
  void say_goodbye() { session_.go_away(Http2Error::none, {}); }

  /// When keep_alive() has something to do.
  MonotonicTime next_due() const { return keepalive_.next(!active_.empty()); }
  /// False: the back end is silent; close the connection.
  bool keep_alive(MonotonicTime now);

  std::size_t under_way() const { return active_.size(); }
  MonotonicTime received_at() const { return received_at_; }
  /// Since when nothing has been under way. Requires: under_way() == 0.
  MonotonicTime idle_since() const { return keepalive_.idle_since(); }
  /// An answer has come on this connection.
  bool has_answered() const { return has_answered_; }
  /// Why the connection ends, if the back end has said so.
  Error goodbye() const { return goodbye_; }
  /// It complained about our pings.
  bool too_many_pings() const { return too_many_pings_; }

 private:
  bool header(void* call, std::string_view name, std::string_view value) override;
  void head_ends(void* call) override;
  void data(void* call, std::string_view piece) override;
  void message_ends(void* call) override;
  void stream_closed(void* call, Http2Error error) override;
  void ping(bool is_answer, std::string_view payload) override;
  void goes_away(Http2Error error, std::string_view debug) override;
  void idle_frame() override;
  void message_sent() override {}

  enum class Rest : std::uint8_t { none, to_reset };  // of the exchange's stream
  void end(Http2Exchange& exchange, Result<> result, Rest rest = Rest::to_reset);
  Result<> keep_body(Http2Exchange& exchange, std::string_view piece);

  BlockPool& answers_;
  Keepalive keepalive_;
  Http2Session session_;
  std::vector<Http2Exchange*> active_;
  FrameAllowance allowance_;
  MonotonicTime now_;
  MonotonicTime received_at_;
  Error goodbye_{ErrorCode::closed};
  bool has_gone_away_ = false;
  bool has_answered_ = false;
  bool too_many_pings_ = false;
  bool closing_ = false;
};

}  // namespace stint::net
