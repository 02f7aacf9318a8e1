// SPDX-License-Identifier: Apache-2.0
// Counts the heap allocations of the program it is linked into: malloc and its kin, and so operator new. For benchmarks
// and tests only; one thread at a time is counted right.
#pragma once

#include <cstdint>

namespace stint::bench {

/// Since the program's start. A realloc counts as one.
std::uint64_t allocation_count();

/// Called at every allocation from now on, with its size; it may allocate itself without being called again.
/// nullptr: no more.
using AllocationHook = void (*)(std::size_t size);
void set_allocation_hook(AllocationHook hook);

}  // namespace stint::bench
