// SPDX-License-Identifier: Apache-2.0
// SHUTDOWN and reset: the runtime first, then the extensions with what is left of the budget, SIGKILL at its end.
#include "tools/lambda/json_writer.h"
#include "tools/lambda/platform.h"

namespace stint::platform {

void Platform::shutdown(Now now) {
  STINT_CHECK(idle() && active_.empty());
  begin_stop("spindown", Phase::ended, now);
}

void Platform::out_of_memory(Victim victim, Now) {
  if (phase_ != Phase::invoking) return;
  // What follows from it follows when the processes are seen to be gone.
  out_of_memory_ = victim != Victim::extensions;
  if (victim == Victim::environment) return kill_all();
  if (victim == Victim::runtime && runtime_process_) return processes_.kill(*runtime_process_);
  for (const Extension& extension : extensions_.all()) {
    if (victim == Victim::extensions && extension.process) processes_.kill(*extension.process);
  }
}

void Platform::begin_stop(std::string_view reason, Phase then, Now now) {
  thaw(now);
  phase_ = Phase::stopping;
  after_stop_ = then;
  stop_reason_ = reason;
  extensions_told_ = false;
  init_deadline_.reset();
  const Nanoseconds budget = stop_budget();
  stop_deadline_ = now.monotonic + budget;
  stop_deadline_epoch_ = now.epoch + budget;
  mark(MarkKind::stopping, {}, reason, now);
  if (extensions_.all().empty()) {
    kill_all();
  } else if (then == Phase::ended && runtime_process_) {
    processes_.terminate(*runtime_process_);
    runtime_kill_at_ = now.monotonic + settings_.runtime_termination;
  } else {
    if (runtime_process_) processes_.kill(*runtime_process_);
    stop_extensions(now);
  }
  check_stopped(now);
}

Nanoseconds Platform::stop_budget() const {
  if (extensions_.all().empty()) return Nanoseconds(0);
  for (const Extension& extension : extensions_.all()) {
    if (extension.external) return settings_.shutdown_budget;
  }
  return settings_.shutdown_budget_internal_only;
}

void Platform::stop_extensions(Now) {
  extensions_told_ = true;
  for (Extension& extension : extensions_.all()) {
    if (!extension.process) continue;
    if (extension.registered() && extension.wants_shutdown) {
      extensions_.send(extension, shutdown_answer());
    } else {
      processes_.kill(*extension.process);
    }
  }
}

Answer Platform::shutdown_answer() const {
  JsonWriter json;
  json.open('{').field("eventType", "SHUTDOWN").field("shutdownReason", stop_reason_);
  const auto at = std::chrono::duration_cast<Milliseconds>(stop_deadline_epoch_.time_since_epoch());
  json.integer_field("deadlineMs", at.count()).close('}');
  return Answer{200, {}, json.take()};  // without the headers of INVOKE, as the platform renders it
}

void Platform::kill_all() {
  if (runtime_process_) processes_.kill(*runtime_process_);
  for (const Extension& extension : extensions_.all()) {
    if (extension.process) processes_.kill(*extension.process);
  }
}

bool Platform::anything_alive() const {
  if (runtime_process_) return true;
  for (const Extension& extension : extensions_.all()) {
    if (extension.process) return true;
  }
  return false;
}

void Platform::check_stopped(Now now) {
  if (phase_ != Phase::stopping || anything_alive()) return;
  stop_deadline_.reset();
  runtime_kill_at_.reset();
  telemetry_.reset();
  extensions_.reset();
  runtime_.reset();
  init_duration_.reset();
  phase_ = after_stop_;
  mark(phase_ == Phase::ended ? MarkKind::ended : MarkKind::idle, {}, stop_reason_, now);
}

}  // namespace stint::platform
