// SPDX-License-Identifier: Apache-2.0
#include "runtime/ares_resolver.h"

#include <ares.h>
#include <netdb.h>
#include <sys/select.h>

#include <memory>

#include "runtime/channel.h"
#include "runtime/scope.h"
#include "runtime/stream.h"

namespace stint {
namespace {

constexpr int try_timeout_ms = 1500;
constexpr int tries = 2;

struct Answer {
  bool done = false;
  int status = ARES_SUCCESS;
  std::uint16_t port = 0;
  std::vector<Address> addresses;
};

void take_answer(void* context, int status, int, ares_addrinfo* result) {
  auto& answer = *static_cast<Answer*>(context);
  answer.done = true;
  answer.status = status;
  if (result == nullptr) return;
  for (const ares_addrinfo_node* node = result->nodes; node != nullptr; node = node->ai_next) {
    Address address = Address::from_native(node->ai_addr, node->ai_addrlen);
    address.set_port(answer.port);
    answer.addresses.push_back(address);
  }
  ares_freeaddrinfo(result);
}

struct DestroyChannel {
  void operator()(ares_channel channel) const { ares_destroy(channel); }
};
using AresChannel = std::unique_ptr<std::remove_pointer_t<ares_channel>, DestroyChannel>;

AresChannel make_channel() {
  ares_options options{};
  options.timeout = try_timeout_ms;
  options.tries = tries;
  ares_channel channel = nullptr;
  if (ares_init_options(&channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES) != ARES_SUCCESS) return nullptr;
  return AresChannel(channel);
}

// One socket of c-ares, for one wait.
struct Socket {
  ares_socket_t handle;
  bool wants_read;
  bool ready = false;
};

Task<> await_socket(Runtime& runtime, Socket& socket, Nanoseconds timeout, Notifier& any) {
  Stream stream(runtime, socket.handle, /*plain=*/true);
  if (socket.wants_read) {
    const Result<> readable = co_await stream.readable(timeout);
    socket.ready = readable.has_value();
  } else {
    const Result<> writable = co_await stream.writable(timeout);
    socket.ready = writable.has_value();
  }
  runtime.loop().forget(stream.release());
  any.notify_all();
}

Nanoseconds next_timeout(ares_channel channel, Nanoseconds left) {
  timeval buffer{};
  const timeval* const next = ares_timeout(channel, nullptr, &buffer);
  if (next == nullptr) return left;
  const auto wanted = Seconds(next->tv_sec) + std::chrono::microseconds(next->tv_usec) + Milliseconds(1);
  return std::min<Nanoseconds>(left, wanted);
}

// Waits until one of the channel's sockets can be dealt with, or its own timer is due, and lets it get on.
Task<> get_on(Runtime& runtime, ares_channel channel, Nanoseconds left) {
  ares_socket_t handles[ARES_GETSOCK_MAXNUM];
  const int bits = ares_getsock(channel, handles, ARES_GETSOCK_MAXNUM);
  std::vector<Socket> sockets;
  for (int i = 0; i < ARES_GETSOCK_MAXNUM; ++i) {
    if (ARES_GETSOCK_READABLE(bits, i) || ARES_GETSOCK_WRITABLE(bits, i)) {
      sockets.push_back(Socket{handles[i], !ARES_GETSOCK_WRITABLE(bits, i)});
    }
  }
  const Nanoseconds timeout = next_timeout(channel, left);
  Notifier any(runtime);
  Scope scope(runtime);
  for (Socket& socket : sockets) scope.spawn(await_socket(runtime, socket, timeout, any));
  (void)co_await any.wait(runtime.now() + timeout);
  scope.cancel();
  co_await scope.join();
  bool processed = false;
  for (const Socket& socket : sockets) {
    if (!socket.ready) continue;
    processed = true;
    ares_process_fd(channel, socket.wants_read ? socket.handle : ARES_SOCKET_BAD,
                    socket.wants_read ? ARES_SOCKET_BAD : socket.handle);
  }
  if (!processed) ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

}  // namespace

Task<Result<std::vector<Address>>> AresResolver::resolve(std::string host, std::uint16_t port, Nanoseconds timeout) {
  const AresChannel channel = make_channel();
  if (channel == nullptr) co_return Error{ErrorCode::not_found};
  Answer answer;
  answer.port = port;
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  ares_getaddrinfo(channel.get(), host.c_str(), nullptr, &hints, &take_answer, &answer);
  const MonotonicTime end = after(runtime_.now(), timeout);
  while (!answer.done) {
    const Nanoseconds left = end == MonotonicTime::max() ? forever : end - runtime_.now();
    const bool over = left <= Nanoseconds::zero();
    const bool cancelled = co_await cancellation_requested();
    if (over || cancelled) {
      ares_cancel(channel.get());
      co_return Error{cancelled ? ErrorCode::cancelled : ErrorCode::timed_out};
    }
    co_await get_on(runtime_, channel.get(), left);
  }
  if (answer.status == ARES_ETIMEOUT) co_return Error{ErrorCode::timed_out};
  if (answer.status != ARES_SUCCESS || answer.addresses.empty()) co_return Error{ErrorCode::not_found};
  co_return std::move(answer.addresses);
}

}  // namespace stint
