// SPDX-License-Identifier: Apache-2.0
// The base of the load benchmark's latencies: the collector's own HTTP server on the collector's own loop (STINT_IO),
// answering each request as soon as it is whole and doing nothing with it. It listens on 127.0.0.1:$LOAD_ECHO_PORT.
#include <cstdio>
#include <cstdlib>

#include "net/http_server.h"
#include "runtime/loop_choice.h"
#include "runtime/signals.h"

namespace {

class Echo final : public stint::net::HttpService {
 public:
  stint::Task<stint::net::HttpReply> serve(stint::net::HttpRequest) override {
    co_return stint::net::HttpReply{.status = 200, .content_type = "application/x-protobuf"};
  }
};

stint::Task<> run_until_signal(stint::net::HttpServer& server, stint::TerminationSignals signals) {
  (void)co_await signals.wait();
  co_await server.stop(stint::Nanoseconds::zero());
}

}  // namespace

int main() {
  const char* const port = std::getenv("LOAD_ECHO_PORT");
  const char* const io = std::getenv("STINT_IO");
  const stint::ChosenLoop chosen = stint::make_loop(io != nullptr ? io : "auto");
  if (port == nullptr || chosen.loop == nullptr) {
    std::fprintf(stderr, "load-echo: no LOAD_ECHO_PORT, or no such loop\n");
    return 1;
  }
  stint::Runtime runtime(*chosen.loop);
  stint::Result<stint::TerminationSignals> signals = stint::TerminationSignals::open(runtime);
  const stint::Address address =
      stint::Address::ipv4_loopback(static_cast<std::uint16_t>(std::strtoul(port, nullptr, 10)));
  stint::Result<stint::Listener> listener = stint::Listener::open(runtime, address);
  if (!signals || !listener) {
    std::fprintf(stderr, "load-echo: cannot listen\n");
    return 1;
  }
  stint::BlockPool pool(stint::limits::memory_bytes_max, stint::limits::http_body_bytes_max);
  stint::CopyCounters copies;
  Echo echo;
  stint::net::HttpServer server(runtime, pool, copies, echo, {});
  server.serve(std::move(*listener));
  runtime.run(run_until_signal(server, std::move(*signals)));
  return 0;
}
