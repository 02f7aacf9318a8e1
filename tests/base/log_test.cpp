// SPDX-License-Identifier: Apache-2.0
// The lines of the log as they stand on stderr.
#include "base/log.h"

#include <gtest/gtest.h>

#include <ctime>
#include <string>

namespace stint {
namespace {

std::string logged(LogFormat format, std::string_view message) {
  set_log_format(format);
  testing::internal::CaptureStderr();
  log_line(LogLevel::warn, message);
  set_log_format(LogFormat::plain);
  return testing::internal::GetCapturedStderr();
}

// Seconds since the epoch of the time that a line begins with, by the calendar of libc.
std::time_t time_of(const std::string& line) {
  std::tm parts{};
  const char* const end = ::strptime(line.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  return end == nullptr ? 0 : ::timegm(&parts);
}

// By the clock that the log reads: time() reads one that lags behind by some milliseconds.
std::time_t now() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec;
}

TEST(Log, WritesTimeLevelNameAndMessage) {
  const std::time_t before = now();
  const std::string line = logged(LogFormat::plain, "a port is taken");
  const std::time_t after = now();
  EXPECT_LE(before, time_of(line));
  EXPECT_GE(after, time_of(line));
  ASSERT_EQ(line.size(), std::string("2026-01-02T03:04:05.678Z warn stint: a port is taken\n").size());
  EXPECT_EQ(line[19], '.');
  EXPECT_EQ(line.substr(20, 3).find_first_not_of("0123456789"), std::string::npos);
  EXPECT_EQ(line.substr(23), "Z warn stint: a port is taken\n");
}

TEST(Log, EscapesWhatJsonWantsEscaped) {
  const std::string line = logged(LogFormat::json, "a \"b\"\n\x01");
  EXPECT_EQ(line.substr(0, 14), R"({"timestamp":")");
  EXPECT_EQ(line.substr(line.find("Z\"")),
            "Z\",\"level\":\"warn\",\"logger\":\"stint\",\"message\":\"a \\\"b\\\"\\n\\u0001\"}\n");
}

}  // namespace
}  // namespace stint
