// SPDX-License-Identifier: Apache-2.0
#include "sim/platform_process.h"

namespace stint::sim {
namespace {

constexpr net::HttpServerSettings server_settings{.connections_max = 1024, .idle_max = Seconds(86'400)};

}  // namespace

PlatformProcess::PlatformProcess(Network& network, platform::Settings settings, platform::Processes& processes,
                                 platform::Watcher& watcher)
    : Process(network, "platform"),
      platform_(std::move(settings), processes, deliver_, api_, watcher),
      server_(runtime, pool_, copies_, api_, server_settings) {
  api_.set_platform(platform_);
  deliver_.set_listener(api_);
}

bool PlatformProcess::begin() {
  Result<Listener> listener = Listener::open(runtime, address());
  STINT_CHECK(listener.has_value());
  server_.serve(std::move(*listener));
  runtime.begin(live());
  return true;
}

Task<> PlatformProcess::live() {
  while (!stopping_) (void)co_await changed_.wait();
  co_await deliver_.stop();
  co_await server_.stop(Nanoseconds::zero());
}

void PlatformProcess::stop() {
  stopping_ = true;
  changed_.notify_all();
}

}  // namespace stint::sim
