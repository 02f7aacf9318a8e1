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

Task<> ByteStream::close(Nanoseconds timeout) {
  if (secured_) {
    co_await secured_->close(timeout);
  } else {
    plain_.close();
  }
}

}  // namespace stint::net
