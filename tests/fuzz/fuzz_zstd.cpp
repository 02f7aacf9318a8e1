// SPDX-License-Identifier: Apache-2.0
// The decompressor of zstd frames, and the way there and back.
#include "fuzz/compressed.h"

namespace stint::fuzz {

void run(std::string_view bytes) { run_compressed(wire::ContentEncoding::zstd, wire::ContentEncoding::zstd, bytes); }

}  // namespace stint::fuzz
