// SPDX-License-Identifier: Apache-2.0
// Which messages are what is counted: resources, scopes, metrics and items. For whoever meets all messages of a
// request.
#pragma once

#include <array>
#include <cstdint>

#include "otlp/fields.h"
#include "otlp/walk.h"

namespace stint::otlp::detail {

class MessageCounter {
 public:
  void count(MessageId message) { ++counts_[slot_of_message[static_cast<std::size_t>(message)]]; }

  Counts counts(std::uint32_t invalid_utf8) const {
    return {counts_[resources], counts_[scopes], counts_[metrics], counts_[items], invalid_utf8};
  }

 private:
  enum Slot : std::uint8_t { none, resources, scopes, metrics, items, slots };

  static constexpr auto slot_of_message = [] {
    std::array<Slot, std::size(message_table)> result{};
    const auto set = [&result](Slot slot, auto... messages) {
      ((result[static_cast<std::size_t>(messages)] = slot), ...);
    };
    using enum MessageId;
    set(resources, ResourceSpans, ResourceMetrics, ResourceLogs);
    set(scopes, ScopeSpans, ScopeMetrics, ScopeLogs);
    set(metrics, Metric);
    set(items, Span, LogRecord, NumberDataPoint, HistogramDataPoint, ExponentialHistogramDataPoint, SummaryDataPoint);
    return result;
  }();

  std::array<std::uint32_t, slots> counts_{};
};

}  // namespace stint::otlp::detail
