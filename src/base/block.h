// SPDX-License-Identifier: Apache-2.0
// Memory for data. A `Block` is one reference-counted run of pages; a `Slice` is a piece of a block together with a
// share of it, so a slice may travel and be queued while bare views may not. Blocks come from a `BlockPool` that has a
// limit and reuses what comes back. One thread only: counts are not atomic.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/ticket.h"

namespace stint {

class BlockPool;

/// One owner's share of a block. Move-only; `share()` makes a second owner on purpose.
class Block {
 public:
  using ShowsOwnBytes = void;
  Block() = default;
  Block(Block&& other) noexcept : header_(std::exchange(other.header_, nullptr)) {}
  Block& operator=(Block&& other) noexcept {
    if (this != &other) {
      reset();
      header_ = std::exchange(other.header_, nullptr);
    }
    return *this;
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() { reset(); }

  explicit operator bool() const { return header_ != nullptr; }
  /// Valid until: the last share ends, or grow(). Of a temporary: deleted, it may be the last one.
  char* data() const&;
  char* data() const&& = delete;
  std::size_t capacity() const;
  /// True while nobody else holds a share; only then may the block grow.
  bool unique() const;
  Block share() const;
  void reset();

  /// Makes the capacity at least `size` bytes without copying a byte (the pages move).
  /// Requires: unique(). Views into the block end. Fails: memory_full; the block is as before.
  Result<> grow(std::size_t size);

 private:
  friend class BlockPool;
  struct Header;
  explicit Block(Header* header) : header_(header) {}
  Header* header_ = nullptr;
};

/// A view with its share of the block behind it, and of the ticket of the request it comes from. Move-only; `share()`
/// and `part()` make further owners.
class Slice {
 public:
  using ShowsOwnBytes = void;
  Slice() = default;
  /// Requires: `view` lies within the block, so a string's own bytes never are one.
  Slice(Block block, std::string_view view) : block_(std::move(block)), view_(view) {}
  template <std::same_as<std::string> String>
  Slice(Block block, const String& view) = delete;

  /// Valid until: the last share of the block ends. Of a temporary: deleted, it may be the last one.
  std::string_view view() const& { return view_; }
  std::string_view view() const&& = delete;
  std::size_t size() const { return view_.size(); }
  const Block& block() const& { return block_; }
  const Block& block() const&& = delete;
  Slice share() const { return Slice(block_.share(), view_, ticket_.share()); }
  /// Requires: `piece` lies within view().
  Slice part(std::string_view piece) const { return Slice(block_.share(), piece, ticket_.share()); }

  const Ticket& ticket() const { return ticket_; }
  /// Whoever writes the bytes of a slice anew hands on its ticket so.
  void attach(Ticket ticket) { ticket_ = std::move(ticket); }

 private:
  Slice(Block block, std::string_view view, Ticket ticket)
      : block_(std::move(block)), view_(view), ticket_(std::move(ticket)) {}
  Block block_;
  std::string_view view_;
  Ticket ticket_;
};

/// Hands out blocks of 16 KiB, 64 KiB, 256 KiB, 1 MiB, and above that of whole pages.
class BlockPool {
 public:
  static constexpr std::size_t smallest_bytes = 16u << 10;

  /// `bytes_max`: limit of all blocks out at one time. `retained_bytes_max`: free blocks kept for reuse, as long
  /// as they and the blocks that are out are within `bytes_max`; enough for what one batch sets free.
  /// `single_bytes_max`: one block at a time may be as large as this beyond the limit, so that a body that fits its own
  /// limit is not refused because it is large.
  explicit BlockPool(std::size_t bytes_max, std::size_t single_bytes_max = 0,
                     std::size_t retained_bytes_max = 8u << 20);
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;
  /// Requires: every block is back.
  ~BlockPool();

  /// A block with room for at least `size` bytes. Fails: memory_full.
  Result<Block> allocate(std::size_t size);

  std::size_t bytes_max() const { return bytes_max_; }
  /// What is left is for reading: a sender is told that memory is full only if there is room for its words.
  bool is_nearly_full() const { return in_use_ > bytes_max_ - bytes_max_ / 16; }
  /// No block can ever be larger.
  std::size_t block_bytes_max() const { return bytes_max_ > single_bytes_max_ ? bytes_max_ : single_bytes_max_; }
  /// Bytes of all blocks out now, and the most there ever were.
  std::size_t bytes_in_use() const { return in_use_ + single_; }
  std::size_t bytes_in_use_peak() const { return peak_; }
  /// Bytes of free blocks that are kept.
  std::size_t bytes_retained() const { return retained_; }
  std::size_t blocks_in_use() const { return blocks_in_use_; }
  /// Gives all free blocks back to the system.
  void trim();

 private:
  friend class Block;
  static constexpr std::size_t class_count = 4;
  static std::size_t mapping_size(std::size_t size);
  static std::size_t list_of(std::size_t mapping);
  Block::Header** find_free(std::size_t mapping);
  enum class Account : std::uint8_t { common, single };
  Result<Account> reserve(std::size_t bytes);
  void take(Account account, std::size_t bytes);
  void give_back(Account account, std::size_t bytes);
  void release(Block::Header* header);
  void unmap_first(Block::Header*& first);
  void make_room();

  std::size_t bytes_max_;
  std::size_t single_bytes_max_;
  std::size_t retained_bytes_max_;
  std::size_t in_use_ = 0;  // on the common account
  std::size_t single_ = 0;  // bytes of the one block beyond the limit; 0: it is not out
  std::size_t peak_ = 0;
  std::size_t blocks_in_use_ = 0;
  std::size_t retained_ = 0;
  Block::Header* free_[class_count + 1] = {};  // the last list: of all sizes above the classes
};

}  // namespace stint
