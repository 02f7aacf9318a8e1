// SPDX-License-Identifier: Apache-2.0
// When data goes out, as it is written in `service::flush` and STINT_FLUSH. What the words mean for an invocation is
// decided in lambda/flush_policy.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace stint::config {

enum class FlushKind : std::uint8_t { adaptive, end, continuous, periodic };

struct FlushPolicy {
  FlushKind kind = FlushKind::adaptive;
  Nanoseconds interval{};  // not more often than this; zero: in each invocation

  friend constexpr bool operator==(const FlushPolicy&, const FlushPolicy&) = default;
};

/// What parse_flush_policy() takes, for messages.
inline constexpr std::string_view flush_policy_forms =
    "adaptive, end, continuous or periodic, the last three also with "
    "an interval in milliseconds (periodic,20000)";
/// The most of `service::end_by_span`: a silence that is longer says nothing new.
inline constexpr Nanoseconds end_by_span_max = Seconds(1);
/// Between the flushes of `periodic` when no interval is written.
inline constexpr Nanoseconds periodic_flush_interval = Seconds(20);

/// "adaptive", "end", "end,<ms>", "continuous", "continuous,<ms>", "periodic", "periodic,<ms>"; up to a day.
/// Fails: nullopt.
std::optional<FlushPolicy> parse_flush_policy(std::string_view text);

/// For `checked<>`.
std::string wrong_flush_policy(const std::string& text);

}  // namespace stint::config
