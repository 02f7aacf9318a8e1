// SPDX-License-Identifier: Apache-2.0
// What each extension costs, taken from the platform's marks with the real clock and the real processes: start, wait
// after the function, CPU and memory. Also keeps the events, prints what a reader wants to see while it happens, and
// writes the report.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "tools/lambda/json_writer.h"
#include "tools/lambda/options.h"
#include "tools/lambda/real_processes.h"

namespace stint::platform {

/// Of one extension's first start.
struct StartCost {
  std::string name;
  MonotonicTime executed{}, registered{}, ready{};
  ProcessUsage after_init;
  int starts = 0;
  std::string last_exit;
};

struct ExtensionCost {
  std::string name;
  MonotonicTime next_called{};
  Nanoseconds cpu{};  // since the end of the former invocation, or of init
  std::uint64_t resident_bytes = 0;
};

struct InvocationCost {
  InvocationOutcome outcome;
  MonotonicTime sent{}, response_done{}, ended{};
  MonotonicTime function_ended{};  // the runtime's next call
  MonotonicTime end_posted{};      // platform.runtimeDone goes out to the first listener
  std::vector<ExtensionCost> extensions;

  /// Response until the extension's next; zero when that came first.
  Nanoseconds after_response(const ExtensionCost& extension) const;
};

class Costs : public Watcher {
 public:
  /// Borrows: both.
  Costs(const Options& options, RealProcesses& processes);

  void mark(const Mark& mark) override;
  void invocation_ended(const InvocationOutcome& outcome) override;
  void event(EpochTime time, std::string_view type, std::string_view record) override;

  /// A delivery of telemetry is about to be sent.
  void delivery(std::string_view body);

  const std::vector<InvocationCost>& invocations() const { return invocations_; }
  bool all_succeeded() const;
  /// The tables for the end.
  std::string text() const;
  /// `"init":…,"extensions":…,"invocations":…,"events":…` into the open object.
  void write_report(JsonWriter& json) const;

 private:
  struct KeptEvent {
    std::string time, type, record;
  };
  StartCost* start_of(std::string_view name);
  InvocationCost* running(std::string_view request_id);
  InvocationCost* latest_running();
  InvocationCost& add_invocation();
  ExtensionCost* current_extension(std::string_view name);
  void mark_invocation(const Mark& mark, MonotonicTime now);
  void measure(InvocationCost& invocation);

  const Options& options_;
  RealProcesses& processes_;
  std::vector<StartCost> starts_;
  std::vector<InvocationCost> invocations_;
  std::vector<Nanoseconds> cpu_before_;  // per extension, at the end of the former invocation
  std::vector<KeptEvent> events_;
  std::string init_error_;
};

}  // namespace stint::platform
