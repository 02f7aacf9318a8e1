// SPDX-License-Identifier: Apache-2.0
// Deliveries of telemetry over real sockets. The names of the sandbox map to 127.0.0.1: its listeners are processes of
// this machine.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "net/http_client.h"
#include "runtime/scope.h"
#include "tools/lambda/sandbox.h"

namespace stint::platform {

class DeliverListener {
 public:
  virtual ~DeliverListener() = default;
  /// Never called from within RealDeliver::post.
  virtual void delivered(DeliveryId delivery, int status) = 0;
};

class RealDeliver : public Deliver {
 public:
  /// Borrows: all three.
  RealDeliver(Runtime& runtime, BlockPool& pool, CopyCounters& copies)
      : runtime_(runtime), pool_(pool), copies_(copies), scope_(runtime) {}

  void set_listener(DeliverListener& listener) { listener_ = &listener; }
  /// Called with each body just before it is sent.
  void set_observer(std::function<void(std::string_view body)> observer) { observer_ = std::move(observer); }
  void post(DeliveryId delivery, const Destination& destination, std::string body) override;
  /// Suspends: until every delivery under way has been given up. No outcome is told any more.
  Task<> stop();

 private:
  Task<> run(DeliveryId delivery, Destination destination, std::string body);
  Task<int> post_http(const Destination& destination, const std::string& body);
  Task<int> send_lines(const Destination& destination, const std::string& body);

  Runtime& runtime_;
  BlockPool& pool_;
  CopyCounters& copies_;
  DeliverListener* listener_ = nullptr;
  std::function<void(std::string_view)> observer_;
  Scope scope_;
  std::map<std::uint16_t, std::unique_ptr<net::HttpClient>> clients_;
};

}  // namespace stint::platform
