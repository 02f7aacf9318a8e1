// SPDX-License-Identifier: Apache-2.0
// The body of PUT /2022-07-01/telemetry: parsed, and refused with the sentence that the 400 answer carries.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "tools/lambda/sandbox.h"

namespace stint::platform {

enum class EventKind : std::uint8_t { platform, function, extension };

struct Subscription {
  std::string schema_version;
  bool platform = false, function = false, extension = false;
  std::size_t items_max = 1000;
  std::size_t bytes_max = 262'144;
  Nanoseconds timeout = Milliseconds(1000);
  Destination destination;

  bool wants(EventKind kind) const {
    return kind == EventKind::platform ? platform : kind == EventKind::function ? function : extension;
  }
  /// Schema 2022-07-01 knows only text as the record of function and extension logs.
  bool text_records() const { return schema_version == "2022-07-01"; }
};

/// Either the subscription or what is wrong with the body, as a sentence.
std::variant<Subscription, std::string> parse_subscription(std::string_view body, Mode mode);

}  // namespace stint::platform
