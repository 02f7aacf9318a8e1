// SPDX-License-Identifier: Apache-2.0
// The program's own log: one line per message on stderr, plain text or JSON (AWS_LAMBDA_LOG_FORMAT=JSON), written with
// one system call. The level and the format are the only process-wide state of the program.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace stint {

enum class LogLevel : std::uint8_t { debug, info, warn, error, fatal };
enum class LogFormat : std::uint8_t { plain, json };

void set_log_level(LogLevel level);
void set_log_format(LogFormat format);
bool log_enabled(LogLevel level);
/// Takes debug, info, warn, error, fatal (dpanic and panic as fatal), any case; false when it is none of them.
bool parse_log_level(std::string_view text, LogLevel& level);

/// Tests and the simulation take the lines here instead; nullptr: stderr again. `context` is handed back.
using LogSink = void (*)(void* context, LogLevel level, std::string_view message);
void set_log_sink(LogSink sink, void* context);

void log_line(LogLevel level, std::string_view message);

namespace detail {
inline void append(std::string& text, std::string_view part) { text.append(part); }
inline void append(std::string& text, const char* part) { text.append(part); }
inline void append(std::string& text, const std::string& part) { text.append(part); }
inline void append(std::string& text, char part) { text.push_back(part); }
template <std::integral T>
void append(std::string& text, T part) {
  char digits[24];
  text.append(digits, std::to_chars(digits, digits + sizeof digits, part).ptr);
}
}  // namespace detail

/// The parts (text, integers) one after the other as a string.
template <typename... Parts>
std::string concat(const Parts&... parts) {
  std::string text;
  (detail::append(text, parts), ...);
  return text;
}

/// `log(LogLevel::warn, "port ", port, " is in use")`
template <typename... Parts>
void log(LogLevel level, const Parts&... parts) {
  if (log_enabled(level)) log_line(level, concat(parts...));
}

}  // namespace stint
