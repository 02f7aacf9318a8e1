// SPDX-License-Identifier: Apache-2.0
// The Lambda platform as a state machine: INIT, INVOKE, SHUTDOWN and reset over the Runtime, Extensions and Telemetry
// APIs. No socket, process or clock of its own: requests, exits, log lines and time are handed in; what is to be done
// goes out through the interfaces of sandbox.h. One thread only; no input may be handed in from within an output.
//
//   down ─start→ initialising ─→ ready ⇄ invoking        ready ─shutdown→ stopping ─→ ended
//     ↑                │                    │ timeout, crash
//     └──── stopping ←─┴────────────────────┘            (the next invocation starts everything again)
#pragma once

#include <list>
#include <optional>
#include <string>

#include "tools/lambda/extensions_api.h"
#include "tools/lambda/identifiers.h"
#include "tools/lambda/platform_events.h"
#include "tools/lambda/runtime_api.h"
#include "tools/lambda/sandbox.h"
#include "tools/lambda/telemetry.h"

namespace stint::platform {

enum class Phase : std::uint8_t { down, initialising, ready, restoring, invoking, stopping, ended };
std::string_view name(Phase phase);

/// An invocation under way. There is one at most; on managed instances up to Settings::concurrency.
struct Active {
  Invocation invocation;
  Tracing tracing;
  Now accepted{}, sent{};
  MonotonicTime deadline{};
  EpochTime deadline_epoch{};
  std::optional<Now> response_started, response_done, runtime_done;
  RuntimeResponse response;
  bool started = false;  // platform.start has been emitted
};

class Platform : private ExtensionsListener, private RuntimeListener {
 public:
  /// Borrows: all four, which outlive it.
  Platform(Settings settings, Processes& processes, Deliver& deliver, Calls& calls, Watcher& watcher);
  Platform(const Platform&) = delete;
  Platform& operator=(const Platform&) = delete;

  Phase phase() const { return phase_; }
  const Settings& settings() const { return settings_; }
  /// One more invocation can run. On managed instances also beside others, when the runtime asks for one.
  bool can_invoke() const;
  /// No invocation is under way, and nothing else.
  bool idle() const { return phase_ == Phase::ready || phase_ == Phase::down; }

  /// Runs INIT. Requires: phase() == down.
  void start(Now now);
  /// Runs an invocation; its end is told by `Watcher::invocation_ended`. Returns the request id, drawn when empty.
  /// Requires: can_invoke(). After a reset the environment is initialised within the invocation.
  std::string invoke(Invocation invocation, Now now);
  /// The sandbox is out of memory: SIGKILL without a word. What runs fails as Runtime.OutOfMemory or, when only
  /// extensions were hit, as Extension.Crash, and the environment is reset. Without an invocation: nothing happens.
  void out_of_memory(Victim victim, Now now);
  /// Ends the environment for good (spindown). Requires: idle().
  void shutdown(Now now);

  /// The head of a request has been read. Optional; without it a response is timed from its end.
  void request_started(CallId call, const Request& head, Now now);
  /// A whole request. It is answered through `Calls` now or later, once.
  void request(CallId call, const Request& request, Now now);
  /// The caller of an unanswered request is gone.
  void call_closed(CallId call);

  void process_exited(ProcessId process, ExitStatus status, Now now);
  void process_output(ProcessId process, std::string_view line, Now now);
  /// Outcome of `Deliver::post`. `status`: HTTP status; for TCP 200; 0: no answer.
  void delivered(DeliveryId delivery, int status, Now now);

  /// When `timer` wants to be called; earlier and needless calls do no harm.
  std::optional<MonotonicTime> next_timer() const;
  void timer(Now now);

 private:
  // Init (platform_init.cpp).
  void begin_init(std::string_view phase, Now now);
  bool spawn_extensions(Now now);
  void start_runtime(Now now);
  void check_init_done(Now now);
  void init_done(Now now);
  void init_failed(std::string_view status, const std::string& error_type, Now now);
  void emit_extension_states(Now now);
  void begin_restore(Now now);
  void check_restore_done(Now now);

  // Invoke (platform_invoke.cpp).
  void begin_invoke(Active& active, Now now);
  void check_invoke_done(Active& active, Now now);
  void runtime_done(Active& active, std::string_view status, std::string_view error_type, Now now);
  void finish_invocation(Active& active, std::string_view status, const std::string& error_type, Now now);
  void fail_invocations(std::string_view status, const std::string& error_type, std::string_view reason, Now now);
  Answer invoke_answer(const Active& active) const;
  Active* find_active(const std::string& request_id);
  bool managed() const { return settings_.mode == Mode::managed_instances; }

  // Shutdown and reset (platform_stop.cpp).
  void begin_stop(std::string_view reason, Phase then, Now now);
  void stop_extensions(Now now);
  void check_stopped(Now now);
  void kill_all();
  bool anything_alive() const;
  Nanoseconds stop_budget() const;
  Answer shutdown_answer() const;
  void crashed(std::string error_type, Now now);

  // What the APIs tell.
  void extension_registered(Extension& extension, Now now) override;
  void extension_ready(Extension& extension, Now now) override;
  void extension_error(Extension& extension, std::string_view platform_type, Now now) override;
  void runtime_ready(Now now) override;
  void runtime_restore_ready(Now now) override;
  void response_started(const std::string& request_id, Now now) override;
  void response_done(const std::string& request_id, RuntimeResponse response, Now now) override;
  void runtime_init_error(const std::string& error_type, Now now) override;

  void subscribe(CallId call, const Request& request, Now now);
  void emit(Event event, Now now);
  void mark(MarkKind kind, std::string_view who, std::string_view detail, Now now);
  void freeze(Now now);
  void thaw(Now now);
  Extension* extension_of(ProcessId process);

  Settings settings_;
  Processes& processes_;
  Calls& calls_;
  Watcher& watcher_;
  Identifiers identifiers_;
  Telemetry telemetry_;
  ExtensionsApi extensions_;
  RuntimeApi runtime_;

  Phase phase_ = Phase::down;
  std::optional<ProcessId> runtime_process_;
  bool runtime_started_ = false;
  bool frozen_ = false;
  bool restored_ = false;        // a snapshot has been woken
  std::string_view init_phase_;  // init or invoke
  Now init_started_{};
  bool init_runtime_done_ = false;
  std::string fatal_error_;  // the first error an extension has reported
  bool out_of_memory_ = false;
  std::optional<MonotonicTime> init_deadline_;
  std::optional<Nanoseconds> init_duration_, restore_duration_;  // until the next report
  std::list<Active> active_;                                     // in the order of their begin

  std::string stop_reason_;
  Phase after_stop_ = Phase::down;
  bool extensions_told_ = false;
  EpochTime stop_deadline_epoch_{};
  std::optional<MonotonicTime> runtime_kill_at_, stop_deadline_;
};

}  // namespace stint::platform
