// SPDX-License-Identifier: Apache-2.0
// Deliveries of the Telemetry API: every record is JSON and lies in the delivery, and only JSON is taken to its end.
// Input: the delivery.
#include "fuzz/fuzz.h"
#include "wire/json_reader.h"
#include "wire/platform_events.h"

namespace stint::fuzz {
namespace {

bool is_json(std::string_view text) {
  wire::JsonReader reader(text);
  const Result<wire::JsonToken> first = reader.next();
  if (!first || !reader.skip(*first)) return false;
  const Result<wire::JsonToken> end = reader.next();
  return end && *end == wire::JsonToken::end;
}

}  // namespace

void run(std::string_view delivery) {
  std::size_t events = 0;
  const Result<> read = wire::for_each_platform_event(delivery, [&](const wire::PlatformEvent& event) {
    ++events;
    STINT_CHECK(lies_within(event.record, delivery));
    STINT_CHECK(event.record.empty() || is_json(event.record));
    plant_bug({event.duration_ms.has_value(), event.dropped_bytes.has_value()}, delivery);
  });
  STINT_CHECK(!read || is_json(delivery));
  STINT_CHECK(events <= delivery.size() / 2);
}

}  // namespace stint::fuzz
