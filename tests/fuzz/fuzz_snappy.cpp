// SPDX-License-Identifier: Apache-2.0
// The decompressor of snappy, framed and as one block, and the way there and back.
#include "fuzz/compressed.h"

namespace stint::fuzz {

void run(std::string_view bytes) {
  run_compressed(wire::ContentEncoding::x_snappy_framed, wire::ContentEncoding::snappy, bytes);
}

}  // namespace stint::fuzz
