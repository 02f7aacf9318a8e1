// SPDX-License-Identifier: Apache-2.0
// The program's log as a test sees it: its lines are kept here, and do not go to stderr.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"

namespace stint {

/// Takes the log from its making to its end. Requires: one at a time, for the log is the process's.
class TakenLog {
 public:
  TakenLog() {
    set_log_sink(
        [](void* taken, LogLevel, std::string_view line) { static_cast<TakenLog*>(taken)->lines_.emplace_back(line); },
        this);
  }
  TakenLog(const TakenLog&) = delete;
  TakenLog& operator=(const TakenLog&) = delete;
  ~TakenLog() { set_log_sink(nullptr, nullptr); }

  /// All lines, each with its end.
  std::string text() const {
    std::string text;
    for (const std::string& line : lines_) text.append(line).push_back('\n');
    return text;
  }
  /// How many lines hold `part`.
  std::size_t count(std::string_view part) const {
    const auto holds = [&](const std::string& line) { return line.find(part) != line.npos; };
    return static_cast<std::size_t>(std::count_if(lines_.begin(), lines_.end(), holds));
  }
  bool has(std::string_view part) const { return count(part) > 0; }

 private:
  std::vector<std::string> lines_;
};

}  // namespace stint
