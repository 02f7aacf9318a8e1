// SPDX-License-Identifier: Apache-2.0
// The platform's APIs as an HTTP service, and the platform's timer on the loop: everything between sockets and the
// state machine. Each input goes in through here, so that the timer is set anew after it.
#pragma once

#include <map>

#include "net/http_server.h"
#include "runtime/timer.h"
#include "tools/lambda/platform.h"
#include "tools/lambda/real_deliver.h"
#include "tools/lambda/real_processes.h"

namespace stint::platform {

class ApiServer : public net::HttpService, public Calls, public ProcessListener, public DeliverListener {
 public:
  explicit ApiServer(Runtime& runtime);
  ~ApiServer() override;

  /// Requires: called once, before the first request. Borrows: the platform.
  void set_platform(Platform& platform) { platform_ = &platform; }
  Now now();

  // Inputs of the driver.
  void start();
  std::string invoke(Invocation invocation);
  void out_of_memory(Victim victim);
  void shutdown();

  // Calls.
  void answer(CallId call, Answer answer) override;
  // What the sockets, processes and deliveries tell.
  std::optional<net::HttpReply> refuse(const wire::RequestHead& head) override;
  Task<net::HttpReply> serve(net::HttpRequest request) override;
  void process_output(ProcessId process, std::string_view line) override;
  void process_exited(ProcessId process, ExitStatus status) override;
  void delivered(DeliveryId delivery, int status) override;

 private:
  class Held;
  struct Timer : TimerNode {
    ApiServer* server = nullptr;
  };
  void set_timer();

  Runtime& runtime_;
  Platform* platform_ = nullptr;
  Timer timer_;
  CallId last_call_ = 0;
  std::map<const wire::RequestHead*, CallId> started_;  // heads whose body is still being read
  std::map<CallId, Held*> held_;
};

}  // namespace stint::platform
