// SPDX-License-Identifier: Apache-2.0
#include "net/byte_stream.h"

namespace stint::net {

Task<Result<>> ByteStream::send(std::string_view bytes, Nanoseconds timeout) {
  const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  const Result<> sent = co_await send(std::span<const iovec>(&part, bytes.empty() ? 0 : 1), timeout);
  co_return sent;
}

Task<> ByteStream::end_send(Nanoseconds timeout) {
  if (secured_) {
    co_await secured_->end_send(timeout);
  } else {
    plain_.shutdown_send();
  }
}

Task<> ByteStream::linger(Nanoseconds time, std::size_t bytes_max) {
  co_await end_send(time);
  char dropped[4096];
  const MonotonicTime end = runtime().now() + time;
  for (std::size_t total = 0; total < bytes_max;) {
    const Nanoseconds left = end - runtime().now();
    if (left <= Nanoseconds::zero()) co_return;
    const Result<std::size_t> received = co_await receive(dropped, sizeof dropped, left);
    if (!received || *received == 0) co_return;
    total += *received;
  }
}

Task<> ByteStream::close(Nanoseconds timeout) {
  if (secured_) {
    co_await secured_->close(timeout);
  } else {
    plain_.close();
  }
}

}  // namespace stint::net
