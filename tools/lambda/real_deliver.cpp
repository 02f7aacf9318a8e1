// SPDX-License-Identifier: Apache-2.0
#include "tools/lambda/real_deliver.h"

#include "base/log.h"

namespace stint::platform {
namespace {
constexpr Nanoseconds answer_max = Seconds(60);  // a listener may be frozen meanwhile
}

void RealDeliver::post(DeliveryId delivery, const Destination& destination, std::string body) {
  scope_.spawn(run(delivery, destination, std::move(body)));
}

Task<> RealDeliver::run(DeliveryId delivery, Destination destination, std::string body) {
  const bool lines = destination.protocol == Destination::Protocol::tcp;
  int status = 0;
  if (observer_) observer_(body);
  if (lines) {
    status = co_await send_lines(destination, body);
  } else {
    status = co_await post_http(destination, body);
  }
  if (listener_ != nullptr) listener_->delivered(delivery, status);
}

Task<int> RealDeliver::post_http(const Destination& destination, const std::string& body) {
  std::unique_ptr<net::HttpClient>& client = clients_[destination.port];
  if (!client) {
    const net::HttpOrigin origin{"127.0.0.1", destination.port, {}};
    client = std::make_unique<net::HttpClient>(runtime_, pool_, copies_, origin);
  }
  const wire::Header headers[] = {{"Content-Type", "application/json"}};
  std::string head;
  const std::string host = concat(destination.host, ":", destination.port);
  if (!wire::append_request_head(head, "POST", destination.path, host, headers, body.size())) co_return 0;
  const iovec part{const_cast<char*>(body.data()), body.size()};
  const std::span<const iovec> parts(&part, 1);
  const Result<net::HttpResponse> response = co_await client->request(head, parts, answer_max);
  co_return response ? response->status : 0;
}

Task<int> RealDeliver::send_lines(const Destination& destination, const std::string& body) {
  Result<Stream> stream = co_await connect(runtime_, Address::ipv4_loopback(destination.port), Seconds(1));
  if (!stream) co_return 0;
  const Result<> sent = co_await stream->send(body, answer_max);
  co_return sent ? 200 : 0;
}

Task<> RealDeliver::stop() {
  listener_ = nullptr;
  scope_.cancel();
  co_await scope_.join();
  clients_.clear();
}

}  // namespace stint::platform
