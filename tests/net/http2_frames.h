// SPDX-License-Identifier: Apache-2.0
// HTTP/2 as bytes, for clients that are not well behaved: frames are put together by hand, answers are taken apart with
// nghttp2's header decoder.
#pragma once

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wire/grpc.h"

namespace stint::http2 {

using Fields = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
inline constexpr std::uint8_t data_frame = 0, headers_frame = 1, reset_frame = 3, settings_frame = 4, ping_frame = 6,
                              goaway_frame = 7, window_frame = 8, continuation_frame = 9;
inline constexpr std::uint8_t end_stream = 1, ack = 1, end_headers = 4;

inline void append_big_endian(std::string& out, std::uint64_t value, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

inline std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload) {
  std::string out;
  append_big_endian(out, payload.size(), 3);
  out.push_back(static_cast<char>(type));
  out.push_back(static_cast<char>(flags));
  append_big_endian(out, stream, 4);
  return out.append(payload);
}

// As literals that are not indexed, so that blocks may come in any order. Strings of up to 126 bytes, or much longer.
inline void append_text(std::string& out, std::string_view text) {
  if (text.size() < 127) {
    out.push_back(static_cast<char>(text.size()));
  } else {
    out.push_back(127);
    std::size_t rest = text.size() - 127;
    for (; rest >= 128; rest /= 128) out.push_back(static_cast<char>(rest % 128 | 128));
    out.push_back(static_cast<char>(rest));
  }
  out.append(text);
}

inline std::string header_block(const Fields& fields) {
  std::string block;
  for (const auto& [name, value] : fields) {
    block.push_back(0);
    append_text(block, name);
    append_text(block, value);
  }
  return block;
}

inline std::string message(std::string_view body, std::uint8_t format = 0) {
  std::string out;
  wire::append_grpc_prefix(out, {format, static_cast<std::uint32_t>(body.size())});
  return out.append(body);
}

/// The head of a call; `changed` replaces or adds fields, an empty value removes one.
inline Fields call_head(std::string_view path, const Fields& changed = {}) {
  Fields fields{{":method", "POST"},
                {":scheme", "http"},
                {":path", std::string(path)},
                {":authority", "localhost"},
                {"content-type", "application/grpc"},
                {"te", "trailers"}};
  for (const auto& [name, value] : changed) {
    const auto same = [&](const auto& field) { return field.first == name; };
    const auto found = std::find_if(fields.begin(), fields.end(), same);
    if (value.empty()) {
      std::erase_if(fields, same);
    } else if (found != fields.end()) {
      found->second = value;
    } else {
      fields.emplace_back(name, value);
    }
  }
  return fields;
}

inline std::string headers(std::uint32_t stream, const Fields& fields, std::uint8_t flags = 0) {
  return frame(headers_frame, flags | end_headers, stream, header_block(fields));
}

inline std::string start() { return std::string(preface) + frame(settings_frame, 0, 0, ""); }

inline std::string call(std::uint32_t stream, std::string_view path, std::string_view body, const Fields& changed = {},
                        std::uint8_t format = 0) {
  return headers(stream, call_head(path, changed)) + frame(data_frame, end_stream, stream, message(body, format));
}

/// Of the frame at the front, head and payload; 0 while it is not whole.
inline std::size_t frame_size(std::string_view bytes) {
  if (bytes.size() < 9) return 0;
  std::size_t size = 0;
  for (int i = 0; i < 3; ++i) size = size << 8 | static_cast<std::uint8_t>(bytes[static_cast<std::size_t>(i)]);
  return bytes.size() < 9 + size ? 0 : 9 + size;
}

struct Answer {
  std::map<std::string, std::string> fields;  // head and trailers
  std::string body;                           // with its prefix
  bool ended = false;
  std::uint32_t reset = 0xffff'ffff;  // the error of a RST_STREAM

  std::string field(const std::string& name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? "" : found->second;
  }
  std::string status() const { return field("grpc-status"); }
  std::string text() const { return field("grpc-message"); }
};

/// What a server said, all of it.
struct Answers {
  std::map<std::uint32_t, Answer> streams;
  std::vector<std::uint32_t> goaways;  // their errors
  std::string debug;                   // of the last GOAWAY
  std::size_t settings_acks = 0, ping_acks = 0, pings = 0;
  bool well_formed = true;  // frames up to the end
};

inline Answers read_answers(std::string_view bytes) {
  Answers answers;
  nghttp2_hd_inflater* inflater = nullptr;
  nghttp2_hd_inflate_new(&inflater);
  const auto number = [](std::string_view text) {
    std::uint32_t value = 0;
    for (const char c : text) value = value << 8 | static_cast<std::uint8_t>(c);
    return value;
  };
  while (!bytes.empty()) {
    const std::size_t size = bytes.size() < 9 ? 0 : number(bytes.substr(0, 3));
    if (bytes.size() < 9 || bytes.size() - 9 < size) {
      answers.well_formed = false;
      break;
    }
    const auto type = static_cast<std::uint8_t>(bytes[3]), flags = static_cast<std::uint8_t>(bytes[4]);
    const std::uint32_t stream = number(bytes.substr(5, 4));
    std::string_view payload = bytes.substr(9, size);
    bytes.remove_prefix(9 + size);
    if (type == settings_frame) answers.settings_acks += flags & ack;
    if (type == ping_frame) ++((flags & ack) != 0 ? answers.ping_acks : answers.pings);
    if (type == goaway_frame) {
      answers.goaways.push_back(number(payload.substr(4, 4)));
      answers.debug = payload.substr(8);
    }
    if (stream == 0 || type == window_frame) continue;
    Answer& answer = answers.streams[stream];
    if (type == data_frame) answer.body.append(payload);
    if (type == reset_frame) answer.reset = number(payload);
    if (type == data_frame || type == headers_frame) answer.ended = answer.ended || (flags & end_stream) != 0;
    while (type == headers_frame && !payload.empty()) {
      nghttp2_nv field{};
      int done = 0;
      const auto taken = nghttp2_hd_inflate_hd2(
          inflater, &field, &done, reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size(), 1);
      if (taken < 0) return answers.well_formed = false, answers;
      payload.remove_prefix(static_cast<std::size_t>(taken));
      if ((done & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        answer.fields[{reinterpret_cast<char*>(field.name), field.namelen}] = {reinterpret_cast<char*>(field.value),
                                                                               field.valuelen};
      }
    }
    if (type == headers_frame) nghttp2_hd_inflate_end_headers(inflater);
  }
  nghttp2_hd_inflate_del(inflater);
  return answers;
}

}  // namespace stint::http2
