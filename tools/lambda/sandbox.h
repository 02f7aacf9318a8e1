// SPDX-License-Identifier: Apache-2.0
// What the platform needs from the world around it: processes, deliveries of telemetry, and somebody who watches.
// The local Lambda gives real ones, the simulation its own.
// Requires of all three: no call back into the platform from within these functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tools/lambda/api.h"
#include "tools/lambda/settings.h"

namespace stint::platform {

using ProcessId = std::uint64_t;

struct ProcessStart {
  std::string name;  // for people: "runtime" or the extension's name
  std::vector<std::string> arguments;
  Variables environment;
  std::string directory;            // empty: inherited
  std::size_t descriptors_max = 0;  // 0: inherited
};

/// How a process ended: by itself with a code, or by a signal.
struct ExitStatus {
  int code = 0;
  int signal = 0;
  bool clean() const { return code == 0 && signal == 0; }
};

/// Starts and stops processes. Reports by `Platform::process_exited` (exactly once per started process) and
/// `Platform::process_output` (one line at a time).
class Processes {
 public:
  virtual ~Processes() = default;
  /// Fails: system (the errno of exec), so that a file that cannot run is known at once.
  virtual Result<ProcessId> spawn(const ProcessStart& start) = 0;
  virtual void freeze(ProcessId process) = 0;
  virtual void thaw(ProcessId process) = 0;
  /// SIGTERM, for an orderly end.
  virtual void terminate(ProcessId process) = 0;
  /// SIGKILL to the process and its children.
  virtual void kill(ProcessId process) = 0;
  /// Peak memory of all processes together, for `maxMemoryUsedMB`.
  virtual std::uint64_t memory_peak_bytes() { return 0; }
};

struct Destination {
  enum class Protocol : std::uint8_t { http, tcp } protocol = Protocol::http;
  std::string host;  // sandbox.localdomain or sandbox; 127.0.0.1 for tcp
  std::uint16_t port = 0;
  std::string path;  // starts with a slash

  friend bool operator==(const Destination&, const Destination&) = default;
};

using DeliveryId = std::uint64_t;

/// Sends telemetry to a listener: an HTTP POST of a JSON array, or lines over TCP.
/// The outcome is reported by `Platform::delivered`.
class Deliver {
 public:
  virtual ~Deliver() = default;
  virtual void post(DeliveryId delivery, const Destination& destination, std::string body) = 0;
};

enum class MarkKind : std::uint8_t {
  process_started,   // who: "runtime" or the extension
  registered,        // an extension was answered
  subscribed,        // an extension's telemetry subscription was answered
  extension_ready,   // an extension called next
  runtime_ready,     // the runtime called next
  initialised,       // init has ended well; the environment may be frozen
  init_failed,       // detail: the error type
  invoke_sent,       // detail: the request id
  response_started,  // detail: the request id
  response_done,     // detail: the request id
  process_exited,    // detail: how
  frozen,
  thawed,
  stopping,  // detail: the shutdown reason
  idle,      // processes are gone, the next invocation starts them again
  ended,     // processes are gone for good
};
std::string_view name(MarkKind kind);

struct Mark {
  MarkKind kind;
  std::string_view who;
  std::string_view detail;
  Now at;
};

/// What came of one invocation. `status` as in platform.report: success, error, timeout, failure.
struct InvocationOutcome {
  std::string request_id;
  std::string status;
  std::string error_type;           // empty: none
  std::string function_error_type;  // what the runtime posted to /error; the platform's status is success then
  std::string response;             // body of the response or of the error
  Nanoseconds duration{};           // as billed, extensions included
  Nanoseconds function_duration{};  // invoke sent until the runtime's next call
  Nanoseconds response_latency{};   // invoke sent until the response has been read
  Nanoseconds extension_overhead{};
};

class Watcher {
 public:
  virtual ~Watcher() = default;
  virtual void mark(const Mark&) {}
  virtual void invocation_ended(const InvocationOutcome&) {}
  /// Every telemetry event, subscribed or not. `record`: JSON.
  virtual void event(EpochTime, std::string_view /*type*/, std::string_view /*record*/) {}
};

}  // namespace stint::platform
