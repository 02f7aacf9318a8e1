// SPDX-License-Identifier: Apache-2.0
// A world for the platform's state machine: processes, calls and deliveries as lists that a test looks at, and a clock
// that a test moves. Requests are short to write; every answer is kept under its call.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tools/lambda/json_value.h"
#include "tools/lambda/platform.h"

namespace stint::platform {

/// A number in an object of the record. Requires: both are there.
inline double number(const JsonValue& record, std::string_view object, std::string_view member) {
  return std::stod(record.member(object)->member(member)->text);
}

class World : public Processes, public Deliver, public Calls, public Watcher {
 public:
  struct Process {
    ProcessStart start;
    bool alive = true, frozen = false, terminated = false, killed = false;
  };
  struct Delivery {
    DeliveryId id;
    Destination destination;
    std::string body;
  };
  struct Emitted {
    std::string type;
    JsonValue record;
    std::string text;
  };

  explicit World(Settings settings = {}) : platform(std::move(settings), *this, *this, *this, *this) {}

  static Settings with_extensions(std::vector<std::string> names) {
    Settings settings;
    settings.runtime = {"runtime"};
    settings.runtime_api = "127.0.0.1:9001";
    for (const std::string& extension : names)
      settings.extensions.push_back({extension, "/opt/extensions/" + extension});
    return settings;
  }

  // What the platform asks of the world.
  Result<ProcessId> spawn(const ProcessStart& start) override {
    if (refuse_to_start.contains(start.name)) return system_error(8);
    processes.push_back({start});
    return processes.size();
  }
  void freeze(ProcessId id) override { process(id).frozen = true; }
  void thaw(ProcessId id) override { process(id).frozen = false; }
  void terminate(ProcessId id) override { process(id).terminated = true; }
  void kill(ProcessId id) override { process(id).killed = true; }
  std::uint64_t memory_peak_bytes() override { return 64u << 20; }
  void post(DeliveryId id, const Destination& destination, std::string body) override {
    deliveries.push_back({id, destination, std::move(body)});
  }
  void answer(CallId call, Answer answer) override {
    EXPECT_FALSE(answers.contains(call)) << "answered twice";
    answers[call] = std::move(answer);
  }
  void mark(const Mark& mark) override { marks.push_back(std::string(name(mark.kind))); }
  void invocation_ended(const InvocationOutcome& outcome) override { outcomes.push_back(outcome); }
  void event(EpochTime, std::string_view type, std::string_view record) override {
    std::optional<JsonValue> parsed = parse_json(record);
    EXPECT_TRUE(parsed) << record;
    events.push_back({std::string(type), parsed.value_or(JsonValue{}), std::string(record)});
  }

  // Time.
  Now now() const { return {MonotonicTime(Nanoseconds(elapsed)), EpochTime(Seconds(1'700'000'000) + elapsed)}; }
  /// Moves the clock in steps, so that every timer fires at its time.
  void pass(Nanoseconds time) {
    const Nanoseconds end = elapsed + time;
    for (int i = 0; i < 10'000; ++i) {
      const std::optional<MonotonicTime> next = platform.next_timer();
      if (!next || next->time_since_epoch() > end) break;
      elapsed = std::max(elapsed, next->time_since_epoch());
      platform.timer(now());
    }
    elapsed = end;
    platform.timer(now());
  }

  // Calls.
  CallId call(std::string method, std::string path, std::vector<Header> headers = {}, std::string body = "") {
    const CallId id = ++last_call;
    platform.request(id, Request{std::move(method), std::move(path), std::move(headers), std::move(body), {}}, now());
    return id;
  }
  const Answer* answered(CallId id) const {
    const auto found = answers.find(id);
    return found == answers.end() ? nullptr : &found->second;
  }
  int status(CallId id) const { return answered(id) == nullptr ? 0 : answered(id)->status; }
  JsonValue body(CallId id) const {
    return answered(id) == nullptr ? JsonValue{} : parse_json(answered(id)->body).value_or(JsonValue{});
  }
  /// A text member of the answer's body; empty when there is none.
  std::string text(CallId id, std::string_view member) const {
    const JsonValue value = body(id);
    return value.member(member) == nullptr ? "" : value.member(member)->text;
  }
  std::string error_type(CallId id) const { return text(id, "errorType"); }
  std::string header(CallId id, std::string_view name) const {
    if (answered(id) == nullptr) return "";
    for (const Header& header : answered(id)->headers) {
      if (equal_ignoring_case(header.name, name)) return header.value;
    }
    return "";
  }

  // An extension's calls.
  CallId register_call(const std::string& extension, const std::string& wanted = R"(["INVOKE","SHUTDOWN"])") {
    return call("POST", "/2020-01-01/extension/register", {{"Lambda-Extension-Name", extension}},
                "{\"events\":" + wanted + "}");
  }
  /// Its identifier. Requires: the platform agrees.
  std::string registered(const std::string& extension, const std::string& wanted = R"(["INVOKE","SHUTDOWN"])") {
    const CallId id = register_call(extension, wanted);
    EXPECT_EQ(status(id), 200) << answers[id].body;
    return header(id, "Lambda-Extension-Identifier");
  }
  CallId next(const std::string& identifier) {
    return call("GET", "/2020-01-01/extension/event/next", {{"Lambda-Extension-Identifier", identifier}});
  }
  CallId extension_error(const std::string& identifier, const std::string& phase, std::string type = "My.Error") {
    return call(
        "POST", "/2020-01-01/extension/" + phase + "/error",
        {{"Lambda-Extension-Identifier", identifier}, {"Lambda-Extension-Function-Error-Type", std::move(type)}});
  }
  CallId subscribe_with(const std::string& identifier, const std::string& body) {
    return call("PUT", "/2022-07-01/telemetry", {{"Lambda-Extension-Identifier", identifier}}, body);
  }
  CallId subscribe(const std::string& identifier, int timeout_ms = 25,
                   const std::string& types = R"(["platform","function","extension"])",
                   const std::string& schema = "2022-12-13", int port = 8080) {
    return subscribe_with(identifier, "{\"schemaVersion\":\"" + schema + "\",\"types\":" + types +
                                          ",\"buffering\":{\"maxItems\":1000,\"maxBytes\":262144,\"timeoutMs\":" +
                                          std::to_string(timeout_ms) +
                                          "},\"destination\":{\"protocol\":\"HTTP\",\"URI\":"
                                          "\"http://sandbox.localdomain:" +
                                          std::to_string(port) + "/telemetry\"}}");
  }

  // The runtime's calls.
  CallId runtime_next() { return call("GET", "/2018-06-01/runtime/invocation/next"); }
  CallId respond(const std::string& request_id, std::string body = "\"ok\"", std::vector<Header> headers = {}) {
    return call("POST", "/2018-06-01/runtime/invocation/" + request_id + "/response", std::move(headers),
                std::move(body));
  }

  // Processes.
  Process& process(ProcessId id) { return processes.at(id - 1); }
  Process* running(std::string_view process_name) {
    for (std::size_t i = processes.size(); i-- > 0;) {
      if (processes[i].start.name == process_name) return processes[i].alive ? &processes[i] : nullptr;
    }
    return nullptr;
  }
  void exit(std::string_view process_name, ExitStatus status = {}) {
    Process* const found = running(process_name);
    ASSERT_NE(found, nullptr) << process_name << " does not run";
    found->alive = false;
    platform.process_exited(static_cast<ProcessId>(found - processes.data()) + 1, status, now());
  }
  /// Those that were sent SIGKILL end now.
  void reap() {
    for (std::size_t i = 0; i < processes.size(); ++i) {
      if (!processes[i].killed || !processes[i].alive) continue;
      processes[i].alive = false;
      platform.process_exited(i + 1, ExitStatus{0, 9}, now());
    }
  }
  void print(std::string_view process_name, std::string_view line) {
    platform.process_output(static_cast<ProcessId>(running(process_name) - processes.data()) + 1, line, now());
  }

  // Telemetry.
  std::vector<std::string> event_types() const {
    std::vector<std::string> types;
    types.reserve(events.size());
    for (const Emitted& event : events) types.push_back(event.type);
    return types;
  }
  const Emitted* event_of(std::string_view type) const {
    for (std::size_t i = events.size(); i-- > 0;) {
      if (events[i].type == type) return &events[i];
    }
    return nullptr;
  }
  /// The types in the delivery with that index.
  std::vector<std::string> delivered_types(std::size_t index) const {
    std::vector<std::string> types;
    const JsonValue array = parse_json(deliveries.at(index).body).value_or(JsonValue{});
    types.reserve(array.items.size());
    for (const JsonValue& item : array.items) types.push_back(item.member("type")->text);
    return types;
  }
  void deliver_ok(std::size_t index) { platform.delivered(deliveries.at(index).id, 200, now()); }

  Nanoseconds elapsed{};
  CallId last_call = 0;
  std::set<std::string> refuse_to_start;
  std::vector<Process> processes;
  std::vector<Delivery> deliveries;
  std::map<CallId, Answer> answers;
  std::vector<std::string> marks;
  std::vector<InvocationOutcome> outcomes;
  std::vector<Emitted> events;
  Platform platform;
};

/// A world whose one extension and runtime are initialised and waiting.
struct ReadyWorld : World {
  explicit ReadyWorld(Settings settings = with_extensions({"probe"})) : World(std::move(settings)) {
    platform.start(now());
    pass(Milliseconds(2));
    identifier = registered("probe");
    EXPECT_EQ(status(subscribe(identifier)), 200);
    pass(Milliseconds(10));
    extension_next = next(identifier);
    pass(Milliseconds(50));
    runtime_call = runtime_next();
    EXPECT_EQ(platform.phase(), Phase::ready);
  }

  std::string invoke() { return platform.invoke(Invocation{}, now()); }
  /// The runtime answers and asks for more after `time`.
  void run_function(const std::string& request_id, Nanoseconds time = Milliseconds(20)) {
    pass(time);
    EXPECT_EQ(status(respond(request_id)), 202);
    runtime_call = runtime_next();
  }

  std::string identifier;
  CallId extension_next = 0, runtime_call = 0;
};

}  // namespace stint::platform
