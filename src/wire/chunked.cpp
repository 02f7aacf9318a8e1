// SPDX-License-Identifier: Apache-2.0
// A state machine over the framing's bytes; body bytes are taken in runs.
#include "wire/chunked.h"

#include <algorithm>
#include <charconv>

#include "base/limits.h"
#include "wire/hex.h"

namespace stint::wire {

namespace {

constexpr std::size_t extension_bytes_max = 16u << 10;  // of one body: nobody uses them, and they cost the receiver

bool is_text(char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 32 && c != 127); }

}  // namespace

Result<> ChunkedDecoder::count(std::size_t& bytes, std::size_t bytes_max) {
  if (++bytes > bytes_max) return Error{ErrorCode::too_large};
  return {};
}

Result<> ChunkedDecoder::size_digit(char c) {
  const int digit = hex_digit(c);
  if (digit >= 0 && state_ != State::size_space) {
    if (left_ >> 60 != 0) return Error{ErrorCode::too_large};
    left_ = left_ << 4 | static_cast<std::uint64_t>(digit);
    state_ = State::size;
    // Leading zeros never overflow, so their number is bounded with the extensions.
    return left_ == 0 ? count(extension_bytes_, extension_bytes_max) : Result<>();
  }
  if (state_ == State::size_first) return Error{ErrorCode::malformed};
  if (c == '\r') {
    state_ = State::size_end;
    return {};
  }
  const bool space = c == ' ' || c == '\t';
  if (c != ';' && !space) return Error{ErrorCode::malformed};
  state_ = space ? State::size_space : State::extension;
  return count(extension_bytes_, extension_bytes_max);
}

Result<> ChunkedDecoder::frame(char c) {
  const auto expect = [&](char wanted, State state) -> Result<> {
    if (c != wanted) return Error{ErrorCode::malformed};
    state_ = state;
    return {};
  };
  switch (state_) {
    case State::size_first:
    case State::size:
    case State::size_space: return size_digit(c);
    case State::extension:
      if (c == '\r') return expect('\r', State::size_end);
      if (!is_text(c)) return Error{ErrorCode::malformed};
      return count(extension_bytes_, extension_bytes_max);
    case State::size_end: return expect('\n', left_ == 0 ? State::trailer_start : State::data);
    case State::data_return: return expect('\r', State::data_end);
    case State::data_end: return expect('\n', State::size_first);
    case State::trailer_start:
      if (c == '\r') return expect('\r', State::last_end);
      if (!is_text(c) || c == ' ' || c == '\t' || c == ':') return Error{ErrorCode::malformed};
      state_ = State::trailer;
      return count(trailer_bytes_, limits::http_head_bytes_max);
    case State::trailer:
      if (c == '\r') return expect('\r', State::trailer_end);
      if (!is_text(c)) return Error{ErrorCode::malformed};
      return count(trailer_bytes_, limits::http_head_bytes_max);
    case State::trailer_end: return expect('\n', State::trailer_start);
    case State::last_end: return expect('\n', State::done);
    case State::data:
    case State::done: break;
  }
  return Error{ErrorCode::malformed};
}

Result<ChunkedDecoder::Step> ChunkedDecoder::next(std::string_view bytes) {
  Step step;
  while (state_ != State::done && step.consumed < bytes.size()) {
    if (state_ == State::data) {
      const std::size_t available = bytes.size() - step.consumed;
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, available));
      step.piece = bytes.substr(step.consumed, size);
      step.consumed += size;
      left_ -= size;
      if (left_ == 0) state_ = State::data_return;
      return step;
    }
    if (const Result<> framed = frame(bytes[step.consumed]); !framed) return framed.error();
    ++step.consumed;
  }
  step.done = state_ == State::done;
  return step;
}

void append_chunk(std::string& out, std::string_view bytes) {
  if (bytes.empty()) return;
  char digits[16];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, bytes.size(), 16).ptr);
  out.append("\r\n").append(bytes).append("\r\n");
}

}  // namespace stint::wire
