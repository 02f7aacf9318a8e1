// SPDX-License-Identifier: Apache-2.0
#include "runtime/socket_calls.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "base/check.h"

namespace stint::socket_calls {
namespace {

int socket_type(bool nonblocking) { return SOCK_STREAM | SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0); }

Nanoseconds read_clock(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return Seconds(now.tv_sec) + Nanoseconds(now.tv_nsec);
}

Error close_with_errno(Handle handle) {
  const int error_number = errno;
  ::close(handle);
  return error_number == EADDRINUSE ? Error{ErrorCode::in_use, 0, error_number} : system_error(error_number);
}

}  // namespace

Result<Handle> listen(const Address& address, int backlog, bool nonblocking) {
  const Handle handle = ::socket(address.family(), socket_type(nonblocking), 0);
  if (handle < 0) return system_error(errno);
  const int on = 1;
  if (address.family() != AF_UNIX) ::setsockopt(handle, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.family() == AF_INET6) ::setsockopt(handle, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(handle, address.native(), address.native_size()) != 0) return close_with_errno(handle);
  if (::listen(handle, backlog) != 0) return close_with_errno(handle);
  return handle;
}

Result<Handle> open_stream(const Address& peer, bool nonblocking) {
  const Handle handle = ::socket(peer.family(), socket_type(nonblocking), 0);
  if (handle < 0) return system_error(errno);
  if (peer.family() != AF_UNIX) set_no_delay(handle);
  return handle;
}

Result<Address> local_address(Handle handle) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getsockname(handle, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return system_error(errno);
  return Address::from_native(reinterpret_cast<const sockaddr*>(&storage), size);
}

void shutdown_send(Handle handle) { ::shutdown(handle, SHUT_WR); }

void close(Handle handle) { ::close(handle); }

void set_no_delay(Handle handle) {
  const int on = 1;
  ::setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void fill_entropy(std::span<char> bytes) {
  while (!bytes.empty()) {
    const ssize_t got = ::getrandom(bytes.data(), bytes.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    STINT_CHECK(got > 0);
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
}

std::size_t handles_max() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > SIZE_MAX) return SIZE_MAX;
  return static_cast<std::size_t>(limit.rlim_cur);
}

MonotonicTime monotonic_now() { return MonotonicTime(read_clock(CLOCK_MONOTONIC)); }
EpochTime epoch_now() { return EpochTime(read_clock(CLOCK_REALTIME)); }

}  // namespace stint::socket_calls
