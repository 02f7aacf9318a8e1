// SPDX-License-Identifier: Apache-2.0
// INVOKE: the event goes to the extensions and the runtime; it ends when the runtime and every extension that asked
// for INVOKE have called next again, or when the function's time is over. On managed instances several run at once, no
// extension hears of them, and each ends with its response.
#include "tools/lambda/json_writer.h"
#include "tools/lambda/platform.h"

namespace stint::platform {
namespace {

std::int64_t epoch_ms(EpochTime time) {
  return std::chrono::duration_cast<Milliseconds>(time.time_since_epoch()).count();
}

// The X-Ray header of this segment: the given one with its Parent replaced by the segment's own id.
std::string with_parent(const std::string& header, const std::string& span_id) {
  const std::size_t at = header.find("Parent=");
  if (at == header.npos) return header;
  const std::size_t end = header.find(';', at);
  return header.substr(0, at) + "Parent=" + span_id + (end == header.npos ? "" : header.substr(end));
}

std::string new_trace_header(Identifiers& identifiers, Now now) {
  constexpr char digits[] = "0123456789abcdef";
  const auto seconds = static_cast<std::uint32_t>(epoch_ms(now.epoch) / 1000);
  std::string text = "Root=1-";
  for (int shift = 28; shift >= 0; shift -= 4) text.push_back(digits[(seconds >> shift) & 15]);
  return text + "-" + identifiers.hex(24) + ";Parent=" + identifiers.hex(16) + ";Sampled=1";
}

std::vector<Span> response_spans(const Active& active) {
  if (!active.response_done) return {};
  const Now begun = active.response_started.value_or(*active.response_done);
  return {{"responseLatency", active.sent.epoch, begun.monotonic - active.sent.monotonic},
          {"responseDuration", begun.epoch, active.response_done->monotonic - begun.monotonic}};
}

}  // namespace

bool Platform::can_invoke() const {
  if (!managed() || phase_ == Phase::down) return idle();
  return (phase_ == Phase::ready || phase_ == Phase::invoking) && active_.size() < settings_.concurrency &&
         runtime_.wants_one();
}

Active* Platform::find_active(const std::string& request_id) {
  for (Active& active : active_) {
    if (active.invocation.request_id == request_id) return &active;
  }
  return nullptr;
}

std::string Platform::invoke(Invocation invocation, Now now) {
  STINT_CHECK(can_invoke());
  thaw(now);
  if (invocation.request_id.empty()) invocation.request_id = identifiers_.uuid();
  if (invocation.trace_header.empty()) invocation.trace_header = new_trace_header(identifiers_, now);
  const std::string request_id = invocation.request_id;
  Active& active = active_.emplace_back();
  active.tracing = Tracing{identifiers_.hex(16), invocation.trace_header};
  active.invocation = std::move(invocation);
  active.accepted = active.sent = now;
  active.deadline = now.monotonic + settings_.function.timeout;
  active.deadline_epoch = now.epoch + settings_.function.timeout;
  if (phase_ == Phase::down) {
    begin_init("invoke", now);
  } else if (settings_.mode == Mode::snap_start && !restored_) {
    begin_restore(now);
  } else {
    begin_invoke(active, now);
  }
  return request_id;
}

void Platform::begin_invoke(Active& active, Now now) {
  phase_ = Phase::invoking;
  active.sent = now;
  active.started = true;
  emit(start_event(settings_, active.invocation.request_id, active.tracing, now), now);
  mark(MarkKind::invoke_sent, {}, active.invocation.request_id, now);
  for (Extension& extension : extensions_.all()) {
    if (extension.wants_invoke) extensions_.send(extension, invoke_answer(active));
  }
  runtime_.send(active.invocation, with_parent(active.tracing.value, active.tracing.span_id), active.deadline_epoch);
}

Answer Platform::invoke_answer(const Active& active) const {
  JsonWriter json;
  json.open('{').field("eventType", "INVOKE").integer_field("deadlineMs", epoch_ms(active.deadline_epoch));
  json.field("requestId", active.invocation.request_id).field("invokedFunctionArn", settings_.function.arn());
  json.key("tracing").open('{').field("type", "X-Amzn-Trace-Id");
  json.field("value", with_parent(active.tracing.value, active.tracing.span_id)).close('}').close('}');
  Answer answer = json_answer(200, json.take());
  answer.headers.push_back({"Lambda-Extension-Event-Identifier", active.invocation.request_id});
  return answer;
}

void Platform::response_started(const std::string& request_id, Now now) {
  Active* const active = find_active(request_id);
  if (phase_ != Phase::invoking || active == nullptr) return;
  active->response_started = now;
  mark(MarkKind::response_started, {}, request_id, now);
}

void Platform::response_done(const std::string& request_id, RuntimeResponse response, Now now) {
  Active* const active = find_active(request_id);
  if (phase_ != Phase::invoking || active == nullptr) return;
  active->response_done = now;
  active->response = std::move(response);
  mark(MarkKind::response_done, {}, request_id, now);
  if (!managed()) return;
  runtime_done(*active, "success", "", now);
  finish_invocation(*active, "success", "", now);
  if (active_.empty()) phase_ = Phase::ready;
}

void Platform::runtime_ready(Now now) {
  mark(MarkKind::runtime_ready, "runtime", {}, now);
  if (phase_ == Phase::initialising && !init_runtime_done_) {
    init_runtime_done_ = true;
    extensions_.close_registration();
    emit(init_runtime_done_event(settings_, init_phase_, "success", "", now), now);
    return check_init_done(now);
  }
  if (phase_ == Phase::restoring) return check_restore_done(now);
  if (phase_ != Phase::invoking || managed()) return;
  Active& active = active_.front();
  if (!active.response_done || active.runtime_done) return;
  runtime_done(active, "success", "", now);
  check_invoke_done(active, now);
}

void Platform::runtime_done(Active& active, std::string_view status, std::string_view error_type, Now now) {
  active.runtime_done = now;
  if (managed()) return;
  RuntimeDone done{active.invocation.request_id,
                   status,
                   error_type,
                   now.monotonic - active.sent.monotonic,
                   active.response.body.size(),
                   response_spans(active)};
  if (active.response_done) {
    done.spans.push_back(
        {"runtimeOverhead", active.response_done->epoch, now.monotonic - active.response_done->monotonic});
  }
  emit(runtime_done_event(done, active.tracing, now), now);
}

void Platform::extension_ready(Extension& extension, Now now) {
  mark(MarkKind::extension_ready, extension.name, {}, now);
  check_init_done(now);
  if (phase_ == Phase::invoking && !managed()) check_invoke_done(active_.front(), now);
}

void Platform::extension_error(Extension&, std::string_view platform_type, Now) {
  // The extension ends now by itself; its exit is what fails the phase, under this name.
  if (fatal_error_.empty()) fatal_error_ = platform_type;
}

void Platform::check_invoke_done(Active& active, Now now) {
  if (!active.runtime_done) return;
  for (const Extension& extension : extensions_.all()) {
    if (extension.wants_invoke && extension.state != ExtensionState::ready) return;
  }
  finish_invocation(active, "success", "", now);
  phase_ = Phase::ready;
  freeze(now);
}

void Platform::finish_invocation(Active& active, std::string_view status, const std::string& error_type, Now now) {
  Report report{active.invocation.request_id,
                status,
                error_type,
                now.monotonic - active.accepted.monotonic,
                std::exchange(init_duration_, std::nullopt),
                std::exchange(restore_duration_, std::nullopt),
                processes_.memory_peak_bytes(),
                {}};
  InvocationOutcome outcome{active.invocation.request_id,
                            std::string(status),
                            error_type,
                            active.response.error_type,
                            active.response.body,
                            report.duration,
                            {},
                            {},
                            {}};
  if (active.response_done) outcome.response_latency = active.response_done->monotonic - active.sent.monotonic;
  if (active.runtime_done) {
    outcome.function_duration = active.runtime_done->monotonic - active.sent.monotonic;
    outcome.extension_overhead = now.monotonic - active.runtime_done->monotonic;
    if (managed()) {
      report.spans = response_spans(active);
    } else if (!extensions_.all().empty()) {
      report.spans = {{"extensionOverhead", active.runtime_done->epoch, outcome.extension_overhead}};
    }
  }
  if (status == "success" || settings_.report_failed_invocations) {
    emit(report_event(settings_, report, active.tracing, now), now);
  }
  active_.remove_if([&active](const Active& each) { return &each == &active; });
  watcher_.invocation_ended(outcome);
}

void Platform::fail_invocations(std::string_view status, const std::string& error_type, std::string_view reason,
                                Now now) {
  while (!active_.empty()) {
    Active& active = active_.front();
    if (!active.started) emit(start_event(settings_, active.invocation.request_id, active.tracing, now), now);
    if (!active.runtime_done) runtime_done(active, status, error_type, now);
    finish_invocation(active, status, error_type, now);
  }
  begin_stop(reason, Phase::down, now);
}

}  // namespace stint::platform
