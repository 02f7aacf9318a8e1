// SPDX-License-Identifier: Apache-2.0
// snappy, as one block and framed, on libsnappy. Nothing is kept between calls. Both forms say how long they become, so
// the output is allocated once, after what cannot be was refused.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/block.h"
#include "base/result.h"

namespace stint::wire {

/// What HTTP calls "snappy" is one block; some senders write frames under that name, too: `any` tells by the first
/// bytes.
enum class SnappyFormat : std::uint8_t { block, framed, any };

/// The most bytes that `size` bytes can become. Requires: not `any`.
std::size_t snappy_bound(SnappyFormat format, std::size_t size);

/// Compresses `input` into `output`, returns the bytes written.
/// Requires: not `any`; output.size() is at least snappy_bound(format, input.size()).
std::size_t compress_snappy(SnappyFormat format, std::string_view input, std::span<char> output);

/// Decompresses the whole of `input` into one block of `pool`; without a byte a framed one is empty, a block malformed.
/// Fails: malformed (also wrong checksums and bytes after the end); too_large (more than `bytes_max`, before anything
/// is allocated); memory_full. After a failure all memory is back. Source: google/snappy, format_description.txt and
/// framing_format.txt.
Result<Slice> decompress_snappy(SnappyFormat format, std::string_view input, BlockPool& pool, std::size_t bytes_max);

}  // namespace stint::wire
