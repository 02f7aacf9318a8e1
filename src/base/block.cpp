// SPDX-License-Identifier: Apache-2.0
#include "base/block.h"

#include <sys/mman.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"

// clang asks for a feature, in an #if of its own because g++ 12 does not know the word; g++ defines a macro.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STINT_ADDRESS_SANITIZER
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define STINT_ADDRESS_SANITIZER
#endif

#ifdef STINT_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)0)
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)0)
#endif

namespace stint {

// Lies at the start of its own pages, so that a block is one mapping and moves as one.
struct alignas(64) Block::Header {
  BlockPool* pool;
  std::size_t mapping;  // bytes, header included
  std::uint32_t references;
  BlockPool::Account account;
  Header* next_free;
};

namespace {
constexpr std::size_t page_bytes = 4096;
constexpr std::size_t class_bytes[] = {16u << 10, 64u << 10, 256u << 10, 1u << 20};
constexpr std::size_t header_bytes = 64;
}  // namespace

char* Block::data() const& { return reinterpret_cast<char*>(header_) + header_bytes; }
std::size_t Block::capacity() const { return header_->mapping - header_bytes; }
bool Block::unique() const { return header_->references == 1; }

Block Block::share() const {
  if (header_ != nullptr) ++header_->references;
  return Block(header_);
}

void Block::reset() {
  if (header_ == nullptr) return;
  Header* const header = std::exchange(header_, nullptr);
  if (--header->references == 0) header->pool->release(header);
}

Result<> Block::grow(std::size_t size) {
  STINT_CHECK(unique());
  if (size <= capacity()) return {};
  BlockPool& pool = *header_->pool;
  const std::size_t mapping = BlockPool::mapping_size(size);
  if (mapping < size) return Error{ErrorCode::memory_full};
  // Accounted as a new block in place of the old one.
  const std::size_t old_mapping = header_->mapping;
  const BlockPool::Account old_account = header_->account;
  pool.give_back(old_account, old_mapping);
  const Result<BlockPool::Account> account = pool.reserve(mapping);
  if (account) pool.make_room();
  void* const moved = account ? ::mremap(header_, old_mapping, mapping, MREMAP_MAYMOVE) : MAP_FAILED;
  if (moved == MAP_FAILED) {
    if (account) pool.give_back(*account, mapping);
    pool.take(old_account, old_mapping);
    return Error{ErrorCode::memory_full};
  }
  header_ = static_cast<Header*>(moved);
  header_->mapping = mapping;
  header_->account = *account;
  // The moved pages may lie where a block once was given back in a poisoned state.
  ASAN_UNPOISON_MEMORY_REGION(header_, mapping);
  return {};
}

BlockPool::BlockPool(std::size_t bytes_max, std::size_t single_bytes_max, std::size_t retained_bytes_max)
    : bytes_max_(bytes_max),
      // The limit is of a body; its block is a little larger.
      single_bytes_max_(single_bytes_max == 0 ? 0 : single_bytes_max + (256u << 10)),
      retained_bytes_max_(retained_bytes_max) {}

BlockPool::~BlockPool() {
  STINT_CHECK(blocks_in_use_ == 0);
  trim();
}

std::size_t BlockPool::mapping_size(std::size_t size) {
  const std::size_t wanted = size + header_bytes;
  for (const std::size_t bytes : class_bytes) {
    if (wanted <= bytes) return bytes;
  }
  return (wanted + page_bytes - 1) / page_bytes * page_bytes;
}

std::size_t BlockPool::list_of(std::size_t mapping) {
  std::size_t list = 0;
  while (list < class_count && mapping > class_bytes[list]) ++list;
  return list;
}

// The place in its list of a free block that serves for `mapping` bytes; null: there is none.
Block::Header** BlockPool::find_free(std::size_t mapping) {
  Block::Header** place = &free_[list_of(mapping)];
  const std::size_t mapping_max = mapping + mapping / 4;  // above the classes no size comes twice
  while (*place != nullptr && ((*place)->mapping < mapping || (*place)->mapping > mapping_max)) {
    place = &(*place)->next_free;
  }
  return *place == nullptr ? nullptr : place;
}

Result<BlockPool::Account> BlockPool::reserve(std::size_t bytes) {
  Account account = Account::common;
  if (bytes > bytes_max_ || in_use_ > bytes_max_ - bytes) {
    const bool large = bytes > class_bytes[class_count - 1];
    if (!large || single_ > 0 || bytes > single_bytes_max_) return Error{ErrorCode::memory_full};
    account = Account::single;
  }
  take(account, bytes);
  return account;
}

void BlockPool::take(Account account, std::size_t bytes) {
  (account == Account::single ? single_ : in_use_) += bytes;
  peak_ = std::max(peak_, bytes_in_use());
}

void BlockPool::give_back(Account account, std::size_t bytes) {
  (account == Account::single ? single_ : in_use_) -= bytes;
}

Result<Block> BlockPool::allocate(std::size_t size) {
  std::size_t mapping = mapping_size(size);
  if (mapping < size) return Error{ErrorCode::memory_full};
  Block::Header** const place = find_free(mapping);
  if (place != nullptr) mapping = (*place)->mapping;
  const Result<Account> account = reserve(mapping);
  if (!account) return account.error();
  Block::Header* header = nullptr;
  if (place != nullptr) {
    header = std::exchange(*place, (*place)->next_free);
    retained_ -= mapping;
  } else {
    make_room();
    void* const pages = ::mmap(nullptr, mapping, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) {
      give_back(*account, mapping);
      return Error{ErrorCode::memory_full};
    }
    header = static_cast<Block::Header*>(pages);
  }
  ASAN_UNPOISON_MEMORY_REGION(header, mapping);
  *header = Block::Header{this, mapping, 1, *account, nullptr};
  ++blocks_in_use_;
  return Block(header);
}

void BlockPool::release(Block::Header* header) {
  const std::size_t mapping = header->mapping;
  give_back(header->account, mapping);
  --blocks_in_use_;
  if (retained_ + mapping > retained_bytes_max_) {
    ::munmap(header, mapping);
    return;
  }
  Block::Header*& first = free_[list_of(mapping)];
  header->next_free = std::exchange(first, header);
  retained_ += mapping;
  // Not the header: it holds the list.
  ASAN_POISON_MEMORY_REGION(reinterpret_cast<char*>(header) + header_bytes, mapping - header_bytes);
}

void BlockPool::unmap_first(Block::Header*& first) {
  Block::Header* const header = std::exchange(first, first->next_free);
  const std::size_t mapping = header->mapping;
  ASAN_UNPOISON_MEMORY_REGION(header, mapping);
  ::munmap(header, mapping);
  retained_ -= mapping;
}

// Before pages are mapped anew: free blocks of other sizes give way where all of them would be more than the limit.
void BlockPool::make_room() {
  for (std::size_t i = std::size(free_); i-- > 0;) {
    while (free_[i] != nullptr && in_use_ + retained_ > bytes_max_) unmap_first(free_[i]);
  }
}

void BlockPool::trim() {
  for (Block::Header*& first : free_) {
    while (first != nullptr) unmap_first(first);
  }
}

}  // namespace stint
