// SPDX-License-Identifier: Apache-2.0
// Where the debug exporter's lines go: standard output or a file, one system call per message, more only for long ones.
// On Lambda standard output is a pipe that somebody else empties: a message for which there is no room within a short
// wait is dropped and counted, for the one thread must go on. Nobody else's flags are changed to that end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stint::debug_text {

class Output {
 public:
  static constexpr std::size_t piece_bytes = 64u << 10;

  Output() = default;
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output();

  // One of the two comes first, once.
  /// Borrows: the descriptor, which stays open for as long as this lives.
  void attach(int descriptor);
  /// Opens (or makes) a file to append to. Fails: system.
  Result<> open(const std::string& path);

  /// One message: begin, any number of writes, end. False: there was no room for it, or nobody reads any more.
  void begin();
  void write(std::string_view text);
  bool end();

  std::uint64_t messages_dropped() const { return messages_dropped_; }

 private:
  enum class Kind : std::uint8_t {
    file,     // never waits
    own,      // a pipe, opened anew without waiting
    guarded,  // a pipe or terminal that could not be: asked for room before each small piece
    socket,
  };

  void flush();
  /// As write(2), but it never waits.
  std::ptrdiff_t try_write(std::string_view text);
  bool wait_for_room();

  int descriptor_ = -1;
  bool is_own_ = false;
  Kind kind_ = Kind::file;
  std::string text_;          // of the message, not yet written
  bool has_written_ = false;  // a part of the message is out
  bool is_lost_ = false;      // the message's rest is dropped
  bool is_torn_ = false;      // the last line that is out has no end
  bool is_stuck_ = false;     // the message before was lost: no waiting until there is room again
  int waits_left_ = 0;
  std::uint64_t messages_dropped_ = 0;
};

}  // namespace stint::debug_text
