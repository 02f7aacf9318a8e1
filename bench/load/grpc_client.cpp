// SPDX-License-Identifier: Apache-2.0
#include "bench/load/grpc_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>

#include "bench/start/subject.h"

namespace load_bench {
namespace {

constexpr std::uint8_t data_frame = 0, headers_frame = 1, settings_frame = 4, window_frame = 8;
constexpr std::uint8_t end_stream = 1, ack = 1, end_headers = 4;
constexpr std::size_t frame_head = 9;
constexpr std::string_view answer = {"\0\0\0\0\2\x0a\0", 7};  // everything was accepted

void put_big_endian(std::string& out, std::size_t value, int octets) {
  for (int shift = (octets - 1) * 8; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

void put_frame(std::string& out, std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
               std::string_view payload) {
  put_big_endian(out, payload.size(), 3);
  out.append({static_cast<char>(type), static_cast<char>(flags)});
  put_big_endian(out, stream, 4);
  out.append(payload);
}

void put_text(std::string& out, std::string_view text) {
  out.push_back(static_cast<char>(text.size()));
  out.append(text);
}

// Source: RFC 7541, sections 6.1 and 6.2.1.
std::string header_block(bool is_first) {
  constexpr std::pair<std::string_view, std::string_view> fields[] = {
      {":path", "/opentelemetry.proto.collector.trace.v1.TraceService/Export"},
      {":authority", "localhost:4317"},
      {"content-type", "application/grpc"},
      {"te", "trailers"},
      {"user-agent", "OTel-OTLP-Exporter-Python/1.45.2 grpc-python/1.85.1"},
      {"grpc-timeout", "10S"},
  };
  std::string block = "\x83\x86";  // :method POST, :scheme http
  std::size_t index = 62 + std::size(fields);
  for (const auto& [name, value] : fields) {
    --index;
    if (!is_first) {
      block.push_back(static_cast<char>(0x80 | index));
      continue;
    }
    block.push_back(0x40);
    put_text(block, name);
    put_text(block, value);
  }
  return block;
}

/// One connection with one call at a time.
class Caller {
 public:
  explicit Caller(std::uint16_t port) : socket_(connect_to(port)) {
    output_ = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    put_frame(output_, settings_frame, 0, 0, {});
    put_frame(output_, settings_frame, ack, 0, {});
    put_frame(output_, window_frame, 0, 0, {"\x7f\0\0\0", 4});
  }
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;
  ~Caller() { ::close(socket_); }

  int socket() const { return socket_; }
  const Tally& holds() const { return holds_; }
  bool waits() const { return waits_; }

  bool send(const Message& message, std::uint64_t& sequence) {
    holds_ = set_ids(message, copy_, sequence);
    const std::string_view body = std::string_view(copy_).substr(copy_.size() - message.body_size);
    stream_ += 2;
    put_frame(output_, headers_frame, end_headers, stream_, header_block(stream_ == 1));
    std::string prefixed(1, '\0');
    put_big_endian(prefixed, body.size(), 4);
    put_frame(output_, data_frame, end_stream, stream_, prefixed.append(body));
    for (std::string_view rest = output_; !rest.empty();) {
      const ssize_t sent = ::send(socket_, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      rest.remove_prefix(static_cast<std::size_t>(sent));
    }
    output_.clear();
    accepted_ = false;
    waits_ = true;
    return true;
  }

  /// Reads what is there. False: the call has failed, or the connection.
  bool receive() {
    char octets[4096];
    const ssize_t count = ::recv(socket_, octets, sizeof octets, 0);
    if (count <= 0) return false;
    input_.append(octets, static_cast<std::size_t>(count));
    const auto octet = [&](std::size_t at) { return static_cast<std::size_t>(static_cast<unsigned char>(input_[at])); };
    while (input_.size() >= frame_head) {
      const std::size_t size = octet(0) << 16 | octet(1) << 8 | octet(2);
      if (input_.size() < frame_head + size) break;
      const std::string_view payload = std::string_view(input_).substr(frame_head, size);
      if (octet(3) == data_frame) accepted_ = payload == answer;
      if (octet(3) == headers_frame && (octet(4) & end_stream) != 0) waits_ = false;
      input_.erase(0, frame_head + size);
    }
    return waits_ || accepted_;
  }

 private:
  int socket_;
  std::string output_, input_, copy_;
  Tally holds_;
  std::uint32_t stream_ = static_cast<std::uint32_t>(-1);
  bool waits_ = false;
  bool accepted_ = false;
};

}  // namespace

Answers send_calls(std::uint16_t port, const std::vector<Message>& messages, std::size_t connections,
                   std::uint64_t calls, std::uint64_t& sequence, int limit_s) {
  const std::int64_t end_ns = start_bench::now_ns() + std::int64_t{limit_s} * 1'000'000'000;
  Answers answers;
  std::vector<std::unique_ptr<Caller>> callers;
  std::vector<pollfd> polled;
  std::uint64_t left = calls;
  const auto send_next = [&](Caller& caller) {
    if (left == 0) return true;
    --left;
    return caller.send(messages[left % messages.size()], sequence);
  };
  for (std::size_t i = 0; i < connections; ++i) {
    callers.push_back(std::make_unique<Caller>(port));
    polled.push_back({callers.back()->socket(), POLLIN, 0});
    if (callers.back()->socket() < 0 || !send_next(*callers.back())) answers.failure = "cannot connect, or send";
  }
  while (answers.requests < calls && answers.failure.empty()) {
    if (start_bench::now_ns() > end_ns) answers.failure = "not every call was answered in time";
    ::poll(polled.data(), polled.size(), 1000);
    for (std::size_t i = 0; i < connections; ++i) {
      Caller& caller = *callers[i];
      if (polled[i].revents == 0) continue;
      const bool waited = caller.waits();
      bool good = caller.receive();
      if (good && waited && !caller.waits()) {
        ++answers.requests;
        answers.accepted.add(caller.holds());
        good = send_next(caller);
      }
      if (!good) answers.failure = "a call was not answered with success";
    }
  }
  return answers;
}

}  // namespace load_bench
