// SPDX-License-Identifier: Apache-2.0
// lz4's frame format around the blocks of liblz4. The frames are read and written here, because the library's own
// reader keeps up to 8 MiB for each: here every block lands behind the one before, where its window is.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/block.h"
#include "base/result.h"

namespace stint::wire {

/// The most bytes that `size` bytes can become.
std::size_t lz4_bound(std::size_t size);

/// Compresses `input` into `output` as one frame with its size and checksum, returns the bytes written.
/// Requires: output.size() is at least lz4_bound(input.size()).
std::size_t compress_lz4(std::string_view input, std::span<char> output);

/// Decompresses all frames of `input` into one block of `pool`; an empty input is an empty text. The block grows by
/// doubling unless the frames say how long they become.
/// Fails: malformed (also wrong checksums, what follows the last frame, dictionaries, the legacy format); too_large
/// (more than `bytes_max`, of which never more is allocated but a block's rounding); memory_full. After a failure all
/// memory is back. Source: lz4/lz4, doc/lz4_Frame_format.md.
Result<Slice> decompress_lz4(std::string_view input, BlockPool& pool, std::size_t bytes_max);

}  // namespace stint::wire
