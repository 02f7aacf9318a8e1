// SPDX-License-Identifier: Apache-2.0
// What the platform is told about the function, the programs it runs and the kind of environment it plays.
// Values only; defaults are those of the real platform where they are known.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"

namespace stint::platform {

using Variables = std::vector<std::pair<std::string, std::string>>;

enum class Mode : std::uint8_t { on_demand, provisioned_concurrency, snap_start, managed_instances };
/// The value of AWS_LAMBDA_INITIALIZATION_TYPE.
std::string_view initialization_type(Mode mode);
/// Descriptors of each process; 0: as many as the local machine grants.
std::size_t descriptors_max(Mode mode);

/// How PUT /telemetry is answered: served, 202 as local emulators do, 404 as old images do.
enum class TelemetrySupport : std::uint8_t { served, not_supported, not_found };

struct Function {
  std::string name = "function";
  std::string version = "$LATEST";
  std::string handler = "handler.handler";
  std::string account_id = "123456789012";
  std::string region = "us-east-1";
  std::string runtime_version = "python:3.11.v1";
  std::string task_root = "/var/task";
  std::string log_format = "Text";  // Text or JSON
  int memory_mb = 512;
  Nanoseconds timeout = Seconds(3);
  Variables environment;  // the function's own

  std::string arn() const { return "arn:aws:lambda:" + region + ":" + account_id + ":function:" + name; }
};

/// Whom the kernel kills when the sandbox is out of memory: one kind of process, or all of them.
enum class Victim : std::uint8_t { runtime, extensions, environment };

struct ExtensionProgram {
  std::string name;  // the file's name in /opt/extensions
  std::string path;  // argv[0] and what is executed
};

struct Settings {
  Function function;
  Mode mode = Mode::on_demand;
  std::size_t concurrency = 1;  // invocations at once; more than one on managed instances only
  TelemetrySupport telemetry = TelemetrySupport::served;
  std::vector<ExtensionProgram> extensions;  // started in this order
  std::vector<std::string> runtime;          // command line of the runtime
  std::string runtime_api;                   // value of AWS_LAMBDA_RUNTIME_API
  std::string sandbox_id = "2026/01/01/[$LATEST]0123456789abcdef";
  bool freeze = true;                     // stop the processes between invocations
  bool report_failed_invocations = true;  // the real platform sometimes gives no report for a killed invocation
  std::uint64_t seed = 1;                 // of request ids, extension identifiers and trace ids

  Nanoseconds init_timeout = Seconds(10);
  Nanoseconds runtime_termination = Milliseconds(300);
  Nanoseconds shutdown_budget = Milliseconds(2000);
  Nanoseconds shutdown_budget_internal_only = Milliseconds(500);

  std::size_t extensions_max = 10;
  std::size_t response_bytes_max = 6'291'556;  // buffered responses; streamed ones are not cut
  Nanoseconds telemetry_delay{};               // of each delivery, beyond what its subscriber asked for
  std::size_t telemetry_queue_bytes_max = 8u << 20;
  int delivery_attempts_max = 10;
  Nanoseconds delivery_backoff_first = Milliseconds(100);
  Nanoseconds delivery_backoff_max = Seconds(2);
};

}  // namespace stint::platform
