// SPDX-License-Identifier: Apache-2.0
// Finds the records of a segment one after the other. Where a head is damaged the next one is looked for at every place
// where one may begin. It trusts no byte of the file, and holds no more of it than a window.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>

#include "pipeline/journal.h"

namespace stint {

class Journal::Reader {
 public:
  struct Record {
    std::uint64_t place;
    journal::RecordHead head;
  };

  /// `file_end`: no record ends beyond. Borrows: file.
  Reader(JournalFile& file, std::uint64_t file_end)
      : file_(file), file_end_(file_end), window_(std::make_unique<char[]>(window_bytes)) {}

  /// From now on records between the two places. A record that begins there may end beyond.
  void begin(std::uint64_t from, std::uint64_t end) {
    at_ = from;
    end_ = end;
    size_ = 0;  // states may have changed
  }

  /// Nothing: there is none left.
  std::optional<Record> next() {
    for (; at_ < end_; at_ += journal::record_alignment) {
      Record record{at_, {}};
      const std::string_view bytes = look(at_);
      if (bytes.empty()) return std::nullopt;
      if (!journal::read_head(bytes, record.head) || !fits(record)) continue;
      at_ += record.head.record_bytes();
      return record;
    }
    return std::nullopt;
  }

 private:
  static constexpr std::size_t window_bytes = 16u << 10;
  static constexpr std::uint64_t generation_max = std::uint64_t{1} << 62;  // no journal gets there

  // A record that is larger than a segment begins with one.
  bool fits(const Record& record) const {
    const std::uint64_t bytes = record.head.record_bytes();
    if (record.head.generation == 0 || record.head.generation > generation_max) return false;
    const bool begins_segment = (record.place - journal::file_head_bytes) % journal::segment_bytes == 0;
    if (bytes > journal::segment_bytes) return begins_segment && record.place + bytes <= file_end_;
    return record.place + bytes <= end_;
  }

  // The bytes there; fewer than a head: the file ends.
  std::string_view look(std::uint64_t place) {
    constexpr std::size_t wanted = sizeof(journal::RecordHead);
    if (place < from_ || place + wanted > from_ + size_) {
      const Result<std::size_t> size = file_.read(place, {window_.get(), window_bytes});
      from_ = place;
      size_ = size ? *size : 0;
    }
    const auto offset = static_cast<std::size_t>(place - from_);
    return {window_.get() + offset, std::min(wanted, size_ - offset)};
  }

  JournalFile& file_;
  std::uint64_t file_end_;
  std::unique_ptr<char[]> window_;
  std::uint64_t from_ = 0;  // of the window in the file
  std::size_t size_ = 0;    // and what of it is filled
  std::uint64_t at_ = 0, end_ = 0;
};

}  // namespace stint
