// SPDX-License-Identifier: Apache-2.0
#include "bench/start/api.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "bench/start/subject.h"

namespace start_bench {
namespace {

constexpr int poll_ms = 20;
constexpr std::size_t request_bytes_max = 65536;

struct Route {
  std::string_view prefix;
  std::string_view header;
  std::string_view body;
};

constexpr std::string_view next_prefix = "GET /2020-01-01/extension/event/next ";
constexpr Route routes[] = {
    {"POST /2020-01-01/extension/register ", "Lambda-Extension-Identifier: 00000000-0000-4000-8000-000000000001\r\n",
     R"({"functionName":"start-bench","functionVersion":"$LATEST","handler":"function.handler","accountId":"123456789012"})"},
    {"PUT /2022-07-01/telemetry ", "", "\"OK\""},
    {"PUT /2020-08-15/logs ", "", "\"OK\""},
};

std::string answer_to(const std::string& request) {
  for (const Route& route : routes) {
    if (!request.starts_with(route.prefix)) continue;
    std::string answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    answer += route.header;
    answer += "Content-Length: " + std::to_string(route.body.size()) + "\r\n\r\n";
    answer += route.body;
    return answer;
  }
  return "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
}

/// The length of the first request in `text` with its body, 0 when it is not complete yet.
std::size_t request_length(const std::string& text) {
  const std::size_t head = text.find("\r\n\r\n");
  if (head == std::string::npos) return 0;
  constexpr std::string_view name = "content-length:";
  std::size_t body = 0;
  for (std::size_t line = text.find("\r\n"); line < head; line = text.find("\r\n", line + 2)) {
    const char* at = text.c_str() + line + 2;
    if (::strncasecmp(at, name.data(), name.size()) == 0) body = std::strtoul(at + name.size(), nullptr, 10);
  }
  const std::size_t length = head + 4 + body;
  return text.size() >= length ? length : 0;
}

}  // namespace

Api::Api() {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener_ < 0) std::abort();
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) std::abort();
  if (::listen(listener_, 64) != 0) std::abort();
}

Api::~Api() {
  close_connections();
  ::close(listener_);
}

std::string Api::address() const {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
  return "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

void Api::close_connections() {
  for (const Connection& connection : connections_) ::close(connection.socket);
  connections_.clear();
}

void Api::take_request(Connection& connection, std::int64_t arrived_ns, Milestones& milestones) {
  // The first octet of `register` counts, even when the rest comes later.
  if (milestones.register_ns == 0 && std::string_view(connection.received).substr(0, 6) == "POST /") {
    milestones.register_ns = arrived_ns;
  }
  while (const std::size_t length = request_length(connection.received)) {
    const std::string request = connection.received.substr(0, length);
    connection.received.erase(0, length);
    if (request.starts_with(next_prefix)) {
      milestones.next_ns = arrived_ns;
      continue;
    }
    if (request.find("/init/error ") < request.find("\r\n") || request.find("/exit/error ") < request.find("\r\n")) {
      milestones.failure = "it reported an error: " + request.substr(request.find("\r\n\r\n") + 4);
    }
    const std::string answer = answer_to(request);
    ::send(connection.socket, answer.data(), answer.size(), MSG_NOSIGNAL);
  }
}

Milestones Api::serve_until_next(const std::function<bool()>& has_ended, std::int64_t limit_ns) {
  Milestones milestones;
  const std::int64_t end_ns = now_ns() + limit_ns;
  while (milestones.next_ns == 0 && milestones.failure.empty()) {
    std::vector<pollfd> waits = {{listener_, POLLIN, 0}};
    for (const Connection& connection : connections_) waits.push_back({connection.socket, POLLIN, 0});
    const int ready = ::poll(waits.data(), waits.size(), poll_ms);
    const std::int64_t arrived_ns = now_ns();
    if (ready == 0 && has_ended()) milestones.failure = "it ended before `next`";
    if (arrived_ns > end_ns) milestones.failure = "no `next` within the limit";
    // From the last to the first: a closed connection is taken out of the list.
    for (std::size_t at = waits.size(); at-- > 1;) {
      if (waits[at].revents == 0) continue;
      Connection& connection = connections_[at - 1];
      char part[8192];
      const ssize_t count = ::recv(connection.socket, part, sizeof part, MSG_DONTWAIT);
      if (count > 0) connection.received.append(part, static_cast<std::size_t>(count));
      if (count > 0 && connection.received.size() <= request_bytes_max) {
        take_request(connection, arrived_ns, milestones);
      } else {
        ::close(connection.socket);
        connections_.erase(connections_.begin() + static_cast<std::ptrdiff_t>(at - 1));
      }
    }
    if (waits[0].revents != 0) {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      const int on = 1;
      ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      if (socket >= 0) connections_.push_back({socket, {}});
    }
  }
  return milestones;
}

}  // namespace start_bench
