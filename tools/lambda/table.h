// SPDX-License-Identifier: Apache-2.0
// Text in columns for a terminal: cells padded to their column, each line cut at a width. Widths are counted in code
// points; control characters never reach the terminal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stint::platform {

class Table {
 public:
  enum class Align : std::uint8_t { left, right };

  /// One alignment per column; the last column takes what is left of the line.
  explicit Table(std::vector<Align> columns) : columns_(std::move(columns)) {}

  /// Requires: as many cells as columns.
  void add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  /// Every line indented by `indent`, cut at `width` with "..." at the end, and ended with a newline.
  std::string text(std::size_t width, std::size_t indent = 2) const;

 private:
  std::vector<Align> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// `text` on one line: control characters as \n, \t or \xNN, bytes that are no UTF-8 as U+FFFD.
std::string printable(std::string_view text);
/// Code points of a printable text.
std::size_t display_width(std::string_view text);
/// Cut to `width` code points, with "..." as the last three when something is missing.
std::string shortened(std::string_view text, std::size_t width);

}  // namespace stint::platform
