// SPDX-License-Identifier: Apache-2.0
// A simulated process: a loop and a runtime of its own on the world's network. It is turned by the world, which may
// also not turn it: that is a freeze. A killed one loses its sockets at once; what it runs then comes to its end alone,
// without anybody seeing it, so that nothing leaks.
#pragma once

#include <string>

#include "runtime/runtime.h"
#include "sim/simulated_loop.h"

namespace stint::sim {

class Process {
 public:
  Process(Network& network, std::string name) : name_(std::move(name)), loop(network), runtime(loop) {}
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  virtual ~Process() = default;

  const std::string& name() const { return name_; }
  /// False: it has ended at once, with `exit_code`.
  virtual bool begin() = 0;
  /// Its main has ended: what must hold then.
  virtual void ended() {}
  /// It has been killed: whatever waits without a socket or timer is to end.
  virtual void killed() {}

 private:
  std::string name_;

 public:
  SimulatedLoop loop;
  Runtime runtime;
  int exit_code = 0;
};

}  // namespace stint::sim
