// SPDX-License-Identifier: Apache-2.0
// The entry that libFuzzer calls. It keeps nothing from call to call.
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  stint::fuzz::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
