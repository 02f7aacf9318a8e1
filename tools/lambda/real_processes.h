// SPDX-License-Identifier: Apache-2.0
// Processes of this machine for the platform: fork and exec in a process group of their own, SIGSTOP and SIGCONT as
// freeze and thaw, output as lines, exits through a pidfd. A process dies with us. Its lines are told before its exit.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "runtime/scope.h"
#include "runtime/stream.h"
#include "tools/lambda/sandbox.h"

namespace stint::platform {

/// What a process has used so far.
struct ProcessUsage {
  Nanoseconds cpu{};
  std::uint64_t resident_bytes = 0, resident_peak_bytes = 0;
};

/// Hears of output and exits; they come from the loop, never from within a call of RealProcesses.
class ProcessListener {
 public:
  virtual ~ProcessListener() = default;
  virtual void process_output(ProcessId process, std::string_view line) = 0;
  virtual void process_exited(ProcessId process, ExitStatus status) = 0;
};

class RealProcesses : public Processes {
 public:
  /// `base`: variables that every process gets besides its own. Borrows: runtime.
  RealProcesses(Runtime& runtime, Variables base);
  /// Requires: join() was awaited.
  ~RealProcesses() override = default;

  /// Requires: called once before the first spawn. Borrows: the listener.
  void set_listener(ProcessListener& listener) { listener_ = &listener; }

  Result<ProcessId> spawn(const ProcessStart& start) override;
  void freeze(ProcessId process) override { signal(process, SIGSTOP); }
  void thaw(ProcessId process) override { signal(process, SIGCONT); }
  void terminate(ProcessId process) override { signal(process, SIGTERM); }
  void kill(ProcessId process) override { signal(process, SIGKILL); }
  std::uint64_t memory_peak_bytes() override;

  /// The process last started under that name; 0: none.
  ProcessId latest(std::string_view name) const;
  /// Nothing when the process is gone.
  std::optional<ProcessUsage> usage(ProcessId process) const;
  /// CLOCK_MONOTONIC of the process's last moment before exec.
  MonotonicTime executed_at(ProcessId process) const;
  void kill_all();
  /// Suspends: until every process is gone.
  Task<> join() { return scope_.join(); }

 private:
  struct Process {
    std::string name;
    pid_t pid = 0;
    MonotonicTime executed_at{};
    Stream pidfd, output, error;
    bool alive = true;
  };

  void signal(ProcessId process, int number);
  Task<> watch(ProcessId id, Process& process);
  Task<> read_lines(ProcessId id, Stream& stream, std::string& pending);
  void drain(ProcessId id, Stream& stream, std::string& pending);
  void take_lines(ProcessId id, std::string& pending);

  Runtime& runtime_;
  Variables base_;
  ProcessListener* listener_ = nullptr;
  Scope scope_;
  std::map<ProcessId, std::unique_ptr<Process>> processes_;
  ProcessId last_ = 0;
};

}  // namespace stint::platform
