// SPDX-License-Identifier: Apache-2.0
// The floor of the start benchmark: the least that any extension must do, with blocking calls and nothing else.
// It registers, binds an OTLP and a telemetry listener, subscribes, and asks for the next event, which it waits for.
// Same linkage as the collector; no allocation, nothing of src, no care for errors but to end.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

struct Answer {
  char bytes[4096];
  std::string_view head;
};

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  _exit(1);
}

sockaddr_in parse_address(const char* text) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  const char* colon = std::strrchr(text, ':');
  char host[64] = {};
  if (colon == nullptr || static_cast<std::size_t>(colon - text) >= sizeof host) give_up("AWS_LAMBDA_RUNTIME_API");
  std::memcpy(host, text, static_cast<std::size_t>(colon - text));
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(colon + 1)));
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1) give_up("AWS_LAMBDA_RUNTIME_API");
  return address;
}

int connect_to(const sockaddr_in& address) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) give_up("socket");
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) give_up("connect");
  return socket;
}

/// Listens on the port that the variable names (none: a free one) and returns it.
std::uint16_t listen_on(const char* variable, std::uint32_t host) {
  const char* port = std::getenv(variable);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port != nullptr ? std::atoi(port) : 0));
  address.sin_addr.s_addr = htonl(host);
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0) give_up("socket");
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) give_up("bind");
  if (::listen(listener, 128) != 0) give_up("listen");
  socklen_t length = sizeof address;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

void send_text(int socket, const char* text, int length) {
  if (::send(socket, text, static_cast<std::size_t>(length), MSG_NOSIGNAL) != length) give_up("send");
}

/// Reads one small answer: its head ends with an empty line, its short body comes with it or right behind.
void read_answer(int socket, Answer& answer) {
  std::size_t size = 0;
  while (size < sizeof answer.bytes) {
    const ssize_t count = ::recv(socket, answer.bytes + size, sizeof answer.bytes - size, 0);
    if (count <= 0) give_up("recv");
    size += static_cast<std::size_t>(count);
    const std::string_view text(answer.bytes, size);
    const std::size_t end = text.find("\r\n\r\n");
    if (end == std::string_view::npos) continue;
    answer.head = text.substr(0, end + 4);
    const std::size_t at = answer.head.find("Content-Length: ");
    const std::size_t body = at == std::string_view::npos ? 0 : std::strtoul(answer.bytes + at + 16, nullptr, 10);
    if (size >= end + 4 + body) return;
  }
  give_up("answer");
}

}  // namespace

int main(int, char** arguments) {
  const char* api = std::getenv("AWS_LAMBDA_RUNTIME_API");
  if (api == nullptr) give_up("AWS_LAMBDA_RUNTIME_API");
  const char* slash = std::strrchr(arguments[0], '/');
  const int socket = connect_to(parse_address(api));

  char text[1024];
  constexpr std::string_view events = R"({"events":["INVOKE","SHUTDOWN"]})";
  int length = std::snprintf(text, sizeof text,
                             "POST /2020-01-01/extension/register HTTP/1.1\r\nHost: %s\r\nLambda-Extension-Name: %s\r\n"
                             "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                             api, slash != nullptr ? slash + 1 : arguments[0], events.size(), events.data());
  send_text(socket, text, length);

  listen_on("FLOOR_OTLP_PORT", INADDR_LOOPBACK);
  const std::uint16_t telemetry_port = listen_on("FLOOR_TELEMETRY_PORT", INADDR_ANY);

  Answer answer;
  read_answer(socket, answer);
  constexpr std::string_view name = "Lambda-Extension-Identifier: ";
  const std::size_t at = answer.head.find(name);
  if (at == std::string_view::npos) give_up("no identifier");
  const std::string_view rest = answer.head.substr(at + name.size());
  char identifier[64] = {};
  rest.copy(identifier, sizeof identifier - 1, 0);
  identifier[std::strcspn(identifier, "\r")] = 0;

  char body[256];
  const int body_length = std::snprintf(
      body, sizeof body,
      R"({"schemaVersion":"2022-12-13","types":["platform"],"buffering":{"maxItems":1000,"maxBytes":262144,"timeoutMs":25},)"
      R"("destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:%u/"}})",
      telemetry_port);
  length = std::snprintf(text, sizeof text,
                         "PUT /2022-07-01/telemetry HTTP/1.1\r\nHost: %s\r\nLambda-Extension-Identifier: %s\r\n"
                         "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                         api, identifier, body_length, body);
  send_text(socket, text, length);
  read_answer(socket, answer);

  length = std::snprintf(text, sizeof text,
                         "GET /2020-01-01/extension/event/next HTTP/1.1\r\nHost: %s\r\n"
                         "Lambda-Extension-Identifier: %s\r\n\r\n",
                         api, identifier);
  send_text(socket, text, length);
  read_answer(socket, answer);
  return 0;
}
