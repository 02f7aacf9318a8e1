// SPDX-License-Identifier: Apache-2.0
#include "net/grpc_calls.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/log.h"

namespace stint::net {
namespace {

constexpr std::string_view content_type = "application/grpc";
constexpr std::string_view codes[] = {"0", "1",  "2",  "3",  "4",  "5",  "6",  "7", "8",
                                      "9", "10", "11", "12", "13", "14", "15", "16"};
constexpr std::string_view drain_ping = "stint-dr";
constexpr std::string_view keepalive_ping = "stint-ka";
// The first block of a message that is compacted, however long the message says it is: memory follows what has come.
constexpr std::size_t first_block_bytes = BlockPool::smallest_bytes;
constexpr std::size_t receive_bytes_max = 256u << 10;  // of a split message at once
constexpr std::size_t shown_bytes_max = 200;           // of what a client sent, in an answer
constexpr std::size_t frames_per_call = 10;            // idle frames that go with a call

GrpcReply error(wire::RpcCode code, std::string message) { return {.code = code, .message = std::move(message)}; }

std::string_view code_text(wire::RpcCode code) { return codes[static_cast<std::size_t>(code)]; }

// Those that are the protocol's own business and no metadata. Source: grpc-go's reserved headers.
bool is_reserved(std::string_view name) { return name.starts_with(':') || name.starts_with("grpc-") || name == "te"; }

std::string_view http_status_text(int status) {
  switch (status) {
    case 400: return "400";
    case 405: return "405";
    case 415: return "415";
    default: return "200";
  }
}

// Of a path without a method that is served.
GrpcReply unknown_method(const GrpcMethods& methods, std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (!path.starts_with('/') || slash == 0) {
    return error(wire::RpcCode::unimplemented, concat("malformed method name: ", wire::in_quotes(path)));
  }
  const std::string_view service = path.substr(1, slash - 1);
  if (!methods.has_service(service)) return error(wire::RpcCode::unimplemented, concat("unknown service ", service));
  return error(wire::RpcCode::unimplemented,
               concat("unknown method ", path.substr(slash + 1), " for service ", service));
}

Http2Settings session_settings(const GrpcSettings& settings) {
  return {.streams_max = settings.streams_max,
          .header_list_bytes_max = limits::http2_headers_bytes_max,
          .frame_bytes_max = static_cast<std::uint32_t>(limits::http2_window_bytes),
          .window_bytes = static_cast<std::uint32_t>(limits::http2_window_bytes)};
}

}  // namespace

GrpcCalls::GrpcCalls(Http2Memory& memory, BlockPool& pool, CopyCounters& copies, const GrpcMethods& methods,
                     const GrpcSettings& settings, MonotonicTime now)
    : pool_(pool),
      copies_(copies),
      methods_(methods),
      settings_(settings),
      keepalive_(settings.keepalive, now),
      session_(memory, *this, session_settings(settings)),
      now_(now),
      allowance_(now) {}

GrpcCalls::~GrpcCalls() = default;

// ---- bytes in ----

Result<> GrpcCalls::reserve(ReceiveBuffer& buffer) {
  const std::size_t pending = buffer.bytes().size();
  std::size_t wanted = 1;
  if (in_place_ != nullptr) {
    wanted = std::min(frame_left_, settings_.message_bytes_max);
  } else {
    for (const GrpcCall* call : active_) {
      if (call->state_ != GrpcCall::State::receiving || !call->block_) continue;
      const std::size_t whole = wire::grpc_prefix_bytes + call->prefix_.size;
      if (whole > call->block_size_) wanted = std::max(wanted, std::min(whole - call->block_size_, receive_bytes_max));
    }
  }
  Result<> room = buffer.reserve(pending + std::max<std::size_t>(wanted, 1));
  if (room || in_place_ == nullptr) return room;
  // The message that needs the room is refused; the connection goes on.
  GrpcCall& call = *in_place_;
  buffer.consume(pending);
  answer(call, methods_.memory_full(), 200);
  return buffer.reserve(1);
}

bool GrpcCalls::receive(ReceiveBuffer& buffer, MonotonicTime now) {
  now_ = now;
  keepalive_.received(now);
  buffer_ = &buffer;
  const std::string_view bytes = buffer.bytes();
  if (in_place_ != nullptr) in_place_->held_ = bytes.substr(0, in_place_size_);
  const std::size_t old = in_place_ != nullptr ? in_place_size_ : 0;
  const bool taken = session_.receive(bytes.substr(old));
  std::size_t kept = 0;
  if (in_place_ != nullptr) {
    const std::string_view held = in_place_->held_;
    const bool goes_on = frame_left_ > 0 && held.data() + held.size() == bytes.data() + bytes.size();
    if (goes_on) {
      kept = held.size();
    } else if (Result<> moved = compact(*in_place_); !moved) {
      answer(*in_place_, methods_.memory_full(), 200);
    }
  }
  in_place_size_ = kept;
  buffer.consume(bytes.size() - kept);
  buffer_ = nullptr;
  return taken;
}

void GrpcCalls::data_frame_begins(std::int32_t, std::size_t size) { frame_left_ = size; }

void GrpcCalls::data(void* request, std::string_view piece) {
  frame_left_ -= std::min(frame_left_, piece.size());
  GrpcCall& call = *static_cast<GrpcCall*>(request);
  if (call.state_ != GrpcCall::State::receiving || piece.empty()) return;
  call.received_at_ = now_;
  if (call.complete_) {
    call.more_ = true;
  } else if (!append(call, piece)) {
    answer(call, methods_.memory_full(), 200);
  } else {
    look_at_message(call);
  }
}

Result<> GrpcCalls::append(GrpcCall& call, std::string_view piece) {
  if (call.block_) return append_to_block(call, piece);
  if (call.held_.empty()) {
    if (in_place_ != nullptr) {
      if (Result<> moved = compact(*in_place_); !moved) answer(*in_place_, methods_.memory_full(), 200);
    }
    in_place_ = &call;
    call.held_ = piece;
    return {};
  }
  if (call.held_.data() + call.held_.size() == piece.data()) {
    call.held_ = std::string_view(call.held_.data(), call.held_.size() + piece.size());
    return {};
  }
  if (Result<> moved = compact(call); !moved) return moved;
  return append_to_block(call, piece);
}

// From the receive buffer to a block of its own.
Result<> GrpcCalls::compact(GrpcCall& call) {
  if (in_place_ == &call) in_place_ = nullptr;
  const std::string_view held = std::exchange(call.held_, {});
  return append_to_block(call, held);
}

Result<> GrpcCalls::append_to_block(GrpcCall& call, std::string_view piece) {
  const std::size_t size = call.block_size_ + piece.size();
  if (!call.block_) {
    Result<Block> block = pool_.allocate(std::max(size, first_block_bytes));
    if (!block) return block.error();
    call.block_ = std::move(*block);
    ++copies_.compacts;
  }
  if (call.block_.capacity() < size) {
    const std::size_t whole = wire::grpc_prefix_bytes + (call.read_prefix_ ? call.prefix_.size : 0);
    const std::size_t wanted = std::max(size, std::min(whole, call.block_.capacity() * 4));
    if (Result<> grown = call.block_.grow(wanted); !grown) return grown;
  }
  piece.copy(call.block_.data() + call.block_size_, piece.size());
  call.block_size_ = size;
  copies_.compact_bytes += piece.size();
  return {};
}

// Reads the prefix once it is there, and shares the message once it is whole.
void GrpcCalls::look_at_message(GrpcCall& call) {
  const std::string_view bytes = call.block_ ? std::string_view(call.block_.data(), call.block_size_) : call.held_;
  if (bytes.size() < wire::grpc_prefix_bytes) return;
  if (!call.read_prefix_) {
    call.read_prefix_ = true;
    call.prefix_ = wire::parse_grpc_prefix(bytes);
    if (call.prefix_.size > settings_.message_bytes_max) {
      return answer(
          call,
          error(wire::RpcCode::resource_exhausted, concat("grpc: received message larger than max (", call.prefix_.size,
                                                          " vs. ", settings_.message_bytes_max, ")")),
          200);
    }
    const bool encoded = !call.encoding_.empty() && call.encoding_ != "identity";
    if (call.prefix_.format == 1 && !encoded) {
      return answer(call, error(wire::RpcCode::internal, "grpc: compressed flag set with identity or empty encoding"),
                    200);
    }
    if (call.prefix_.format > 1) {
      return answer(call,
                    error(wire::RpcCode::internal,
                          concat("grpc: received unexpected payload format ", static_cast<int>(call.prefix_.format))),
                    200);
    }
  }
  const std::size_t whole = wire::grpc_prefix_bytes + call.prefix_.size;
  if (bytes.size() < whole) return;
  call.complete_ = true;
  call.more_ = bytes.size() > whole;
  const std::string_view message = bytes.substr(wire::grpc_prefix_bytes, call.prefix_.size);
  if (call.block_) {
    call.message_ = Slice(std::move(call.block_), message);
    call.block_size_ = 0;
  } else {
    const std::string_view all = buffer_->bytes();
    if (!message.empty()) {
      call.message_ = buffer_->slice(static_cast<std::size_t>(message.data() - all.data()), message.size());
    }
    if (in_place_ == &call) in_place_ = nullptr;
    call.held_ = {};
  }
}

// ---- a request's head ----

void* GrpcCalls::request_begins(std::int32_t stream) {
  if (active_.size() >= settings_.streams_max) return nullptr;
  if (free_.empty()) {
    free_.push_back(&storage_.emplace_back());
    free_.reserve(storage_.size());
    active_.reserve(storage_.size());
    ready_.reserve(storage_.size());
  }
  GrpcCall& call = *free_.back();
  free_.pop_back();
  call.stream_ = stream;
  call.state_ = GrpcCall::State::receiving;
  call.received_at_ = now_;
  active_.push_back(&call);
  if (calls_in_use_++ == 0) keepalive_.calls_changed(now_);
  return &call;
}

void GrpcCalls::read_timeout(GrpcCall& call, std::string_view value) const {
  const Result<Nanoseconds> timeout = wire::parse_grpc_timeout(value, call.timeout_mistake_);
  if (!timeout) return;
  call.deadline_ = after(now_, *timeout);
}

bool GrpcCalls::header(void* request, std::string_view name, std::string_view value) {
  GrpcCall& call = *static_cast<GrpcCall*>(request);
  call.header_bytes_ += name.size() + value.size() + 32;
  if (call.header_bytes_ > limits::http2_headers_bytes_max || ++call.header_count_ > limits::http_headers_max)
    return false;
  if (call.complete_ || call.state_ != GrpcCall::State::receiving || call.read_prefix_) return true;  // a trailer
  if (name == ":path") {
    call.method_ = methods_.find_method(value);
    if (!call.method_) call.path_ = value.substr(0, shown_bytes_max);
  } else if (name == ":method") {
    call.is_post_ = value == "POST";
    if (!call.is_post_) call.http_method_ = value.substr(0, shown_bytes_max);
  } else if (name == "content-type") {
    call.is_grpc_ = wire::is_grpc_content_type(value);
    if (!call.is_grpc_) call.content_type_ = value.substr(0, shown_bytes_max);
  } else if (name == "grpc-encoding") {
    call.encoding_ = value.substr(0, shown_bytes_max);
  } else if (name == "grpc-timeout") {
    read_timeout(call, value);
  }
  if (settings_.keep_metadata) {
    if (name == ":authority") {
      call.metadata_.emplace_back("host", value);
    } else if (!is_reserved(name)) {
      call.metadata_.emplace_back(name, value);
    }
  }
  return true;
}

// In grpc-go's order.
std::optional<GrpcReply> GrpcCalls::refusal(GrpcCall& call, int& http_status) const {
  using wire::RpcCode;
  if (!call.is_grpc_) {
    http_status = 415;
    return error(RpcCode::invalid_argument,
                 concat("invalid gRPC request content-type ", wire::in_quotes(call.content_type_)));
  }
  if (!call.timeout_mistake_.empty()) {
    http_status = 400;
    return error(RpcCode::internal, concat("malformed grpc-timeout: ", call.timeout_mistake_));
  }
  if (!call.is_post_) {
    http_status = 405;
    return error(RpcCode::internal, concat("Received a HEADERS frame with :method ", wire::in_quotes(call.http_method_),
                                           " which should be POST"));
  }
  if (call.deadline_ <= now_) return error(RpcCode::deadline_exceeded, "context deadline exceeded");
  if (!call.method_) return unknown_method(methods_, call.path_);
  if (!call.encoding_.empty() && call.encoding_ != "identity" && !methods_.has_encoding(call.encoding_)) {
    return error(RpcCode::unimplemented,
                 concat("grpc: Decompressor is not installed for grpc-encoding ", wire::in_quotes(call.encoding_)));
  }
  return std::nullopt;
}

void GrpcCalls::head_ends(void* request) {
  GrpcCall& call = *static_cast<GrpcCall*>(request);
  int http_status = 200;
  if (std::optional<GrpcReply> refused = refusal(call, http_status)) answer(call, std::move(*refused), http_status);
}

void GrpcCalls::message_ends(void* request) {
  GrpcCall& call = *static_cast<GrpcCall*>(request);
  if (call.state_ != GrpcCall::State::receiving) return;
  if (call.complete_ && !call.more_) {
    call.state_ = GrpcCall::State::ready;
    call.works_ = true;
    ready_.push_back(&call);
    return;
  }
  const bool empty = !call.complete_ && call.held_.empty() && !call.block_;
  answer(call,
         error(wire::RpcCode::internal,
               call.more_ ? "cardinality violation: received more than one request message from "
                            "non-client-streaming RPC"
               : empty    ? "cardinality violation: received no request message from non-client-streaming RPC"
                          : "unexpected EOF"),
         200);
}

// ---- what becomes of a call ----

GrpcCall* GrpcCalls::next_ready() {
  while (ready_begin_ < ready_.size()) {
    GrpcCall& call = *ready_[ready_begin_++];
    if (call.state_ == GrpcCall::State::ready && call.stream_ != 0) {
      call.state_ = GrpcCall::State::running;
      return &call;
    }
    call.works_ = false;  // reset or expired before anybody worked on it
    release_if_done(call);
  }
  ready_.clear();
  ready_begin_ = 0;
  return nullptr;
}

void GrpcCalls::finish(GrpcCall& call, GrpcReply reply) {
  call.works_ = false;
  allowance_.give(frames_per_call);
  if (call.stream_ != 0 && call.state_ != GrpcCall::State::answered) answer(call, std::move(reply), 200);
  release_if_done(call);
}

void GrpcCalls::answer(GrpcCall& call, GrpcReply reply, int http_status) {
  let_go_of_message(call);
  call.state_ = GrpcCall::State::answered;
  call.reply_ = std::move(reply);
  if (call.reply_.code == wire::RpcCode::ok) {
    const wire::Header head[] = {{":status", "200"}, {"content-type", content_type}};
    call.framed_.clear();
    wire::append_grpc_prefix(call.framed_, {0, static_cast<std::uint32_t>(call.reply_.body.size())});
    call.framed_.append(call.reply_.body);
    call.trailers_[0] = {"grpc-status", "0"};
    call.body_ = {.rest = call.framed_, .trailers = std::span<const wire::Header>(call.trailers_, 1)};
    return session_.answer(call.stream_, head, &call.body_);
  }
  const std::string message = wire::encode_grpc_message(call.reply_.message);
  const std::string details = wire::encode_binary_header(call.reply_.details);
  const wire::Header head[] = {{":status", http_status_text(http_status)},
                               {"content-type", content_type},
                               {"grpc-status", code_text(call.reply_.code)},
                               {"grpc-message", message},
                               {"grpc-status-details-bin", details}};
  session_.answer(call.stream_, std::span<const wire::Header>(head, details.empty() ? 4 : 5), nullptr);
}

void GrpcCalls::let_go_of_message(GrpcCall& call) {
  if (in_place_ == &call) in_place_ = nullptr;
  call.held_ = {};
  call.block_.reset();
  call.block_size_ = 0;
  call.message_ = Slice();
}

void GrpcCalls::stream_closed(void* request, Http2Error) {
  GrpcCall& call = *static_cast<GrpcCall*>(request);
  call.stream_ = 0;
  let_go_of_message(call);
  if (call.works_ && call.state_ == GrpcCall::State::running) abandoned_.push_back(&call);
  release_if_done(call);
}

void GrpcCalls::release_if_done(GrpcCall& call) {
  if (call.stream_ != 0 || call.works_ || call.state_ == GrpcCall::State::free) return;
  active_.erase(std::find(active_.begin(), active_.end(), &call));
  call.state_ = GrpcCall::State::free;
  call.is_post_ = call.is_grpc_ = call.read_prefix_ = call.complete_ = call.more_ = false;
  call.header_bytes_ = call.header_count_ = 0;
  call.method_.reset();
  for (std::string* text :
       {&call.path_, &call.content_type_, &call.http_method_, &call.encoding_, &call.timeout_mistake_})
    text->clear();
  call.metadata_.clear();
  call.deadline_ = MonotonicTime::max();
  call.prefix_ = {};
  call.reply_ = {};
  free_.push_back(&call);
  if (--calls_in_use_ == 0) keepalive_.calls_changed(now_);
}

// ---- time ----

MonotonicTime GrpcCalls::next_due() const {
  MonotonicTime due = keepalive_.next(calls_in_use_ > 0);
  for (const GrpcCall* call : active_) {
    if (call->state_ == GrpcCall::State::answered) continue;
    due = std::min(due, call->deadline_);
    if (call->state_ == GrpcCall::State::receiving) due = std::min(due, call->received_at_ + settings_.silence_max);
  }
  return due;
}

void GrpcCalls::expire(MonotonicTime now, std::vector<GrpcCall*>& expired) {
  now_ = now;
  for (GrpcCall* call : active_) {
    if (call->stream_ == 0 || call->state_ == GrpcCall::State::answered) continue;
    const bool silent = call->state_ == GrpcCall::State::receiving && call->received_at_ + settings_.silence_max <= now;
    if (call->deadline_ > now && !silent) continue;
    if (call->state_ == GrpcCall::State::running) expired.push_back(call);
    answer(*call,
           error(wire::RpcCode::deadline_exceeded,
                 call->deadline_ <= now ? "context deadline exceeded" : "the request did not come to its end"),
           200);
  }
}

bool GrpcCalls::keep_alive(MonotonicTime now) {
  now_ = now;
  for (;;) {
    switch (keepalive_.due(now, calls_in_use_ > 0)) {
      case Keepalive::Action::none: return true;
      case Keepalive::Action::close: return false;
      case Keepalive::Action::ping: session_.send_ping(keepalive_ping); break;
      case Keepalive::Action::drain:
        session_.announce_shutdown();
        session_.send_ping(drain_ping);
        break;
      case Keepalive::Action::finish: session_.go_away(Http2Error::none, {}); break;
    }
  }
}

void GrpcCalls::drain(MonotonicTime now) {
  if (keepalive_.draining()) return;
  keepalive_.drain(now);
  session_.announce_shutdown();
  session_.send_ping(drain_ping);
}

// The client has answered behind the first GOAWAY: whatever it opened before has come.
void GrpcCalls::ping(bool is_answer, std::string_view payload) {
  if (is_answer) {
    if (payload == drain_ping && keepalive_.draining()) session_.go_away(Http2Error::none, {});
    return;
  }
  idle_frame();
  if (closing_ || keepalive_.accept_ping(now_, calls_in_use_ > 0)) return;
  session_.go_away(Http2Error::enhance_your_calm, "too_many_pings");
  closing_ = true;
}

void GrpcCalls::idle_frame() {
  greeted_ = true;
  if (closing_ || allowance_.take(now_)) return;
  session_.go_away(Http2Error::enhance_your_calm, "too_many_frames_without_a_request");
  closing_ = true;
}

}  // namespace stint::net
