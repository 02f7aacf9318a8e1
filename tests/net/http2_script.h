// SPDX-License-Identifier: Apache-2.0
// A back end for HTTP/2 whose every word is written down in the test: per connection what it waits for and what it says
// then, byte by byte. What it was sent is kept.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "net/byte_stream.h"
#include "net/http2_frames.h"
#include "net/tls_server.h"
#include "pipeline/component_world.h"
#include "runtime/stream.h"

namespace stint::http2 {

/// Said once so many requests have come whole (0: at once) and `needs` is among what was sent.
struct Words {
  std::size_t requests = 0;
  std::string bytes;
  std::string needs;
};
struct Conversation {
  std::vector<Words> words;
  bool closes = false;  // behind its last words, after half a second
};

inline std::string settings(std::vector<std::pair<std::uint16_t, std::uint32_t>> entries = {}) {
  std::string payload;
  for (const auto& [id, value] : entries) {
    append_big_endian(payload, id, 2);
    append_big_endian(payload, value, 4);
  }
  return frame(settings_frame, 0, 0, payload);
}
inline std::string numbers(std::initializer_list<std::uint32_t> values) {
  std::string payload;
  for (const std::uint32_t value : values) append_big_endian(payload, value, 4);
  return payload;
}
inline std::string goaway(std::uint32_t last, std::uint32_t error, std::string_view debug = {}) {
  return frame(goaway_frame, 0, 0, numbers({last, error}).append(debug));
}
inline std::string reset(std::uint32_t stream, std::uint32_t error) {
  return frame(reset_frame, 0, stream, numbers({error}));
}
/// A whole answer: head, body, and trailers if there are any.
inline std::string answer(std::uint32_t stream, std::string_view body, const Fields& trailers = {},
                          const Fields& head = {{":status", "200"}, {"content-type", "application/grpc"}}) {
  std::string bytes = headers(stream, head);
  bytes += frame(data_frame, trailers.empty() ? end_stream : 0, stream, body);
  if (!trailers.empty()) bytes += headers(stream, trailers, end_stream);
  return bytes;
}
inline std::string ok(std::uint32_t stream) { return answer(stream, message(""), {{"grpc-status", "0"}}); }

class ScriptedBackEnd {
 public:
  /// The n-th connection follows the n-th conversation; there are no more. With `tls` they begin with its handshake.
  ScriptedBackEnd(ComponentWorld& world, std::vector<Conversation> conversations, net::TlsServer* tls = nullptr)
      : world_(world), conversations_(std::move(conversations)), tls_(tls), serving_(world.runtime) {
    Result<Listener> listener = Listener::open(world.runtime, Address::ipv4_loopback(0));
    STINT_CHECK(listener.has_value());
    listener_ = std::move(*listener);
    received.resize(conversations_.size());
    serving_.spawn(accept());
  }

  std::uint16_t port() const { return listener_.address()->port(); }
  std::string endpoint() const { return "127.0.0.1:" + std::to_string(port()); }
  /// What was sent on a connection, taken apart. Requires: it has come.
  Answers heard(std::size_t connection) const {
    const std::string_view bytes = received.at(connection);
    EXPECT_EQ(bytes.substr(0, preface.size()), preface);
    return read_answers(bytes.substr(std::min(bytes.size(), preface.size())));
  }
  Task<> stop() {
    serving_.cancel();
    co_await serving_.join();
    listener_.close();
  }

  std::vector<std::string> received;
  std::size_t connections = 0;

 private:
  Task<> accept() {
    while (connections < conversations_.size()) {
      Result<Stream> stream = co_await listener_.accept();
      if (!stream) co_return;
      serving_.spawn(tls_ == nullptr ? converse(std::move(*stream), connections)
                                     : secure(std::move(*stream), connections));
      ++connections;
    }
  }

  bool has_come(const Words& words, const std::string& bytes) const {
    if (bytes.find(words.needs) == std::string::npos) return false;
    if (words.requests == 0) return true;
    std::size_t whole = 0;
    const Answers said = read_answers(std::string_view(bytes).substr(std::min(bytes.size(), preface.size())));
    for (const auto& [stream, request] : said.streams) whole += request.ended;
    return whole >= words.requests;
  }

  Task<> secure(Stream stream, std::size_t connection) {
    Result<std::unique_ptr<net::TlsStream>> secured =
        co_await tls_->secure(std::move(stream), world_.runtime.now() + Seconds(20));
    if (secured) co_await converse(std::move(*secured), connection);
  }

  Task<> converse(net::ByteStream stream, std::size_t connection) {
    std::string& bytes = received[connection];
    const Conversation& conversation = conversations_[connection];
    char buffer[65536];
    for (const Words& words : conversation.words) {
      while (!has_come(words, bytes)) {
        const Result<std::size_t> size = co_await stream.receive(buffer, sizeof buffer, Seconds(20));
        if (!size || *size == 0) co_return;
        bytes.append(buffer, *size);
      }
      const Result<> sent = co_await stream.send(words.bytes);
      if (!sent) co_return;
    }
    const MonotonicTime end = world_.runtime.now() + (conversation.closes ? Milliseconds(100) : Seconds(20));
    for (;;) {
      const Nanoseconds left = end - world_.runtime.now();
      if (left <= Nanoseconds::zero()) co_return;
      const Result<std::size_t> size = co_await stream.receive(buffer, sizeof buffer, left);
      if (!size || *size == 0) co_return;
      bytes.append(buffer, *size);
    }
  }

  ComponentWorld& world_;
  std::vector<Conversation> conversations_;
  net::TlsServer* tls_;
  Listener listener_;
  Scope serving_;
};

}  // namespace stint::http2
