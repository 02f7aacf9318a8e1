// SPDX-License-Identifier: Apache-2.0
#include "bench/load/sink.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "bench/load/traffic.h"
#include "bench/start/subject.h"

namespace load_bench {
namespace {

constexpr std::string_view answer_text =
    "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";
constexpr int idle_wait_ms = 20;  // how late a stop may be seen
constexpr std::size_t read_bytes = 256u << 10;

}  // namespace

Sink::Sink(int delay_ms) : delay_ms_(delay_ms) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), length) != 0 || ::listen(listener_, 256) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    std::abort();
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

Sink::~Sink() {
  stopping_ = true;
  thread_.join();
  for (const Connection& connection : connections_) ::close(connection.socket);
  ::close(listener_);
}

std::vector<Body> Sink::take_bodies() {
  const std::lock_guard lock(bodies_lock_);
  return std::exchange(bodies_, {});
}

void Sink::serve() {
  std::vector<pollfd> watched;
  while (!stopping_) {
    watched.assign(1, {listener_, POLLIN, 0});
    for (const Connection& connection : connections_) watched.push_back({connection.socket, POLLIN, 0});
    ::poll(watched.data(), watched.size(), wait_ms());
    for (std::size_t at = connections_.size(); at-- > 0;) {
      Connection& connection = connections_[at];
      const bool stays = (watched[at + 1].revents == 0 || read_some(connection)) && answer(connection);
      if (stays) continue;
      ::close(connection.socket);
      connections_.erase(connections_.begin() + static_cast<std::ptrdiff_t>(at));
    }
    if (watched[0].revents != 0) accept_one();
  }
}

void Sink::accept_one() {
  const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (socket < 0) return;
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  connections_.push_back({socket, {}, 0});
}

int Sink::wait_ms() const {
  std::int64_t wait = idle_wait_ms;
  for (const Connection& connection : connections_) {
    if (connection.answer_at_ns == 0) continue;
    const std::int64_t left = connection.answer_at_ns - start_bench::now_ns();
    wait = std::clamp<std::int64_t>(left / 1'000'000 + (left > 0 ? 1 : 0), 0, wait);
  }
  return static_cast<int>(wait);
}

bool Sink::read_some(Connection& connection) {
  const std::size_t before = connection.received.size();
  connection.received.resize(before + read_bytes);
  const ssize_t count = ::recv(connection.socket, connection.received.data() + before, read_bytes, 0);
  connection.received.resize(before + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  if (count <= 0) return count < 0 && errno == EAGAIN;
  take_request(connection);
  return true;
}

void Sink::take_request(Connection& connection) {
  const std::optional<Frame> frame = frame_of(connection.received);
  if (!frame || connection.received.size() < frame->size()) return;
  Body body{connection.received.substr(frame->head, frame->body), false};
  const std::string_view head = std::string_view(connection.received).substr(0, frame->head);
  body.compressed = head.find("\r\nContent-Encoding: gzip\r\n") != std::string_view::npos;
  {
    const std::lock_guard lock(bodies_lock_);
    bodies_.push_back(std::move(body));
  }
  connection.received.erase(0, frame->size());
  connection.answer_at_ns = start_bench::now_ns() + std::int64_t{delay_ms_} * 1'000'000;
}

bool Sink::answer(Connection& connection) {
  if (connection.answer_at_ns == 0 || connection.answer_at_ns > start_bench::now_ns()) return true;
  connection.answer_at_ns = 0;
  return ::send(connection.socket, answer_text.data(), answer_text.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(answer_text.size());
}

}  // namespace load_bench
