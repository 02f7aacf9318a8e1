// SPDX-License-Identifier: Apache-2.0
#include "bench/load/client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "bench/start/subject.h"

namespace load_bench {
namespace {

constexpr std::int64_t pause_after_refusal_ns = 50'000'000;
constexpr std::string_view ok_line = "HTTP/1.1 200 ";

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// All connections of one run.
class Senders {
 public:
  Senders(const std::vector<Message>& messages, std::uint64_t requests, std::uint64_t& sequence)
      : messages_(messages), left_(requests), sequence_(sequence), poll_(::epoll_create1(EPOLL_CLOEXEC)) {}
  ~Senders() {
    for (const Sender& sender : senders_) {
      if (sender.socket >= 0) ::close(sender.socket);
    }
    ::close(poll_);
  }
  Senders(const Senders&) = delete;
  Senders& operator=(const Senders&) = delete;

  Answers run(std::uint16_t port, std::size_t connections, int limit_s) {
    const std::int64_t end_ns = start_bench::now_ns() + std::int64_t{limit_s} * 1'000'000'000;
    port_ = port;
    senders_.resize(connections);
    for (Sender& sender : senders_) {
      if (connect(sender)) send_next(sender);
    }
    while (busy_ > 0 && answers_.failure.empty()) {
      if (start_bench::now_ns() > end_ns) answers_.failure = "not every request was answered in time";
      turn();
    }
    return answers_;
  }

 private:
  struct Sender {
    int socket = -1;
    std::string request;
    Tally holds;
    std::size_t sent = 0;
    std::string received;
    std::int64_t resume_at_ns = 0;  // 0: not waiting
    bool watches_output = false;
    bool waits = false;  // for an answer
  };

  bool connect(Sender& sender) {
    sender.socket = connect_to(port_);
    if (sender.socket < 0) answers_.failure = "cannot connect";
    if (sender.socket < 0) return false;
    ::fcntl(sender.socket, F_SETFL, O_NONBLOCK);
    epoll_event event{.events = EPOLLIN, .data = {.ptr = &sender}};
    ::epoll_ctl(poll_, EPOLL_CTL_ADD, sender.socket, &event);
    sender.watches_output = false;
    sender.received.clear();
    return true;
  }

  void turn() {
    epoll_event events[64];
    const int count = ::epoll_wait(poll_, events, 64, resting_ > 0 ? 1 : 1000);
    for (int at = 0; at < count; ++at) {
      Sender& sender = *static_cast<Sender*>(events[at].data.ptr);
      if ((events[at].events & EPOLLOUT) != 0) send_more(sender);
      if (sender.socket >= 0 && (events[at].events & ~std::uint32_t{EPOLLOUT}) != 0) receive(sender);
    }
    if (resting_ > 0) wake_rested();
  }

  void send_next(Sender& sender) {
    sender.waits = left_ > 0;
    if (!sender.waits) return;
    --left_;
    ++busy_;
    sender.holds = set_ids(messages_[turn_++ % messages_.size()], sender.request, sequence_);
    sender.sent = 0;
    // A refusal may come unasked, when the server has no memory to wait for the next request.
    if (sender.received.empty()) return send_more(sender);
    rest(sender);
  }

  void send_more(Sender& sender) {
    while (sender.sent < sender.request.size()) {
      const ssize_t count =
          ::send(sender.socket, sender.request.data() + sender.sent, sender.request.size() - sender.sent, MSG_NOSIGNAL);
      if (count < 0 && errno == EAGAIN) break;
      if (count < 0) return rest(sender);
      sender.sent += static_cast<std::size_t>(count);
    }
    const bool waits = sender.sent < sender.request.size();
    if (waits == sender.watches_output) return;
    sender.watches_output = waits;
    epoll_event event{.events = EPOLLIN | (waits ? std::uint32_t{EPOLLOUT} : 0u), .data = {.ptr = &sender}};
    ::epoll_ctl(poll_, EPOLL_CTL_MOD, sender.socket, &event);
  }

  void receive(Sender& sender) {
    char bytes[4096];
    const ssize_t count = ::recv(sender.socket, bytes, sizeof bytes, 0);
    if (count < 0 && errno == EAGAIN) return;
    // Closed without a word: one connection too many. Had the request been taken, its spans would arrive twice.
    if (count <= 0) return rest(sender);
    sender.received.append(bytes, static_cast<std::size_t>(count));
    const std::optional<Frame> frame = frame_of(sender.received);
    if (!frame || sender.received.size() < frame->size()) return;
    if (!sender.received.starts_with(ok_line)) return rest(sender);
    ++answers_.requests;
    answers_.accepted.add(sender.holds);
    --busy_;
    sender.received.erase(0, frame->size());
    send_next(sender);
  }

  // A refusal may end the connection, so the next attempt has one of its own.
  void rest(Sender& sender) {
    ::close(sender.socket);
    sender.socket = -1;
    if (!sender.waits) return;
    ++answers_.refused;
    ++resting_;
    sender.resume_at_ns = start_bench::now_ns() + pause_after_refusal_ns;
  }

  void wake_rested() {
    const std::int64_t now = start_bench::now_ns();
    for (Sender& sender : senders_) {
      if (sender.resume_at_ns == 0 || sender.resume_at_ns > now) continue;
      sender.resume_at_ns = 0;
      --resting_;
      sender.sent = 0;
      if (connect(sender)) send_more(sender);
    }
  }

  const std::vector<Message>& messages_;
  std::uint64_t left_;
  std::uint64_t& sequence_;
  int poll_;
  std::uint16_t port_ = 0;
  std::vector<Sender> senders_;
  std::size_t turn_ = 0;
  std::size_t busy_ = 0;     // requests without their answer
  std::size_t resting_ = 0;  // of those, refused ones that will be sent again
  Answers answers_;
};

bool exchange(int socket, const std::string& request) {
  for (std::size_t sent = 0; sent < request.size();) {
    const ssize_t count = ::send(socket, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return false;
    sent += static_cast<std::size_t>(count);
  }
  std::string received;
  for (char bytes[4096];;) {
    const ssize_t count = ::recv(socket, bytes, sizeof bytes, 0);
    if (count <= 0) return false;
    received.append(bytes, static_cast<std::size_t>(count));
    const std::optional<Frame> frame = frame_of(received);
    if (frame && received.size() >= frame->size()) return received.starts_with(ok_line);
  }
}

}  // namespace

std::uint16_t free_port() {
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::bind(socket, reinterpret_cast<const sockaddr*>(&address), length);
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length);
  ::close(socket);
  return ntohs(address.sin_port);
}

int connect_to(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(socket);
    return -1;
  }
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

Answers send_requests(std::uint16_t port, const std::vector<Message>& messages, std::size_t connections,
                      std::uint64_t requests, std::uint64_t& sequence, int limit_s) {
  return Senders(messages, requests, sequence).run(port, connections, limit_s);
}

std::vector<std::int64_t> time_calls(std::uint16_t port, const Message& message, std::size_t calls, int pause_us,
                                     std::uint64_t& sequence) {
  std::vector<std::int64_t> times;
  const int socket = connect_to(port);
  std::string request;
  while (socket >= 0 && times.size() < calls) {
    set_ids(message, request, sequence);
    if (pause_us > 0) ::usleep(static_cast<useconds_t>(pause_us));
    const std::int64_t begin = start_bench::now_ns();
    if (!exchange(socket, request)) break;
    times.push_back(start_bench::now_ns() - begin);
  }
  if (socket >= 0) ::close(socket);
  return times;
}

}  // namespace load_bench
