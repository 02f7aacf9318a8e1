// SPDX-License-Identifier: Apache-2.0
// The decompressor of lz4 frames, and the way there and back.
#include "fuzz/compressed.h"

namespace stint::fuzz {

void run(std::string_view bytes) { run_compressed(wire::ContentEncoding::lz4, wire::ContentEncoding::lz4, bytes); }

}  // namespace stint::fuzz
