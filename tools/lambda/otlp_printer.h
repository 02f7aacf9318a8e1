// SPDX-License-Identifier: Apache-2.0
// OTLP requests as a reader wants them: traces as trees with offsets and durations, metrics and logs as tables, each
// under its resource. Text only; nothing is kept of the request.
#pragma once

#include <string>
#include <string_view>

#include "otlp/view.h"

namespace stint::platform {

struct PrintSettings {
  std::size_t width = 120;  // of a line, in code points
};

/// Several lines, each ended. Requires: walk() accepted `request`.
std::string print_request(otlp::Signal signal, std::string_view request, const PrintSettings& settings = {});

/// A value on one line: text as it is at the top, in quotes inside lists and maps; bytes in hexadecimal.
std::string print_value(const otlp::AnyValue& value);
/// `key=value key=value`
std::string print_attributes(const otlp::Attributes& attributes);
std::string hex(std::string_view bytes);
/// "850 ns", "12.3 us", "4.56 ms", "1.2 s"
std::string print_duration(std::uint64_t nanoseconds);

}  // namespace stint::platform
