// SPDX-License-Identifier: Apache-2.0
// A part of a file in memory, to be written without a system call. Others may cut the file, or its disk may be full: a
// store that finds no page, which would be the end of the process (SIGBUS), is caught, and said by store().
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <span>

namespace stint {

class FileWindow {
 public:
  /// A multiple of every kernel's page.
  static constexpr std::size_t bytes = std::size_t{1} << 20;

  FileWindow() = default;
  FileWindow(const FileWindow&) = delete;
  FileWindow& operator=(const FileWindow&) = delete;
  ~FileWindow() { close(); }

  /// Whether one window can have the two ends of a range.
  static bool fits(std::uint64_t offset, std::size_t size) { return offset / bytes == (offset + size - 1) / bytes; }
  bool has(std::uint64_t offset) const { return begin_ != nullptr && offset / bytes == number_; }

  /// Opens the window that has `offset`; `file`, open for reading and writing, may be closed afterwards. Takes SIGBUS
  /// over from whoever had it and leaves to him what is not ours. False: this file cannot be mapped.
  bool open(int file, std::uint64_t offset);
  void close();

  /// Copies the parts one behind the other, the first of them last, so that whoever is killed meanwhile has not written
  /// the beginning. False: there is a page missing; what was written is lost, and the window closed.
  /// Requires: fits(), has(), and nobody else has taken SIGBUS since open().
  bool store(std::uint64_t offset, std::span<const iovec> parts);

 private:
  char* begin_ = nullptr;
  std::uint64_t number_ = 0;  // in the file
};

}  // namespace stint
