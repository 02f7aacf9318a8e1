// SPDX-License-Identifier: Apache-2.0
// Base64 with padding, as headers and keys use it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace stint::wire {

constexpr std::size_t base64_size(std::size_t bytes) { return (bytes + 2) / 3 * 4; }
/// Requires: room for base64_size(). Returns the end of what was written.
char* write_base64(char* out, std::string_view bytes);
void append_base64(std::string& out, std::string_view bytes);

/// Strict: padded, no blanks, unused bits zero. Fails: malformed; `out` is as before. Source: RFC 4648, section 4.
Result<> append_from_base64(std::string& out, std::string_view text);

}  // namespace stint::wire
