// SPDX-License-Identifier: Apache-2.0
// The platform as a simulated process: its state machine behind the HTTP server and the deliveries of the local Lambda,
// all of them on the simulated network.
#pragma once

#include "base/counters.h"
#include "net/http_server.h"
#include "runtime/channel.h"
#include "sim/process.h"
#include "tools/lambda/api_server.h"

namespace stint::sim {

class PlatformProcess final : public Process {
 public:
  static Address address() { return Address::ipv4_loopback(9001); }
  static constexpr const char* authority = "127.0.0.1:9001";

  PlatformProcess(Network& network, platform::Settings settings, platform::Processes& processes,
                  platform::Watcher& watcher);

  bool begin() override;
  void stop();

  platform::ApiServer& api() { return api_; }
  platform::Platform& platform() { return platform_; }

 private:
  Task<> live();

  BlockPool pool_{256u << 20};
  CopyCounters copies_;
  platform::RealDeliver deliver_{runtime, pool_, copies_};
  platform::ApiServer api_{runtime};
  platform::Platform platform_;
  net::HttpServer server_;
  Notifier changed_{runtime};
  bool stopping_ = false;
};

}  // namespace stint::sim
