// SPDX-License-Identifier: Apache-2.0
// What takes the extension's place after a crash: it keeps asking the platform for events, so that the function runs,
// and tells every sender to give up. A process of its own that shares no state with the one that crashed, one thread,
// one poll, little code, and no crash handler: a crash in here ends it, so there is no loop of crashes.
#pragma once

#include <poll.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "lambda/handover.h"
#include "lambda/inert_door.h"
#include "lambda/registration.h"

namespace stint::lambda {

/// The arguments behind `--inert`, as the crash handler writes them.
struct Inheritance {
  Handover::Stage stage = Handover::Stage::none;
  Handle connection = no_handle;  // with an answer to come; else none
  Handle telemetry = no_handle;   // the listening socket for the platform's deliveries, or none
  std::uint64_t items_lost = 0;
  ApiEndpoint endpoint;
  std::string identifier;
  std::string reason;
};
/// `arguments` begins behind `--inert`. Nothing: they are none of the crash handler's.
std::optional<Inheritance> parse_inheritance(std::span<char* const> arguments);

class InertMode {
 public:
  static constexpr int descriptors_max = 4096;
  static bool is_listening(int descriptor);

  explicit InertMode(Inheritance inheritance);
  InertMode(const InertMode&) = delete;
  InertMode& operator=(const InertMode&) = delete;

  /// Serves until the environment ends. The exit code.
  int run();

 private:
  enum class Step : std::uint8_t { goes_on, ended, failed };
  Step ask_for_next();
  Step read_answer();
  Step refused(std::string_view what) const;

  Inheritance inherited_;
  InertDoor door_;
  Handle connection_ = no_handle;
  std::size_t size_ = 0;  // of the answer so far
};

}  // namespace stint::lambda
