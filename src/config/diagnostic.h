// SPDX-License-Identifier: Apache-2.0
// What is wrong in a configuration, said so that its writer can mend it: file, line, key path, message. A `Diagnostics`
// collects all that is found in one go and owns the names of the sources, so that nodes carry a number only.
// No message may hold a secret: values that came out of an expansion and values of headers are never quoted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stint::config {

/// A place in a source. Lines and columns count from 1; line 0: the source as a whole.
struct Position {
  std::uint16_t source = 0;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

/// A key path on the stack, written out only when there is something to say about it.
/// Borrows: the parent and the key.
struct Path {
  const Path* parent = nullptr;
  std::string_view key;
  std::ptrdiff_t index = -1;  // 0 or more: an item of the parent's list, and `key` is unused

  Path child(std::string_view name) const { return Path{this, name, -1}; }
  Path item(std::size_t at) const { return Path{this, {}, static_cast<std::ptrdiff_t>(at)}; }
  /// "service::pipelines::traces::receivers[0]"; empty for the root.
  std::string to_string() const;
};

enum class Severity : std::uint8_t { error, warning };

struct Diagnostic {
  Severity severity;
  std::string file;
  std::uint32_t line;
  std::uint32_t column;
  std::string key;
  std::string message;

  /// "FILE:LINE: KEY: MESSAGE", without what is not known.
  std::string to_string() const;
};

/// Errors and warnings in the order in which they were found. The same one is kept once; beyond a hundred they are
/// counted only.
class Diagnostics {
 public:
  /// The number under which nodes name this source; the same name gets the same number.
  std::uint16_t add_source(std::string_view name);
  const std::string& source_name(std::uint16_t source) const { return sources_[source]; }

  void error(Position position, std::string key, std::string message);
  void warn(Position position, std::string key, std::string message);

  bool has_errors() const { return error_count_ > 0; }
  std::size_t error_count() const { return error_count_; }
  /// True when further diagnostics would be counted only: time to stop looking.
  bool full() const { return list_.size() >= kept_max; }
  const std::vector<Diagnostic>& list() const { return list_; }
  /// All errors, one per line, and how many more there were.
  std::string errors_text() const;

 private:
  static constexpr std::size_t kept_max = 100;
  void add(Severity severity, Position position, std::string key, std::string message);

  std::vector<Diagnostic> list_;
  std::vector<std::string> sources_;
  std::size_t error_count_ = 0;
};

/// The name among `known` that `given` was probably meant to be; empty when none is close.
/// Valid until: `known`'s own bytes end.
class NameGuess {
 public:
  explicit NameGuess(std::string_view given) : given_(given) {}
  void consider(std::string_view known);
  std::string_view best() const { return best_; }
  /// "; did you mean 'endpoint'?", or nothing.
  std::string question() const;

 private:
  std::string_view given_;
  std::string_view best_;
  std::size_t best_distance_ = static_cast<std::size_t>(-1);
};

}  // namespace stint::config
