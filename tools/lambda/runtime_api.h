// SPDX-License-Identifier: Apache-2.0
// The Runtime API: one runtime, its states, and the invocations it works on: one at a time or, on managed instances,
// one for each `next` that it has outstanding. It answers what can be answered and holds `next`; what a transition
// means for the life cycle is the listener's business.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>

#include "tools/lambda/sandbox.h"

namespace stint::platform {

enum class RuntimeState : std::uint8_t { started, ready, running, response_sent, init_error, restore_ready };
std::string_view name(RuntimeState state);

/// One event for the function.
struct Invocation {
  std::string request_id;
  std::string event = "{}";
  std::string trace_header;  // empty: drawn by the platform
  std::string client_context;
};

/// What the runtime sent back, whole.
struct RuntimeResponse {
  std::string body;
  std::string error_type;  // of /error, or of a stream's trailers; empty: a good response
  bool too_large = false;
};

class RuntimeListener {
 public:
  virtual ~RuntimeListener() = default;
  /// next, when init or an invocation waits for it; with several at once every one.
  virtual void runtime_ready(Now now) = 0;
  /// `/runtime/restore/next`: the runtime waits for the snapshot to be taken.
  virtual void runtime_restore_ready(Now now) = 0;
  virtual void response_started(const std::string& request_id, Now now) = 0;
  virtual void response_done(const std::string& request_id, RuntimeResponse response, Now now) = 0;
  virtual void runtime_init_error(const std::string& error_type, Now now) = 0;
};

class RuntimeApi {
 public:
  RuntimeApi(const Settings& settings, Calls& calls, RuntimeListener& listener)
      : settings_(settings), calls_(calls), listener_(listener) {}

  void reset();
  /// With several at once: ready from the first next on.
  RuntimeState state() const { return state_; }
  bool several_at_once() const { return settings_.concurrency > 1; }
  /// The runtime has asked for an invocation that it has not got.
  bool wants_one() const { return several_at_once() ? !held_.empty() : state_ == RuntimeState::ready; }

  /// The head of a request is there, its body perhaps not yet: responses are timed from here.
  void started(CallId call, std::string_view operation, Now now);
  /// `operation`: what follows `/runtime` in the path. False: no such operation.
  bool handle(CallId call, std::string_view operation, const Request& request, Now now);
  void call_closed(CallId call);

  /// Gives the invocation to the waiting runtime. Requires: wants_one().
  void send(const Invocation& invocation, std::string trace_header, EpochTime deadline);
  /// Answers a held restore/next. Requires: state() == restore_ready.
  void restore();

 private:
  struct Run {
    Invocation invocation;
    std::string trace_header;
    EpochTime deadline{};
    std::optional<CallId> responding;  // its head has been seen
    bool answered = false;
  };

  Answer invocation_answer(const Run& run) const;
  Run* find(std::string_view request_id);
  Run* running(std::string_view request_id);
  void answer_held(Answer answer);
  void next(CallId call, Now now);
  void restore_next(CallId call, Now now);
  void invocation(CallId call, std::string_view rest, const Request& request, Now now);
  void respond(CallId call, Run& run, bool error, const Request& request, Now now);
  void init_error(CallId call, const Request& request, Now now);
  void refuse_transition(CallId call, std::string_view to);

  const Settings& settings_;
  Calls& calls_;
  RuntimeListener& listener_;
  RuntimeState state_ = RuntimeState::started;
  std::deque<CallId> held_;                       // several at once: all that wait, else one
  std::map<std::string, Run, std::less<>> runs_;  // what was answered stays until the next one is sent
};

}  // namespace stint::platform
