// SPDX-License-Identifier: Apache-2.0
// Scalars: what a plain one is by the rules of the reference (Go's YAML 3), and the grammars of numbers and durations.
// Pure functions over borrowed bytes; nothing here allocates but the text they give back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace stint::config {

enum class ScalarType : std::uint8_t { null, boolean, integer, real, text };

/// The type of a plain (unquoted) scalar: `~` null, `true` boolean, `0123` and `0x1f` integer, `1e3` real, else text.
ScalarType scalar_type(std::string_view plain);

std::optional<bool> parse_boolean(std::string_view text);
/// Decimal, 0x, 0o, 0b, a leading 0 as octal, `_` between digits. Fails: nullopt, also out of range.
std::optional<std::int64_t> parse_integer(std::string_view text);
std::optional<std::uint64_t> parse_unsigned(std::string_view text);
/// Also `.inf`, `-.inf`, `.nan` and all integers.
std::optional<double> parse_real(std::string_view text);

/// Go's durations: a sign, then numbers with optional fraction and a unit of ns us µs ms s m h; `0` alone.
/// Fails: nullopt, also out of range.
std::optional<Nanoseconds> parse_duration(std::string_view text);
/// The shortest of its kind: "200ms", "5m", "1.5s", "0s".
std::string duration_text(Nanoseconds duration);

}  // namespace stint::config
