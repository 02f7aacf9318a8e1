// SPDX-License-Identifier: Apache-2.0
// Writes JSON text front to back: it puts commas and quotes, the caller the structure. Text that is not UTF-8 is
// repaired with U+FFFD, so that whatever a process prints becomes valid JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace stint::platform {

class JsonWriter {
 public:
  /// `bracket`: '{' or '['.
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  JsonWriter& key(std::string_view name);
  JsonWriter& text(std::string_view value);
  JsonWriter& integer(std::int64_t value);
  /// Milliseconds as a decimal number with one to three decimals, as the platform writes durations.
  JsonWriter& milliseconds(Nanoseconds value);
  /// `json` as it is. Requires: it is JSON.
  JsonWriter& raw(std::string_view json);

  JsonWriter& field(std::string_view name, std::string_view value) { return key(name).text(value); }
  JsonWriter& integer_field(std::string_view name, std::int64_t value) { return key(name).integer(value); }

  std::string take() { return std::move(out_); }

 private:
  void separate();
  std::string out_;
  bool comma_ = false;
};

/// Length of the valid UTF-8 sequence at `at`, 0 when there is none (overlong forms and surrogates included).
std::size_t utf8_sequence_length(std::string_view text, std::size_t at);

/// `2022-10-12T00:00:15.064Z`
std::string iso_time(EpochTime time);

}  // namespace stint::platform
