// SPDX-License-Identifier: Apache-2.0
// The journal's file behind a seam, so that a simulated world can have a disk of its own. The real one lies where the
// function can write, too: links, foreign files and other kinds of file are refused, it is locked while it is open, and
// cutting it does not harm us. Every call blocks for as long as the page cache takes.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"

namespace stint {

class JournalFile {
 public:
  enum class Want : std::uint8_t { existing, any };
  struct Found {
    std::uint64_t bytes = 0;       // 0: new, or as good as new
    std::uint64_t free_bytes = 0;  // of the file system
  };

  JournalFile() = default;
  JournalFile(const JournalFile&) = delete;
  JournalFile& operator=(const JournalFile&) = delete;
  virtual ~JournalFile() = default;

  /// Where it lies, for people.
  virtual const std::string& path() const = 0;
  /// Opens and locks it; `any`: makes it where there is none.
  /// Fails: not_found (only `existing`), in_use (another process holds it), permission_denied (not a plain file of our
  /// own), system.
  virtual Result<Found> open(Want want) = 0;
  // From here on, Requires: open() succeeded.
  /// All of it or a failure; then any part of it may have been written. In a range that was written before, the first
  /// part is written last. Fails: closed (what was there is there no more: somebody has cut it; size() says how),
  /// system.
  virtual Result<> write(std::uint64_t offset, std::span<const iovec> parts) = 0;
  /// Fewer bytes than asked for: the file's end. Fails: system.
  virtual Result<std::size_t> read(std::uint64_t offset, std::span<char> into) = 0;
  /// Fails: not_found (it has been removed), system.
  virtual Result<std::uint64_t> size() = 0;
  virtual void close() = 0;
  /// Closes it, too. Another file that lies there by now stays.
  virtual void remove() = 0;
};

/// The real one.
std::unique_ptr<JournalFile> make_journal_file(std::string path);

}  // namespace stint
