// SPDX-License-Identifier: Apache-2.0
// Request ids, extension identifiers and trace ids drawn from one seed, so that a run can be repeated.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace stint::platform {

class Identifiers {
 public:
  explicit Identifiers(std::uint64_t seed) : state_(seed) {}

  /// A version 4 UUID in lower case.
  std::string uuid();
  /// `digits` lower-case hexadecimal digits, not all zero.
  std::string hex(int digits);

 private:
  std::uint64_t next();
  std::uint64_t state_;
};

/// Whether the text has the form of a UUID.
bool is_uuid(std::string_view text);

}  // namespace stint::platform
