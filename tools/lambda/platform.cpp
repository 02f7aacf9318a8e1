// SPDX-License-Identifier: Apache-2.0
// Routing of requests, time and exits; the phases themselves are in platform_init, _invoke and _stop.
#include "tools/lambda/platform.h"

#include <algorithm>
#include <array>

#include "base/log.h"

namespace stint::platform {
namespace {

constexpr std::string_view extensions_prefix = "/2020-01-01/extension";
constexpr std::string_view runtime_prefix = "/2018-06-01/runtime";
constexpr std::string_view telemetry_path = "/2022-07-01/telemetry";
constexpr std::string_view logs_path = "/2020-08-15/logs";

Answer not_found() { return Answer{404, {{"Content-Type", "text/plain"}}, "404 page not found\n"}; }

void earliest(std::optional<MonotonicTime>& next, std::optional<MonotonicTime> at) {
  if (at && (!next || *at < *next)) next = at;
}

}  // namespace

std::string_view name(Phase phase) {
  constexpr std::array<std::string_view, 7> names = {"down",     "initialising", "ready", "restoring",
                                                     "invoking", "stopping",     "ended"};
  return names[static_cast<std::size_t>(phase)];
}

std::string_view name(MarkKind kind) {
  constexpr std::array<std::string_view, 16> names = {
      "process started",  "registered",    "subscribed",     "extension ready",
      "runtime ready",    "initialised",   "init failed",    "invoke sent",
      "response started", "response done", "process exited", "frozen",
      "thawed",           "stopping",      "idle",           "ended"};
  return names[static_cast<std::size_t>(kind)];
}

Platform::Platform(Settings settings, Processes& processes, Deliver& deliver, Calls& calls, Watcher& watcher)
    : settings_(std::move(settings)),
      processes_(processes),
      calls_(calls),
      watcher_(watcher),
      identifiers_(settings_.seed),
      telemetry_(settings_, deliver),
      extensions_(settings_, calls, identifiers_, *this),
      runtime_(settings_, calls, *this) {}

void Platform::emit(Event event, Now now) {
  watcher_.event(event.time, event.type, event.record);
  telemetry_.emit(std::move(event), now);
}

void Platform::mark(MarkKind kind, std::string_view who, std::string_view detail, Now now) {
  watcher_.mark(Mark{kind, who, detail, now});
}

void Platform::request_started(CallId call, const Request& head, Now now) {
  const std::string_view path = head.path;
  if (head.method == "POST" && path.starts_with(runtime_prefix)) {
    runtime_.started(call, path.substr(runtime_prefix.size()), now);
  }
}

void Platform::request(CallId call, const Request& request, Now now) {
  const std::string_view path = request.path;
  if (path.starts_with(runtime_prefix) && !runtime_process_) {  // the last words of a killed one
    return calls_.answer(call, error_answer(403, "InvalidStateTransition", "the runtime does not run"));
  }
  if (path.starts_with(runtime_prefix) && runtime_.handle(call, path.substr(runtime_prefix.size()), request, now)) {
    return;
  }
  if (path.starts_with(extensions_prefix) &&
      extensions_.handle(call, path.substr(extensions_prefix.size()), request, now)) {
    return;
  }
  if (path == telemetry_path && request.method == "PUT") return subscribe(call, request, now);
  if (path == logs_path && request.method == "PUT") {
    return calls_.answer(call, error_answer(202, "Logs.NotSupported", "Logs API is not supported"));
  }
  calls_.answer(call, not_found());
}

void Platform::subscribe(CallId call, const Request& request, Now now) {
  if (settings_.telemetry == TelemetrySupport::not_found) return calls_.answer(call, not_found());
  if (settings_.telemetry == TelemetrySupport::not_supported) {
    return calls_.answer(call, error_answer(202, "Telemetry.NotSupported", "Telemetry API is not supported"));
  }
  const Extension* const extension = extensions_.identify(call, request);
  if (extension == nullptr) return;
  if (telemetry_.closed()) {
    return calls_.answer(
        call, error_answer(403, "Telemetry.SubscriptionClosed", "Telemetry API subscription is closed already"));
  }
  const auto outcome = telemetry_.subscribe(extension->name, request.body, now);
  if (const std::string* const wrong = std::get_if<std::string>(&outcome)) {
    return calls_.answer(call, error_answer(400, "ValidationError", *wrong));
  }
  calls_.answer(call, json_answer(200, "\"OK\""));
  mark(MarkKind::subscribed, extension->name, {}, now);
  emit(subscription_event(extension->name, std::get<Subscription>(outcome), now), now);
}

void Platform::call_closed(CallId call) {
  extensions_.call_closed(call);
  runtime_.call_closed(call);
}

Extension* Platform::extension_of(ProcessId process) {
  for (Extension& extension : extensions_.all()) {
    if (extension.process == process) return &extension;
  }
  return nullptr;
}

void Platform::process_output(ProcessId process, std::string_view line, Now now) {
  const bool function = runtime_process_ == process;
  if (!function && extension_of(process) == nullptr) return;
  emit(log_event(settings_, function ? EventKind::function : EventKind::extension, line, now), now);
}

void Platform::process_exited(ProcessId process, ExitStatus status, Now now) {
  const std::string how = status.signal != 0 ? concat("signal ", status.signal) : concat("exit status ", status.code);
  if (runtime_process_ == process) {
    runtime_process_.reset();
    mark(MarkKind::process_exited, "runtime", how, now);
    if (phase_ != Phase::stopping) return crashed("Runtime.ExitError", now);
    if (!extensions_told_) stop_extensions(now);
    return check_stopped(now);
  }
  Extension* const extension = extension_of(process);
  if (extension == nullptr) return;
  extension->process.reset();
  mark(MarkKind::process_exited, extension->name, how, now);
  if (phase_ == Phase::stopping) {
    extension->state = status.clean() ? ExtensionState::exited : ExtensionState::shutdown_failed;
    return check_stopped(now);
  }
  if (extension->error_type.empty()) extension->error_type = "Extension.Crash";
  crashed(fatal_error_.empty() ? "Extension.Crash" : fatal_error_, now);
}

void Platform::crashed(std::string error_type, Now now) {
  if (out_of_memory_) error_type = "Runtime.OutOfMemory";
  switch (phase_) {
    case Phase::initialising: return init_failed("error", error_type, now);
    case Phase::restoring:
    case Phase::invoking: return fail_invocations("error", error_type, "failure", now);
    case Phase::ready: return begin_stop("failure", Phase::down, now);
    default: return;
  }
}

void Platform::delivered(DeliveryId delivery, int status, Now now) { telemetry_.delivered(delivery, status, now); }

std::optional<MonotonicTime> Platform::next_timer() const {
  std::optional<MonotonicTime> next = telemetry_.next_timer();
  earliest(next, init_deadline_);
  if (!active_.empty() && !managed()) earliest(next, active_.front().deadline);
  earliest(next, runtime_kill_at_);
  earliest(next, stop_deadline_);
  return next;
}

void Platform::timer(Now now) {
  const auto passed = [&](std::optional<MonotonicTime> at) { return at && now.monotonic >= *at; };
  telemetry_.timer(now);
  if (passed(init_deadline_)) return init_failed("timeout", "", now);
  if (!active_.empty() && !managed() && passed(active_.front().deadline)) {
    if (phase_ == Phase::initialising) return init_failed("timeout", "", now);
    return fail_invocations("timeout", "", "timeout", now);
  }
  if (passed(runtime_kill_at_)) {
    runtime_kill_at_.reset();
    if (runtime_process_) processes_.kill(*runtime_process_);
  }
  if (passed(stop_deadline_)) {
    stop_deadline_.reset();
    kill_all();
  }
}

void Platform::freeze(Now now) {
  if (frozen_ || managed()) return;
  frozen_ = true;
  telemetry_.freeze();
  if (settings_.freeze) {
    if (runtime_process_) processes_.freeze(*runtime_process_);
    for (const Extension& extension : extensions_.all()) {
      if (extension.process) processes_.freeze(*extension.process);
    }
  }
  mark(MarkKind::frozen, {}, {}, now);
}

void Platform::thaw(Now now) {
  if (!frozen_) return;
  frozen_ = false;
  if (settings_.freeze) {
    if (runtime_process_) processes_.thaw(*runtime_process_);
    for (const Extension& extension : extensions_.all()) {
      if (extension.process) processes_.thaw(*extension.process);
    }
  }
  mark(MarkKind::thawed, {}, {}, now);
  telemetry_.thaw(now);
}

}  // namespace stint::platform
