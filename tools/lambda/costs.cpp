// SPDX-License-Identifier: Apache-2.0
#include "tools/lambda/costs.h"

#include <algorithm>

#include "base/log.h"
#include "tools/lambda/clock.h"
#include "tools/lambda/json_value.h"
#include "tools/lambda/otlp_printer.h"
#include "tools/lambda/table.h"

namespace stint::platform {
namespace {

using Align = Table::Align;

std::string print(Nanoseconds duration) {
  return duration.count() < 0 ? "-" : print_duration(static_cast<std::uint64_t>(duration.count()));
}

// From a moment to a later one; "-" when one of them never came.
std::string between(MonotonicTime from, MonotonicTime to) {
  return from == MonotonicTime{} || to == MonotonicTime{} ? "-" : print(to - from);
}

std::string mebibytes(std::uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f MiB", static_cast<double>(bytes) / (1 << 20));
  return text;
}

// A moment of CLOCK_MONOTONIC, so that another process can put it beside its own.
void moment_field(JsonWriter& json, std::string_view name, MonotonicTime at) {
  if (at != MonotonicTime{}) json.key(name).milliseconds(at.time_since_epoch());
}

void duration_field(JsonWriter& json, std::string_view name, MonotonicTime from, MonotonicTime to) {
  if (from != MonotonicTime{} && to != MonotonicTime{}) json.key(name).milliseconds(to - from);
}

}  // namespace

Nanoseconds InvocationCost::after_response(const ExtensionCost& extension) const {
  if (response_done == MonotonicTime{} || extension.next_called == MonotonicTime{}) return Nanoseconds(-1);
  return std::max(extension.next_called - response_done, Nanoseconds(0));
}

Costs::Costs(const Options& options, RealProcesses& processes) : options_(options), processes_(processes) {
  for (const ExtensionProgram& program : options.platform.extensions) starts_.push_back({.name = program.name});
  cpu_before_.resize(starts_.size());
}

StartCost* Costs::start_of(std::string_view name) {
  for (StartCost& start : starts_) {
    if (start.name == name) return &start;
  }
  return nullptr;
}

// Few are running, and they are the last ones.
InvocationCost* Costs::running(std::string_view request_id) {
  for (std::size_t i = invocations_.size(); i-- > 0;) {
    if (invocations_[i].outcome.request_id != request_id) continue;
    return invocations_[i].ended == MonotonicTime{} ? &invocations_[i] : nullptr;
  }
  return nullptr;
}

InvocationCost* Costs::latest_running() {
  const bool none = invocations_.empty() || invocations_.back().ended != MonotonicTime{};
  return none ? nullptr : &invocations_.back();
}

InvocationCost& Costs::add_invocation() {
  InvocationCost& invocation = invocations_.emplace_back();
  for (const StartCost& start : starts_) invocation.extensions.push_back({.name = start.name});
  return invocation;
}

ExtensionCost* Costs::current_extension(std::string_view name) {
  InvocationCost* const invocation = latest_running();
  if (invocation == nullptr) return nullptr;
  for (ExtensionCost& extension : invocation->extensions) {
    if (extension.name == name) return &extension;
  }
  return nullptr;
}

void Costs::mark(const Mark& mark) {
  const MonotonicTime now = clock_now();
  StartCost* const start = start_of(mark.who);
  switch (mark.kind) {
    case MarkKind::process_started:
      if (start != nullptr && start->starts++ == 0)
        start->executed = processes_.executed_at(processes_.latest(mark.who));
      break;
    case MarkKind::registered:
      if (start != nullptr && start->registered == MonotonicTime{}) start->registered = now;
      break;
    case MarkKind::extension_ready:
      if (start != nullptr && start->ready == MonotonicTime{}) start->ready = now;
      if (ExtensionCost* const extension = current_extension(mark.who)) extension->next_called = now;
      break;
    case MarkKind::initialised:
      for (std::size_t i = 0; i < starts_.size(); ++i) {
        const std::optional<ProcessUsage> used = processes_.usage(processes_.latest(starts_[i].name));
        if (used && starts_[i].after_init.cpu == Nanoseconds(0)) starts_[i].after_init = *used;
        cpu_before_[i] = used ? used->cpu : Nanoseconds(0);
      }
      break;
    case MarkKind::init_failed:
      init_error_ = mark.detail;
      if (!options_.quiet) std::printf("init failed: %s\n", init_error_.c_str());
      break;
    case MarkKind::process_exited:
      if (start != nullptr) start->last_exit = mark.detail;
      break;
    default: mark_invocation(mark, now);
  }
}

void Costs::mark_invocation(const Mark& mark, MonotonicTime now) {
  if (mark.kind == MarkKind::invoke_sent) {
    InvocationCost& invocation = add_invocation();
    invocation.outcome.request_id = mark.detail;
    invocation.sent = now;
  } else if (mark.kind == MarkKind::response_done) {
    if (InvocationCost* const invocation = running(mark.detail)) invocation->response_done = now;
  } else if (mark.kind == MarkKind::runtime_ready) {
    InvocationCost* const invocation = latest_running();
    if (invocation != nullptr && invocation->response_done != MonotonicTime{}) invocation->function_ended = now;
  }
}

void Costs::delivery(std::string_view body) {
  InvocationCost* const invocation = latest_running();
  if (invocation == nullptr || body.find("\"platform.runtimeDone\"") == body.npos) return;
  // What ended before is told in a delivery of its own: it was asked for.
  if (invocation->function_ended != MonotonicTime{} && invocation->end_posted == MonotonicTime{}) {
    invocation->end_posted = clock_now();
  }
}

void Costs::measure(InvocationCost& invocation) {
  for (std::size_t i = 0; i < starts_.size(); ++i) {
    const std::optional<ProcessUsage> used = processes_.usage(processes_.latest(starts_[i].name));
    if (!used) continue;
    invocation.extensions[i].cpu = used->cpu - cpu_before_[i];
    invocation.extensions[i].resident_bytes = used->resident_bytes;
    cpu_before_[i] = used->cpu;
  }
}

void Costs::invocation_ended(const InvocationOutcome& outcome) {
  InvocationCost* const begun = running(outcome.request_id);
  InvocationCost& invocation = begun != nullptr ? *begun : add_invocation();  // it may fail before its event is sent
  invocation.ended = clock_now();
  invocation.outcome = outcome;
  measure(invocation);
  if (options_.quiet) return;
  const std::string& error = outcome.error_type.empty() ? outcome.function_error_type : outcome.error_type;
  std::printf("invocation %zu: %s%s%s in %s: %s\n", static_cast<std::size_t>(&invocation - invocations_.data()) + 1,
              outcome.status.c_str(), error.empty() ? "" : ", ", error.c_str(), print(outcome.duration).c_str(),
              shortened(printable(outcome.response), 200).c_str());
}

void Costs::event(EpochTime time, std::string_view type, std::string_view record) {
  events_.push_back({iso_time(time), std::string(type), std::string(record)});
  const bool log = type == "function" || type == "extension";
  if (options_.quiet || (!log && !options_.events_shown)) return;
  const std::optional<JsonValue> value = parse_json(record);
  const bool text = value && value->is(JsonValue::Kind::string);
  std::printf(
      "%-10s| %s\n", log ? std::string(type).c_str() : "platform",
      (log ? (text ? printable(value->text) : printable(record)) : concat(type.substr(9), " ", record)).c_str());
}

bool Costs::all_succeeded() const {
  return static_cast<int>(invocations_.size()) == options_.invocations &&
         std::all_of(invocations_.begin(), invocations_.end(), [](const InvocationCost& invocation) {
           return invocation.outcome.status == "success" && invocation.outcome.function_error_type.empty();
         });
}

std::string Costs::text() const {
  std::string text = "what the extensions cost\n";
  Table starts({Align::left, Align::right, Align::right, Align::right, Align::right, Align::right});
  starts.add({"extension", "exec to register", "exec to next", "CPU in init", "RSS after init", "starts"});
  for (const StartCost& start : starts_) {
    starts.add({start.name, between(start.executed, start.registered), between(start.executed, start.ready),
                print(start.after_init.cpu), mebibytes(start.after_init.resident_bytes), std::to_string(start.starts)});
  }
  Table runs(
      {Align::right, Align::left, Align::right, Align::right, Align::left, Align::right, Align::right, Align::right});
  runs.add({"#", "status", "to response", "duration", "extension", "response to next", "CPU", "RSS"});
  for (std::size_t i = 0; i < invocations_.size(); ++i) {
    const InvocationCost& invocation = invocations_[i];
    const InvocationOutcome& outcome = invocation.outcome;
    std::vector<std::string> first = {std::to_string(i + 1), outcome.status,
                                      between(invocation.sent, invocation.response_done), print(outcome.duration)};
    if (invocation.extensions.empty()) {
      first.insert(first.end(), {"-", "", "", ""});
      runs.add(first);
    }
    for (const ExtensionCost& extension : invocation.extensions) {
      std::vector<std::string> row = std::exchange(first, {"", "", "", ""});
      row.insert(row.end(), {extension.name, print(invocation.after_response(extension)), print(extension.cpu),
                             mebibytes(extension.resident_bytes)});
      runs.add(row);
    }
  }
  return text + (starts_.empty() ? "" : starts.text(160)) + runs.text(160);
}

void Costs::write_report(JsonWriter& json) const {
  if (!init_error_.empty()) json.field("initError", init_error_);
  json.key("extensions").open('[');
  for (const StartCost& start : starts_) {
    json.open('{').field("name", start.name).integer_field("starts", start.starts);
    duration_field(json, "execToRegisterMs", start.executed, start.registered);
    duration_field(json, "execToNextMs", start.executed, start.ready);
    json.key("initCpuMs").milliseconds(start.after_init.cpu);
    json.integer_field("rssAfterInitBytes", static_cast<std::int64_t>(start.after_init.resident_bytes));
    json.field("lastExit", start.last_exit).close('}');
  }
  json.close(']').key("invocations").open('[');
  for (const InvocationCost& invocation : invocations_) {
    const InvocationOutcome& outcome = invocation.outcome;
    json.open('{').field("requestId", outcome.request_id).field("status", outcome.status);
    json.field("errorType", outcome.error_type).field("functionErrorType", outcome.function_error_type);
    json.field("response", outcome.response).key("durationMs").milliseconds(outcome.duration);
    json.key("functionMs").milliseconds(outcome.function_duration);
    duration_field(json, "responseMs", invocation.sent, invocation.response_done);
    moment_field(json, "sentAt", invocation.sent);
    moment_field(json, "respondedAt", invocation.response_done);
    moment_field(json, "functionEndedAt", invocation.function_ended);
    moment_field(json, "endPostedAt", invocation.end_posted);
    moment_field(json, "endedAt", invocation.ended);
    json.key("extensionOverheadMs").milliseconds(outcome.extension_overhead).key("extensions").open('[');
    for (const ExtensionCost& extension : invocation.extensions) {
      json.open('{').field("name", extension.name);
      const Nanoseconds after = invocation.after_response(extension);
      if (after.count() >= 0) json.key("responseToNextMs").milliseconds(after);
      moment_field(json, "nextAt", extension.next_called);
      json.key("cpuMs").milliseconds(extension.cpu);
      json.integer_field("rssBytes", static_cast<std::int64_t>(extension.resident_bytes)).close('}');
    }
    json.close(']').close('}');
  }
  json.close(']').key("events").open('[');
  for (const KeptEvent& event : events_) {
    json.open('{').field("time", event.time).field("type", event.type).key("record").raw(event.record).close('}');
  }
  json.close(']');
}

}  // namespace stint::platform
