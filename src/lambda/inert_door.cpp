// SPDX-License-Identifier: Apache-2.0
#include "lambda/inert_door.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "lambda/inert_answer.h"
#include "runtime/socket_calls.h"

namespace stint::lambda {
namespace {

constexpr int pause_ms = 20;
// Closed before the sender has read it, an answer would be lost with what the sender still sends.
constexpr Nanoseconds drain_time = Seconds(2);

void set_nonblocking(Handle handle) { ::fcntl(handle, F_SETFL, ::fcntl(handle, F_GETFL) | O_NONBLOCK); }

}  // namespace

InertDoor::InertDoor(std::vector<Handle> listeners, Handle telemetry, std::string text)
    : listeners_(std::move(listeners)), telemetry_(telemetry), text_(std::move(text)) {
  for (const Handle listener : listeners_) set_nonblocking(listener);
}

InertDoor::~InertDoor() {
  for (Connection& connection : connections_) close(connection);
  for (const Handle listener : listeners_) socket_calls::close(listener);
}

void InertDoor::watch(std::vector<pollfd>& entries) {
  const MonotonicTime now = socket_calls::monotonic_now();
  for (const Handle listener : listeners_) entries.push_back({listener, POLLIN, 0});
  for (Connection& connection : connections_) {
    if (connection.answered && connection.closes_at <= now) close(connection);
    if (connection.handle != no_handle) entries.push_back({connection.handle, POLLIN, 0});
  }
}

int InertDoor::wait_ms() const {
  const bool draining =
      std::any_of(connections_.begin(), connections_.end(), [](const Connection& each) { return each.answered; });
  return draining ? static_cast<int>(std::chrono::duration_cast<Milliseconds>(drain_time).count()) : -1;
}

void InertDoor::serve(std::span<const pollfd> entries) {
  for (const pollfd& entry : entries) {
    if (entry.revents == 0) continue;
    if (std::find(listeners_.begin(), listeners_.end(), entry.fd) != listeners_.end()) {
      accept(entry.fd);
      continue;
    }
    // A new connection may have taken the number of one that was closed in this round: its receive would block only.
    for (Connection& connection : connections_) {
      if (connection.handle == entry.fd) receive(connection);
    }
  }
}

void InertDoor::accept(Handle listener) {
  const Handle accepted = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (accepted < 0 && (errno == EMFILE || errno == ENFILE)) {
    free_place();
    ::poll(nullptr, 0, pause_ms);  // or this would be asked again at once
  }
  if (accepted < 0) return;
  Connection& connection = free_place();
  connection.handle = accepted;
  connection.from_platform = listener == telemetry_;
  connection.closes_at = socket_calls::monotonic_now();
}

InertDoor::Connection& InertDoor::free_place() {
  const auto older = [](const Connection& a, const Connection& b) {
    if ((a.handle == no_handle) != (b.handle == no_handle)) return a.handle == no_handle;
    return a.closes_at < b.closes_at;
  };
  Connection& place = *std::min_element(connections_.begin(), connections_.end(), older);
  close(place);
  return place;
}

void InertDoor::receive(Connection& connection) {
  char bytes[4096];
  const ssize_t size = ::recv(connection.handle, bytes, sizeof bytes, 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) return close(connection);
  if (connection.answered) return;
  connection.head.append(bytes, static_cast<std::size_t>(size));
  switch (look_at_request(connection.head)) {
    case DoorStep::close: return close(connection);
    case DoorStep::answer: return answer(connection);
    case DoorStep::read_on:
      if (connection.head.size() >= limits::inert_head_bytes_max) answer(connection);
  }
}

void InertDoor::answer(Connection& connection) {
  const std::string_view head = std::string_view(connection.head).substr(0, connection.head.find("\r\n\r\n"));
  const std::string bytes = connection.from_platform ? std::string(delivery_answer()) : refusal(head, text_);
  // The first bytes on a connection, and few: there is room for them.
  (void)!::send(connection.handle, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  socket_calls::shutdown_send(connection.handle);
  connection.answered = true;
  connection.closes_at = socket_calls::monotonic_now() + drain_time;
  connection.head = {};
}

void InertDoor::close(Connection& connection) {
  if (connection.handle != no_handle) socket_calls::close(connection.handle);
  connection = {};
}

}  // namespace stint::lambda
