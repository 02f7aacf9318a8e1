// SPDX-License-Identifier: Apache-2.0
// The records of the platform's own telemetry events as JSON text, one function per event type.
// Source: lambda-platform facts, section 3.2 (AWS Telemetry API schema reference).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/lambda/extensions_api.h"
#include "tools/lambda/settings.h"
#include "tools/lambda/telemetry.h"

namespace stint::platform {

struct Span {
  std::string_view name;
  EpochTime start;
  Nanoseconds duration;
};

struct Tracing {
  std::string span_id;
  std::string value;  // the X-Ray header
};

struct Report {
  std::string request_id;
  std::string_view status;
  std::string_view error_type;
  Nanoseconds duration{};
  std::optional<Nanoseconds> init_duration, restore_duration;
  std::uint64_t memory_peak_bytes = 0;
  std::vector<Span> spans;
};

struct RuntimeDone {
  std::string request_id;
  std::string_view status;
  std::string_view error_type;
  Nanoseconds duration{};
  std::size_t produced_bytes = 0;
  std::vector<Span> spans;
};

/// `phase`: init or invoke.
Event init_start_event(const Settings& settings, std::string_view phase, Now now);
Event init_runtime_done_event(const Settings& settings, std::string_view phase, std::string_view status,
                              std::string_view error_type, Now now);
Event init_report_event(const Settings& settings, std::string_view phase, std::string_view status,
                        std::string_view error_type, Nanoseconds duration, Now now);
Event restore_start_event(const Settings& settings, Now now);
Event restore_runtime_done_event(std::string_view status, Now now);
Event restore_report_event(std::string_view status, Nanoseconds duration, Now now);
Event extension_event(const Extension& extension, Now now);
Event subscription_event(const std::string& extension, const Subscription& subscription, Now now);
Event start_event(const Settings& settings, const std::string& request_id, const Tracing& tracing, Now now);
Event runtime_done_event(const RuntimeDone& done, const Tracing& tracing, Now now);
Event report_event(const Settings& settings, const Report& report, const Tracing& tracing, Now now);
/// A line that a process wrote. `kind`: function or extension. With the log format JSON a line that is a JSON object
/// becomes the record itself.
Event log_event(const Settings& settings, EventKind kind, std::string_view line, Now now);

/// Milliseconds that are billed: whole ones, init included.
std::int64_t billed_ms(const Report& report);

}  // namespace stint::platform
