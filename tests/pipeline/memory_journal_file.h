// SPDX-License-Identifier: Apache-2.0
// A disk in memory with room for one journal: it outlives the processes that open it, as the disk of a sandbox does,
// and can be damaged, cut, removed and filled at will.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "pipeline/journal_file.h"

namespace stint {

struct MemoryDisk {
  std::optional<std::string> bytes;  // without: there is no file
  bool locked = false;
  std::uint64_t free_bytes = 1u << 30;
  std::uint64_t file_bytes_max = UINT64_MAX;  // then the disk is full
  std::uint64_t writes = 0;
};

class MemoryJournalFile final : public JournalFile {
 public:
  /// `alive`: while false nothing reaches the disk any more, and the lock is gone: the process has been killed.
  /// Borrows: disk, and what `alive` refers to.
  explicit MemoryJournalFile(MemoryDisk& disk, std::function<bool()> alive = {})
      : disk_(disk), alive_(std::move(alive)) {}
  ~MemoryJournalFile() override { MemoryJournalFile::close(); }

  const std::string& path() const override { return path_; }

  Result<Found> open(Want want) override {
    if (!is_alive()) return system_error(EIO);
    if (!disk_.bytes && want == Want::existing) return Error{ErrorCode::not_found};
    if (disk_.locked) return Error{ErrorCode::in_use};
    if (!disk_.bytes) disk_.bytes.emplace();
    disk_.locked = holds_ = true;
    return Found{disk_.bytes->size(), disk_.free_bytes};
  }

  Result<> write(std::uint64_t offset, std::span<const iovec> parts) override {
    if (!is_alive()) return {};
    ++disk_.writes;
    std::string lost;
    std::string& bytes = disk_.bytes ? *disk_.bytes : lost;
    for (const iovec& part : parts) {
      const std::uint64_t end = offset + part.iov_len;
      if (end > disk_.file_bytes_max) return system_error(ENOSPC);
      if (bytes.size() < end) bytes.resize(end, '\0');
      bytes.replace(offset, part.iov_len, static_cast<const char*>(part.iov_base), part.iov_len);
      offset = end;
    }
    return {};
  }

  Result<std::size_t> read(std::uint64_t offset, std::span<char> into) override {
    if (!disk_.bytes || offset >= disk_.bytes->size()) return std::size_t{0};
    return disk_.bytes->copy(into.data(), into.size(), offset);
  }

  Result<std::uint64_t> size() override {
    if (!disk_.bytes) return Error{ErrorCode::not_found};
    return disk_.bytes->size();
  }

  void close() override {
    if (holds_ && is_alive()) disk_.locked = false;
    holds_ = false;
  }
  void remove() override {
    if (is_alive()) disk_.bytes.reset();
    close();
  }

 private:
  bool is_alive() const { return !alive_ || alive_(); }

  MemoryDisk& disk_;
  std::function<bool()> alive_;
  std::string path_ = "(memory)";
  bool holds_ = false;
};

}  // namespace stint
