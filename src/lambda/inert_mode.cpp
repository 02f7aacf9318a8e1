// SPDX-License-Identifier: Apache-2.0
#include "lambda/inert_mode.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <vector>

#include "base/log.h"
#include "lambda/extension_api.h"
#include "lambda/inert_answer.h"
#include "runtime/socket_calls.h"

namespace stint::lambda {
namespace {

constexpr std::size_t answer_bytes_max = 64u << 10;
char answer_memory[answer_bytes_max];  // no page of it is touched in another mode

template <typename Number>
bool read_number(std::string_view text, Number& out) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), out);
  return read.ec == std::errc() && read.ptr == text.data() + text.size();
}

std::vector<Handle> listening_sockets() {
  std::vector<Handle> found;
  for (Handle descriptor = STDERR_FILENO + 1; descriptor < InertMode::descriptors_max; ++descriptor) {
    if (InertMode::is_listening(descriptor)) found.push_back(descriptor);
  }
  return found;
}

// SIGTERM and SIGINT were blocked for a signalfd, and what was blocked stays so over execve.
void take_back_signals() {
  ::signal(SIGPIPE, SIG_IGN);
  for (const int number : {SIGTERM, SIGINT}) ::signal(number, [](int) { ::_exit(0); });
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace

std::optional<Inheritance> parse_inheritance(std::span<char* const> arguments) {
  if (arguments.size() != 7) return std::nullopt;
  Inheritance inherited;
  int stage = 0;
  if (!read_number(std::string_view(arguments[0]), stage) || stage < 1 || stage > 3) return std::nullopt;
  inherited.stage = static_cast<Handover::Stage>(stage);
  if (!read_number(std::string_view(arguments[1]), inherited.connection) ||
      !read_number(std::string_view(arguments[2]), inherited.telemetry) ||
      !read_number(std::string_view(arguments[3]), inherited.items_lost)) {
    return std::nullopt;
  }
  Result<ApiEndpoint> endpoint = parse_api_endpoint(arguments[4]);
  if (!endpoint) return std::nullopt;
  inherited.endpoint = std::move(*endpoint);
  inherited.identifier = arguments[5];
  inherited.reason = arguments[6];
  return inherited;
}

bool InertMode::is_listening(int descriptor) {
  int listening = 0;
  socklen_t size = sizeof listening;
  return ::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening != 0;
}

InertMode::InertMode(Inheritance inheritance)
    : inherited_(std::move(inheritance)),
      door_(listening_sockets(), inherited_.telemetry,
            concat("the collector has crashed and accepts nothing until this environment ends: ", inherited_.reason)),
      connection_(inherited_.connection) {}

int InertMode::run() {
  take_back_signals();
  log(LogLevel::error, "crashed: ", inherited_.reason, "; nothing is accepted until this environment ends, ",
      inherited_.items_lost, " accepted items were in memory and are lost; the function runs. Please report this");
  Step step = connection_ == no_handle ? ask_for_next() : Step::goes_on;
  std::vector<pollfd> entries;
  while (step == Step::goes_on) {
    entries.assign(1, {connection_, POLLIN, 0});
    door_.watch(entries);
    if (::poll(entries.data(), entries.size(), door_.wait_ms()) <= 0) continue;
    door_.serve(std::span<const pollfd>(entries).subspan(1));
    if (entries.front().revents != 0) step = read_answer();
  }
  return step == Step::ended ? 0 : 1;
}

// Each on a connection of its own: one that was kept may have died in a freeze, and a `next` is not sent twice.
InertMode::Step InertMode::ask_for_next() {
  if (connection_ != no_handle) socket_calls::close(std::exchange(connection_, no_handle));
  size_ = 0;
  const std::optional<Address> address = inherited_.endpoint.address();
  const std::string request = concat("GET ", next_path, " HTTP/1.1\r\nHost: ", inherited_.endpoint.authority, "\r\n",
                                     identifier_header, ": ", inherited_.identifier, "\r\nConnection: close\r\n\r\n");
  BlockingSocket socket;
  if (!address || !socket.connect(*address) || !socket.write(request)) return refused("cannot be reached");
  connection_ = socket.release();
  return Step::goes_on;
}

InertMode::Step InertMode::read_answer() {
  const ssize_t size = ::recv(connection_, answer_memory + size_, answer_bytes_max - size_, MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return Step::goes_on;
  const bool ended = size <= 0;
  if (!ended) size_ += static_cast<std::size_t>(size);
  const std::optional<InertAnswer> answer = whole_answer({answer_memory, size_}, ended);
  if (!answer) return ended || size_ == answer_bytes_max ? refused("gave no whole answer") : Step::goes_on;
  if (answer->status != 200) return refused(concat("answered ", answer->status, " ", answer->body.substr(0, 400)));
  if (inherited_.stage == Handover::Stage::registering) {
    inherited_.stage = Handover::Stage::registered;
    inherited_.identifier = header_value(answer->head, identifier_header);
    if (inherited_.identifier.empty()) return refused("gave no identifier");
  } else if (is_shutdown(answer->body)) {
    return Step::ended;
  }
  return ask_for_next();
}

InertMode::Step InertMode::refused(std::string_view what) const {
  log(LogLevel::error, "inert mode: the platform at ", inherited_.endpoint.authority, " ", what);
  return Step::failed;
}

}  // namespace stint::lambda
