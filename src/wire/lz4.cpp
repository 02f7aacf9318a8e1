// SPDX-License-Identifier: Apache-2.0
#include "wire/lz4.h"

#include <lz4.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "wire/checksum.h"
#include "wire/little_endian.h"

namespace stint::wire {
namespace {

constexpr std::uint32_t frame_magic = 0x184d2204;
constexpr std::uint32_t skippable_magic = 0x184d2a50;  // the last four bits are free
constexpr std::uint32_t plain_block = 0x80000000;
constexpr std::size_t window_bytes = 64u << 10;
constexpr std::size_t expansion_max = 255;
constexpr std::size_t first_guess_factor = 6;

// The two bytes of settings in a frame's head.
constexpr unsigned version_1 = 0x40;
constexpr unsigned independent_blocks = 0x20;
constexpr unsigned block_checksums = 0x10;
constexpr unsigned text_size = 0x08;
constexpr unsigned text_checksum = 0x04;
constexpr unsigned reserved = 0x02;
constexpr unsigned dictionary = 0x01;
constexpr unsigned largest_block = 7;  // 4 MiB

constexpr std::size_t head_bytes_max = 15;
constexpr std::size_t written_block_bytes_max = 4u << 20;

// 64 KiB, 256 KiB, 1 MiB, 4 MiB.
constexpr std::size_t block_bytes_max(unsigned size) { return std::size_t{1} << (8 + 2 * size); }

std::uint32_t head_checksum(std::string_view settings) { return xxhash32(settings) >> 8 & 0xff; }

// Takes numbers and pieces off the front. Fails: malformed, when there is not as much.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  bool at_end() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }
  Result<std::string_view> piece(std::size_t size) {
    if (rest_.size() < size) return Error{ErrorCode::malformed};
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  Result<std::uint64_t> number(std::size_t bytes) {
    const Result<std::string_view> taken = piece(bytes);
    if (!taken) return taken.error();
    return read_little_endian(*taken, bytes);
  }

 private:
  std::string_view rest_;
};

struct FrameHead {
  bool skipped = false;  // an application's own frame
  bool has(unsigned setting) const { return (settings & setting) != 0; }
  unsigned settings = 0;
  std::size_t block_text_bytes_max = 0;
  std::uint64_t text_bytes = 0;  // 0: not said
};

Result<FrameHead> read_head(Reader& reader) {
  FrameHead head;
  const Result<std::uint64_t> magic = reader.number(4);
  if (!magic) return magic.error();
  if ((*magic & ~std::uint64_t{15}) == skippable_magic) {
    const Result<std::uint64_t> size = reader.number(4);
    if (!size) return size.error();
    if (const auto skipped = reader.piece(*size); !skipped) return skipped.error();
    head.skipped = true;
    return head;
  }
  if (*magic != frame_magic) return Error{ErrorCode::malformed};
  const std::string_view settings = reader.rest();
  const Result<std::uint64_t> flags = reader.number(1);
  const Result<std::uint64_t> size = reader.number(1);
  if (!flags || !size) return Error{ErrorCode::malformed};
  head.settings = static_cast<unsigned>(*flags);
  const auto size_class = static_cast<unsigned>(*size) >> 4;
  const bool known = (head.settings & 0xc0) == version_1 && !head.has(reserved) && !head.has(dictionary);
  if (!known || size_class < 4 || size_class > 7 || (*size & 15) != 0) return Error{ErrorCode::malformed};
  head.block_text_bytes_max = block_bytes_max(size_class);
  if (head.has(text_size)) {
    const Result<std::uint64_t> text = reader.number(8);
    if (!text) return text.error();
    head.text_bytes = *text;
  }
  const std::size_t covered = settings.size() - reader.rest().size();
  const Result<std::uint64_t> checksum = reader.number(1);
  if (!checksum || *checksum != head_checksum(settings.substr(0, covered))) return Error{ErrorCode::malformed};
  return head;
}

struct FrameBlock {
  bool compressed = false;
  std::string_view content;  // empty: the frame's end
};

Result<FrameBlock> read_block(Reader& reader, const FrameHead& head) {
  const Result<std::uint64_t> size = reader.number(4);
  if (!size) return size.error();
  FrameBlock block;
  if (*size == 0) return block;
  block.compressed = (*size & plain_block) == 0;
  const Result<std::string_view> content = reader.piece(*size & ~std::uint64_t{plain_block});
  if (!content) return content.error();
  if (content->empty() || content->size() > head.block_text_bytes_max) return Error{ErrorCode::malformed};
  block.content = *content;
  if (head.has(block_checksums)) {
    const Result<std::uint64_t> checksum = reader.number(4);
    if (!checksum || *checksum != xxhash32(block.content)) return Error{ErrorCode::malformed};
  }
  return block;
}

// The text as it grows in its block.
class Decoder {
 public:
  Decoder(BlockPool& pool, std::size_t bytes_max) : pool_(pool), bytes_max_(bytes_max) {}

  Result<> decode_frame(Reader& reader) {
    const Result<FrameHead> head = read_head(reader);
    if (!head) return head.error();
    if (head->skipped) return {};
    if (const Result<> possible = expect(*head, reader.rest().size()); !possible) return possible;
    const std::size_t start = written_;
    for (;;) {
      const Result<FrameBlock> block = read_block(reader, *head);
      if (!block) return block.error();
      if (block->content.empty()) break;
      const std::size_t window = head->has(independent_blocks) ? 0 : std::min(written_ - start, window_bytes);
      const Result<> decoded = block->compressed ? append_compressed(block->content, head->block_text_bytes_max, window)
                                                 : append_plain(block->content);
      if (!decoded) return decoded;
    }
    const std::string_view text(block_.data() + start, written_ - start);
    if (head->has(text_size) && head->text_bytes != text.size()) return Error{ErrorCode::malformed};
    if (!head->has(text_checksum)) return {};
    const Result<std::uint64_t> checksum = reader.number(4);
    if (!checksum || *checksum != xxhash32(text)) return Error{ErrorCode::malformed};
    return {};
  }

  Slice finish() && {
    if (!block_) return Slice();
    const std::string_view text(block_.data(), written_);
    return Slice(std::move(block_), text);
  }

 private:
  std::size_t room() const { return std::min(block_.capacity(), bytes_max_) - written_; }

  // Makes room for what the frame says it becomes, or for a guess. What cannot be is refused without an allocation.
  Result<> expect(const FrameHead& head, std::size_t compressed_bytes) {
    if (head.text_bytes / expansion_max > compressed_bytes) return Error{ErrorCode::malformed};
    if (head.text_bytes > bytes_max_ - written_) return Error{ErrorCode::too_large};
    const std::size_t guess = std::min(compressed_bytes * first_guess_factor, bytes_max_ - written_);
    const std::size_t wanted = written_ + (head.has(text_size) ? head.text_bytes : guess);
    if (block_) return block_.grow(wanted);
    Result<Block> block = pool_.allocate(wanted);
    if (!block) return block.error();
    block_ = std::move(*block);
    return {};
  }

  Result<> grow() {
    const std::size_t now = written_ + room();
    if (now == bytes_max_) return Error{ErrorCode::too_large};
    return block_.grow(std::min(now * 2, bytes_max_));
  }

  Result<> append_plain(std::string_view text) {
    while (room() < text.size()) {
      if (const Result<> grown = grow(); !grown) return grown;
    }
    std::memcpy(block_.data() + written_, text.data(), text.size());
    written_ += text.size();
    return {};
  }

  // The library does not tell a block that is wrong from one that needs more room: it gets all that it may need.
  Result<> append_compressed(std::string_view content, std::size_t text_bytes_max, std::size_t window) {
    const std::size_t need_max = std::min(text_bytes_max, content.size() * expansion_max);
    for (;;) {
      char* const out = block_.data() + written_;
      const std::size_t space = std::min(room(), need_max);
      const int size = LZ4_decompress_safe_usingDict(content.data(), out, static_cast<int>(content.size()),
                                                     static_cast<int>(space), out - window, static_cast<int>(window));
      if (size >= 0) {
        written_ += static_cast<std::size_t>(size);
        return {};
      }
      if (space == need_max) return Error{ErrorCode::malformed};
      if (const Result<> grown = grow(); !grown) return grown;
    }
  }

  BlockPool& pool_;
  std::size_t bytes_max_;
  Block block_;
  std::size_t written_ = 0;
};

// One block with its head; plain where compressing does not make it smaller. Returns the place behind it.
char* append_block(char* out, std::string_view text) {
  char* const content = out + 4;
  const int size =
      LZ4_compress_default(text.data(), content, static_cast<int>(text.size()), static_cast<int>(text.size() - 1));
  if (size > 0) return write_little_endian(out, static_cast<std::uint32_t>(size), 4) + size;
  write_little_endian(out, text.size() | plain_block, 4);
  return std::copy(text.begin(), text.end(), content);
}

}  // namespace

std::size_t lz4_bound(std::size_t size) {
  const std::size_t blocks = size / written_block_bytes_max + 1;
  return head_bytes_max + size + 4 * (blocks + 2);  // the end and the checksum are as long as a block's head
}

std::size_t compress_lz4(std::string_view input, std::span<char> output) {
  STINT_CHECK(output.size() >= lz4_bound(input.size()));
  char* out = write_little_endian(output.data(), frame_magic, 4);
  const char* const settings = out;
  out = write_little_endian(out, version_1 | independent_blocks | text_size | text_checksum, 1);
  out = write_little_endian(out, largest_block << 4, 1);
  out = write_little_endian(out, input.size(), 8);
  out = write_little_endian(out, head_checksum({settings, out}), 1);
  for (std::string_view rest = input; !rest.empty();) {
    const std::string_view text = rest.substr(0, written_block_bytes_max);
    out = append_block(out, text);
    rest.remove_prefix(text.size());
  }
  out = write_little_endian(out, 0, 4);
  out = write_little_endian(out, xxhash32(input), 4);
  return static_cast<std::size_t>(out - output.data());
}

Result<Slice> decompress_lz4(std::string_view input, BlockPool& pool, std::size_t bytes_max) {
  Decoder decoder(pool, bytes_max);
  for (Reader reader(input); !reader.at_end();) {
    if (const Result<> decoded = decoder.decode_frame(reader); !decoded) return decoded.error();
  }
  return std::move(decoder).finish();
}

}  // namespace stint::wire
