// SPDX-License-Identifier: Apache-2.0
// One delivery of the Telemetry API, event by event: what the life cycle needs of it, and the record as it came.
// Unknown types, fields and any JSON inside a record pass; the bytes are borrowed and not changed.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

#include "base/result.h"

namespace stint::wire {

/// Absent texts are empty; texts are unescaped. Valid until: the callback returns.
struct PlatformEvent {
  std::string_view type;                         // "platform.runtimeDone"
  std::string_view time;                         // ISO 8601, UTC
  std::string_view record;                       // the JSON of the record as it came
  std::string_view request_id;                   // record.requestId
  std::string_view status;                       // record.status: success, failure, error, timeout
  std::string_view reason;                       // record.reason, of platform.logsDropped
  std::string_view error_type;                   // record.errorType
  std::optional<double> duration_ms;             // record.metrics.durationMs
  std::optional<std::uint64_t> dropped_records;  // record.droppedRecords
  std::optional<std::uint64_t> dropped_bytes;    // record.droppedBytes
};

/// Calls `sink` once for each object of the array, as soon as it has been read whole; other elements are passed over.
/// Fails: malformed (also when the document is no array), too_deep; the events before have been delivered.
/// Source: Lambda Telemetry API, schema versions 2022-07-01 to 2025-01-29.
using PlatformEventSink = void (*)(void* context, const PlatformEvent& event);
Result<> for_each_platform_event(std::string_view bytes, PlatformEventSink sink, void* context);

template <typename Callback>
Result<> for_each_platform_event(std::string_view bytes, Callback&& callback) {
  const PlatformEventSink sink = [](void* context, const PlatformEvent& event) {
    (*static_cast<std::remove_reference_t<Callback>*>(context))(event);
  };
  return for_each_platform_event(bytes, sink, &callback);
}

}  // namespace stint::wire
