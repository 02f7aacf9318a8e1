// SPDX-License-Identifier: Apache-2.0
// The three signals and what each is called in paths, services and messages.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "otlp/fields.h"

namespace stint::otlp {

enum class Signal : std::uint8_t { traces, metrics, logs };

inline constexpr std::array all_signals = {Signal::traces, Signal::metrics, Signal::logs};

struct SignalNames {
  std::string_view name;            // as in `service::pipelines`
  std::string_view url_path;        // of OTLP/HTTP
  std::string_view grpc_service;    // full name of the gRPC service
  std::string_view grpc_path;       // `:path` of its one method
  std::string_view items;           // what is counted
  std::string_view rejected_field;  // of the answer's partial_success
  MessageId request;
  MessageId response;
};

const SignalNames& names(Signal signal);
inline std::string_view name(Signal signal) { return names(signal).name; }

/// The signal called `traces`, `metrics` or `logs`.
std::optional<Signal> parse_signal(std::string_view name);

}  // namespace stint::otlp
