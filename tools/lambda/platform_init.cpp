// SPDX-License-Identifier: Apache-2.0
// INIT: extensions are executed and awaited until they have registered, then the runtime; init ends when the runtime
// and every registered extension have called next. Also the wake-up of a snapshot.
#include "tools/lambda/environment.h"
#include "tools/lambda/platform.h"

namespace stint::platform {

void Platform::start(Now now) {
  STINT_CHECK(phase_ == Phase::down && active_.empty());
  init_deadline_ = now.monotonic + settings_.init_timeout;
  begin_init("init", now);
}

void Platform::begin_init(std::string_view phase, Now now) {
  phase_ = Phase::initialising;
  init_phase_ = phase;
  init_started_ = now;
  init_runtime_done_ = runtime_started_ = false;
  fatal_error_.clear();
  out_of_memory_ = false;
  emit(init_start_event(settings_, phase, now), now);
  if (!spawn_extensions(now)) return;
  if (settings_.extensions.empty()) start_runtime(now);
}

bool Platform::spawn_extensions(Now now) {
  const Variables environment = extension_environment(settings_);
  for (const ExtensionProgram& program : settings_.extensions) {
    const bool too_many = extensions_.all().size() >= settings_.extensions_max;
    Extension& extension = extensions_.add_external(program.name);
    Result<ProcessId> process = Error{ErrorCode::too_many};
    if (!too_many)
      process = processes_.spawn(
          ProcessStart{program.name, {program.path}, environment, {}, descriptors_max(settings_.mode)});
    if (!process) {
      extension.state = ExtensionState::launch_error;
      extension.error_type = too_many ? "Extension.TooManyExtensions" : "Extension.LaunchError";
      init_failed("error", "Extension.LaunchError", now);
      return false;
    }
    extension.process = *process;
    mark(MarkKind::process_started, program.name, {}, now);
  }
  return true;
}

void Platform::extension_registered(Extension& extension, Now now) {
  mark(MarkKind::registered, extension.name, {}, now);
  if (phase_ != Phase::initialising || runtime_started_) return;
  for (const Extension& each : extensions_.all()) {
    if (each.external && !each.registered()) return;
  }
  start_runtime(now);
}

void Platform::start_runtime(Now now) {
  runtime_started_ = true;
  Result<ProcessId> process =
      processes_.spawn(ProcessStart{"runtime", runtime_arguments(settings_), runtime_environment(settings_),
                                    settings_.function.task_root, descriptors_max(settings_.mode)});
  if (!process) return init_failed("error", "Runtime.InvalidEntrypoint", now);
  runtime_process_ = *process;
  mark(MarkKind::process_started, "runtime", {}, now);
}

void Platform::runtime_restore_ready(Now now) {
  if (phase_ == Phase::initialising) runtime_ready(now);
}

void Platform::check_init_done(Now now) {
  if (phase_ != Phase::initialising || !init_runtime_done_) return;
  for (const Extension& extension : extensions_.all()) {
    if (extension.state != ExtensionState::ready) return;
  }
  init_done(now);
}

void Platform::init_done(Now now) {
  const Nanoseconds duration = now.monotonic - init_started_.monotonic;
  if (init_phase_ == "init") init_duration_ = duration;
  emit_extension_states(now);
  emit(init_report_event(settings_, init_phase_, "success", "", duration, now), now);
  telemetry_.close();
  init_deadline_.reset();
  phase_ = Phase::ready;
  mark(MarkKind::initialised, {}, init_phase_, now);
  if (!active_.empty()) return begin_invoke(active_.front(), now);
  freeze(now);
}

void Platform::init_failed(std::string_view status, const std::string& error_type, Now now) {
  if (!init_runtime_done_) {
    emit(init_runtime_done_event(settings_, init_phase_, status, error_type, now), now);
  }
  emit_extension_states(now);
  emit(init_report_event(settings_, init_phase_, status, error_type, now.monotonic - init_started_.monotonic, now),
       now);
  init_deadline_.reset();
  mark(MarkKind::init_failed, {}, error_type.empty() ? status : std::string_view(error_type), now);
  const std::string_view reason = status == "timeout" ? "timeout" : "failure";
  if (!active_.empty()) return fail_invocations(status, error_type, reason, now);
  begin_stop(reason, Phase::down, now);
}

void Platform::emit_extension_states(Now now) {
  for (const Extension& extension : extensions_.all()) emit(extension_event(extension, now), now);
}

void Platform::runtime_init_error(const std::string& error_type, Now now) {
  if (phase_ == Phase::initialising) return init_failed("error", error_type, now);
  if (phase_ == Phase::restoring) fail_invocations("error", error_type, "failure", now);
}

void Platform::begin_restore(Now now) {
  phase_ = Phase::restoring;
  init_started_ = now;
  emit(restore_start_event(settings_, now), now);
  if (runtime_.state() == RuntimeState::restore_ready) return runtime_.restore();
  check_restore_done(now);
}

void Platform::check_restore_done(Now now) {
  if (phase_ != Phase::restoring || runtime_.state() != RuntimeState::ready) return;
  restored_ = true;
  restore_duration_ = now.monotonic - init_started_.monotonic;
  init_duration_.reset();
  emit(restore_runtime_done_event("success", now), now);
  emit(restore_report_event("success", *restore_duration_, now), now);
  begin_invoke(active_.front(), now);
}

}  // namespace stint::platform
