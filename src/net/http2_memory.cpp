// SPDX-License-Identifier: Apache-2.0
#include "net/http2_memory.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "base/check.h"

namespace stint::net {
namespace {

constexpr std::size_t smallest_bytes = 32;

}  // namespace

// Before each piece; as large as what the heap aligns to.
struct alignas(16) Http2Memory::Piece {
  std::size_t size;  // of what follows
  Piece* next;
};

Http2Memory::~Http2Memory() {
  STINT_CHECK(in_use_ == 0);
  for (Piece*& first : free_) {
    while (first != nullptr) {
      Piece* const next = first->next;
      std::free(first);  // NOLINT: it came from malloc
      first = next;
    }
  }
}

std::size_t Http2Memory::class_of(std::size_t size) {
  return static_cast<std::size_t>(std::bit_width((std::max(size, smallest_bytes) - 1) / smallest_bytes));
}

void* Http2Memory::allocate(std::size_t size) {
  const std::size_t list = class_of(size);
  if (list < class_count) size = smallest_bytes << list;
  Piece* piece = nullptr;
  if (list < class_count && free_[list] != nullptr) {
    piece = free_[list];
    free_[list] = piece->next;
    retained_ -= size;
  } else {
    if (size > std::numeric_limits<std::size_t>::max() - sizeof(Piece)) return nullptr;
    piece = static_cast<Piece*>(std::malloc(sizeof(Piece) + size));  // NOLINT
    if (piece == nullptr) return nullptr;
  }
  piece->size = size;
  ++in_use_;
  return piece + 1;
}

void Http2Memory::release(void* memory) {
  if (memory == nullptr) return;
  Piece* const piece = static_cast<Piece*>(memory) - 1;
  --in_use_;
  const std::size_t list = class_of(piece->size);
  if (list >= class_count || retained_ + piece->size > limits::http2_retained_bytes_max) {
    std::free(piece);  // NOLINT
    return;
  }
  piece->next = free_[list];
  free_[list] = piece;
  retained_ += piece->size;
}

void* Http2Memory::resize(void* memory, std::size_t size) {
  if (memory == nullptr) return allocate(size);
  const std::size_t old = (static_cast<Piece*>(memory) - 1)->size;
  if (size <= old) return memory;
  void* const larger = allocate(size);
  if (larger == nullptr) return nullptr;
  std::memcpy(larger, memory, old);
  release(memory);
  return larger;
}

}  // namespace stint::net
