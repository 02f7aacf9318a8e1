// SPDX-License-Identifier: Apache-2.0
#include "bench/allocations.h"

#include <cerrno>
#include <cstddef>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#define STINT_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STINT_ADDRESS_SANITIZER 1
#endif
#endif

namespace stint::bench {
namespace {

// Plain statics of a trivial type: malloc is called before any constructor.
std::uint64_t count = 0;
AllocationHook hook = nullptr;

void allocated(std::size_t size) {
  ++count;
  if (const AllocationHook called = std::exchange(hook, nullptr); called != nullptr) {
    called(size);
    hook = called;
  }
}

#ifdef STINT_ADDRESS_SANITIZER
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void*, std::size_t),
                                                         void (*)(const volatile void*));

const int installed = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, std::size_t size) { allocated(size); }, [](const volatile void*) {});
#endif

}  // namespace

std::uint64_t allocation_count() { return count; }
void set_allocation_hook(AllocationHook wanted) { hook = wanted; }

}  // namespace stint::bench

// The sanitizer has a malloc of its own and calls back; elsewhere ours stand before the C library's.
#ifndef STINT_ADDRESS_SANITIZER
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);

void* malloc(std::size_t size) {
  stint::bench::allocated(size);
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  stint::bench::allocated(count * size);
  return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) {
  stint::bench::allocated(size);
  return __libc_realloc(memory, size);
}
void* memalign(std::size_t alignment, std::size_t size) {
  stint::bench::allocated(size);
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) { return memalign(alignment, size); }
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  *memory = memalign(alignment, size);
  return *memory != nullptr ? 0 : ENOMEM;
}
}
#endif
