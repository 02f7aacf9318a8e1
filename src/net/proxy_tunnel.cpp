// SPDX-License-Identifier: Apache-2.0
#include "net/proxy_tunnel.h"

#include <array>
#include <memory>

#include "base/limits.h"
#include "base/log.h"
#include "net/http_response.h"
#include "net/tls_error.h"
#include "wire/http1.h"

namespace stint::net {
namespace {

// What has come of the answer. On the heap: too large for a coroutine's frame.
struct Answer {
  wire::ResponseHead head;
  std::size_t size = 0;
  std::size_t scanned = 0;
  std::array<char, limits::proxy_head_bytes_max> bytes;

  // The status once the head is complete, 0 before. Fails: as parse_response_head(), too_large, malformed.
  Result<int> status() {
    const Result<std::size_t> head_size = wire::parse_response_head({bytes.data(), size}, scanned, head, true);
    if (!head_size) return head_size.error();
    if (*head_size == 0) return size == bytes.size() ? Result<int>(Error{ErrorCode::too_large}) : Result<int>(0);
    const bool accepted = head.status >= 200 && head.status < 300;
    // Nobody speaks in a tunnel before we do.
    if (accepted && *head_size != size) return Error{ErrorCode::malformed};
    return head.status;
  }
};

Error failure(Error error) {
  if (error.code == ErrorCode::timed_out || error.code == ErrorCode::cancelled || is_tls(error)) return error;
  return proxy_error(error.code, ProxyPlace::answer, error.detail);
}

}  // namespace

Task<Result<>> open_tunnel(ByteStream& stream, const Proxy& proxy, std::string target, MonotonicTime end) {
  std::string request = concat("CONNECT ", target, " HTTP/1.1\r\nHost: ", target, "\r\n");
  if (!proxy.authorization.empty()) request += concat("Proxy-Authorization: ", proxy.authorization, "\r\n");
  request += "\r\n";
  const Result<> sent = co_await stream.send(request, time_left(stream.runtime(), end));
  if (!sent) co_return failure(sent.error());
  const auto answer = std::make_unique<Answer>();
  for (;;) {
    const Result<std::size_t> received = co_await stream.receive(
        answer->bytes.data() + answer->size, answer->bytes.size() - answer->size, time_left(stream.runtime(), end));
    if (!received) co_return failure(received.error());
    if (*received == 0) co_return proxy_error(ErrorCode::closed, ProxyPlace::answer);
    answer->size += *received;
    const Result<int> status = answer->status();
    if (!status) co_return failure(status.error());
    if (*status == 0) continue;
    if (*status >= 200 && *status < 300) co_return Result<>();
    co_return proxy_error(ErrorCode::permission_denied, ProxyPlace::status, *status);
  }
}

}  // namespace stint::net
