// SPDX-License-Identifier: Apache-2.0
// The two checksums that compressed bodies carry and no library here offers: CRC-32C (framed snappy) and xxHash32
// (lz4).
#pragma once

#include <cstdint>
#include <string_view>

namespace stint::wire {

/// Source: RFC 3720, appendix B.4.
std::uint32_t crc32c(std::string_view bytes);

/// With seed 0. Source: the xxHash specification, "XXH32 algorithm description".
std::uint32_t xxhash32(std::string_view bytes);

}  // namespace stint::wire
