// SPDX-License-Identifier: Apache-2.0
// The command line of local-lambda: read, checked, and explained.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tools/lambda/otlp_backend.h"
#include "tools/lambda/settings.h"

namespace stint::platform {

/// A lack of memory that is played: who is killed in which invocation, and how long after its event went out.
struct Kill {
  Victim victim{};
  int invocation = 1;
  Nanoseconds after{};
};

struct Options {
  std::vector<std::string> extensions;  // paths of programs
  std::string function_directory;
  std::vector<std::string> runtime;  // command line, without the handler
  std::string config;
  std::vector<std::string> events;  // JSON, one after the other, the last one repeated
  int invocations = 3;
  Nanoseconds gap{};
  std::optional<std::size_t> concurrency;  // invocations at once
  std::vector<Kill> kills;
  std::string temporary_directory;  // mounted at /tmp
  bool private_network = false;
  bool backend = true;
  std::uint16_t backend_port = 0;
  BackendSettings backend_settings;
  std::string json_report;
  bool quiet = false;
  bool events_shown = false;
  Settings platform;
};

/// The options, or what is wrong with the command line.
std::variant<Options, std::string> parse_options(const std::vector<std::string>& arguments);
std::string_view usage();
/// `3s`, `250ms`, `1m30s`, `0`; nothing when it is no duration.
std::optional<Nanoseconds> parse_duration(std::string_view text);

}  // namespace stint::platform
