// SPDX-License-Identifier: Apache-2.0
// The life of the extension between `register` and the end of its environment. It drives when the graph flushes and
// stops, and when `next` is asked for, which is what lets the environment freeze. Everything that is to be bound is
// bound before the first `next`. Time comes from the loop only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/counters.h"
#include "base/limits.h"
#include "config/provider.h"
#include "config/service.h"
#include "lambda/account_id.h"
#include "lambda/extension_api.h"
#include "lambda/flush_policy.h"
#include "lambda/idle_mode.h"
#include "lambda/telemetry_listener.h"
#include "pipeline/graph.h"
#include "pipeline/invocation_watch.h"
#include "runtime/scope.h"
#include "runtime/signals.h"

namespace stint::lambda {

struct LifeCycleSettings {
  config::FlushPolicy flush;
  Nanoseconds end_by_span{};         // silence after the invocation's span; zero: platform.runtimeDone alone tells
  InvocationWatch* watch = nullptr;  // borrowed; the one that receivers show their requests
  bool managed_instances = false;    // SHUTDOWN only, no freeze
  bool sam_local = false;            // the emulator wants an address without a host
  bool fail_on_error = false;        // a bad configuration fails the function's init
  Handover* handover = nullptr;      // borrowed; null: nobody takes our place after a crash
  std::string account_id_path = account_id_link;
  std::vector<std::string> idle_http_endpoints = {"localhost:4318"};
  std::vector<std::string> idle_grpc_endpoints = {"localhost:4317"};
};

/// AWS_LAMBDA_INITIALIZATION_TYPE, AWS_SAM_LOCAL, STINT_ON_ERROR, and STINT_FLUSH and STINT_END_BY_SPAN before the
/// file's `service.flush` and `service.end_by_span`. A value that is none is a warning.
LifeCycleSettings life_cycle_settings(const config::Environment& environment,
                                      std::optional<config::FlushPolicy> of_file, Nanoseconds end_by_span_of_file = {});
/// AWS_LAMBDA_INITIALIZATION_TYPE alone, for `register`.
bool is_managed_instances(const config::Environment& environment);

class LifeCycle {
 public:
  /// Left of a deadline when we let go: our part must never be what overruns it.
  static constexpr Nanoseconds release_margin = Milliseconds(50);

  /// Takes the connection on which `register` was written. Borrows: runtime, pool, copies, data.
  LifeCycle(Runtime& runtime, BlockPool& pool, CopyCounters& copies, const DataCounters& data, ApiEndpoint endpoint,
            Handle connection, LifeCycleSettings settings);

  /// The life with a data path, from its start to its stop. `signals` may be null.
  /// Suspends: until the environment ends. Returns the exit code. Borrows: both.
  Task<int> run(Graph& graph, Signals* signals);
  /// The life without one: `error` is told to all who send, or fails the init where that is wished.
  /// The complete error is on stderr already.
  Task<int> run_idle(std::string error, Signals* signals);

 private:
  Task<bool> register_and_link();
  Task<> open_telemetry();
  Task<> subscribe();
  Task<int> live(Signals* signals);
  Task<Result<Event>> serve_events();
  Task<> serve_invocation(const Event& event);
  InvocationPlan plan(const Event& event);
  Task<> hold(const Event& event, Deadline release);
  bool ends_by_span() const;
  Task<> hold_by_span(const Event& event, Deadline release);
  Task<bool> flush_whole(Deadline release);
  Task<InvocationEnd> wait_failure(std::string request_id, Deadline release);
  Task<> flush_while_held(Deadline release, Nanoseconds hold_max = limits::hold_max);
  Task<> flush_beside(Deadline deadline);
  Task<> end_flush_beside();
  Task<> stop(Deadline deadline);
  void log_end(std::string_view why) const;

  Runtime& runtime_;
  BlockPool& pool_;
  CopyCounters& copies_;
  const DataCounters& data_;
  LifeCycleSettings settings_;
  ExtensionApi api_;
  Graph* graph_ = nullptr;
  std::unique_ptr<TelemetryListener> telemetry_;  // only while deliveries can come
  std::unique_ptr<IdleMode> idle_;
  Scope beside_;  // a flush that nobody waits for
  std::uint64_t invocations_ = 0;
  Nanoseconds held_{};  // `next`, while data was sent, in all
  InvocationHistory history_;
  Deadline invocation_deadline_{EpochTime{}};  // of the last one; long past when it had none
  EpochTime flushed_{};                        // when the last flush began
};

}  // namespace stint::lambda
