// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <unistd.h>

#include <array>
#include <cctype>
#include <chrono>
#include <ctime>

namespace stint {
namespace {

LogLevel minimum_level = LogLevel::info;
LogFormat line_format = LogFormat::plain;
LogSink line_sink = nullptr;
void* line_sink_context = nullptr;

constexpr std::array<std::string_view, 5> level_names = {"debug", "info", "warn", "error", "fatal"};

void append_json_text(std::string& line, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      line.push_back('\\');
      line.push_back(c);
    } else if (c == '\n') {
      line.append("\\n");
    } else if (byte < 0x20) {
      constexpr char digits[] = "0123456789abcdef";
      line.append("\\u00").push_back(digits[byte >> 4]);
      line.push_back(digits[byte & 15]);
    } else {
      line.push_back(c);
    }
  }
}

void append_digits(std::string& line, unsigned number, int count) {
  char digits[4];
  for (int i = count; i-- > 0; number /= 10) digits[i] = static_cast<char>('0' + number % 10);
  line.append(digits, static_cast<std::size_t>(count));
}

// By the calendar of the standard library: that of libc reads the time zone's file even for UTC.
void append_timestamp(std::string& line) {
  using namespace std::chrono;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const sys_seconds time{seconds(now.tv_sec)};
  const sys_days day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  append_digits(line, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  append_digits(line.append("-"), static_cast<unsigned>(date.month()), 2);
  append_digits(line.append("-"), static_cast<unsigned>(date.day()), 2);
  append_digits(line.append("T"), static_cast<unsigned>(clock.hours().count()), 2);
  append_digits(line.append(":"), static_cast<unsigned>(clock.minutes().count()), 2);
  append_digits(line.append(":"), static_cast<unsigned>(clock.seconds().count()), 2);
  append_digits(line.append("."), static_cast<unsigned>(now.tv_nsec / 1'000'000), 3);
  line.append("Z");
}

}  // namespace

void set_log_level(LogLevel level) { minimum_level = level; }
void set_log_format(LogFormat format) { line_format = format; }
bool log_enabled(LogLevel level) { return level >= minimum_level; }

void set_log_sink(LogSink sink, void* context) {
  line_sink = sink;
  line_sink_context = context;
}

bool parse_log_level(std::string_view text, LogLevel& level) {
  std::string lower;
  for (const char c : text) lower.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  for (std::size_t i = 0; i < level_names.size(); ++i) {
    if (lower == level_names[i]) {
      level = static_cast<LogLevel>(i);
      return true;
    }
  }
  if (lower == "dpanic" || lower == "panic") {
    level = LogLevel::fatal;
    return true;
  }
  return false;
}

void log_line(LogLevel level, std::string_view message) {
  if (line_sink != nullptr) {
    line_sink(line_sink_context, level, message);
    return;
  }
  const std::string_view level_name = level_names[static_cast<std::size_t>(level)];
  std::string line;
  line.reserve(message.size() + 96);
  if (line_format == LogFormat::json) {
    line.append(R"({"timestamp":")");
    append_timestamp(line);
    line.append(R"(","level":")").append(level_name).append(R"(","logger":"stint","message":")");
    append_json_text(line, message);
    line.append("\"}\n");
  } else {
    append_timestamp(line);
    line.append(" ").append(level_name).append(" stint: ").append(message).push_back('\n');
  }
  const char* at = line.data();
  std::size_t left = line.size();
  while (left > 0) {
    const ssize_t written = ::write(STDERR_FILENO, at, left);
    if (written <= 0) return;  // a log that cannot be written is not worth a failed function
    at += written;
    left -= static_cast<std::size_t>(written);
  }
}

}  // namespace stint
