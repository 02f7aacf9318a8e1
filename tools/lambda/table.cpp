// SPDX-License-Identifier: Apache-2.0
#include "tools/lambda/table.h"

#include <algorithm>

#include "base/check.h"
#include "tools/lambda/json_writer.h"

namespace stint::platform {

std::string printable(std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_sequence_length(text, at);
    const auto byte = static_cast<unsigned char>(text[at]);
    // C1 controls are U+0080 to U+009F: C2 80 to C2 9F.
    const bool c1 = length == 2 && byte == 0xC2 && static_cast<unsigned char>(text[at + 1]) < 0xA0;
    if (length == 0) {
      out.append("\xEF\xBF\xBD");
    } else if (byte == '\n' || byte == '\t') {
      out.append(byte == '\n' ? "\\n" : "\\t");
    } else if (byte < 0x20 || byte == 0x7F || c1) {
      const unsigned value = c1 ? static_cast<unsigned char>(text[at + 1]) : byte;
      out.append("\\x").push_back(digits[value >> 4]);
      out.push_back(digits[value & 15]);
    } else {
      out.append(text, at, length);
    }
    at += std::max<std::size_t>(length, 1);
  }
  return out;
}

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string shortened(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  const std::size_t kept = width > 3 ? width - 3 : 0;
  std::size_t at = 0;
  for (std::size_t points = 0; at < text.size(); ++at) {
    if ((static_cast<unsigned char>(text[at]) & 0xC0) != 0x80 && points++ == kept) break;
  }
  return std::string(text.substr(0, at)) + std::string("...").substr(0, width);
}

void Table::add(std::vector<std::string> cells) {
  STINT_CHECK(cells.size() == columns_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::text(std::size_t width, std::size_t indent) const {
  std::vector<std::size_t> widths(columns_.size(), 0);
  for (const std::vector<std::string>& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
  }
  std::string out;
  for (const std::vector<std::string>& row : rows_) {
    std::string line(indent, ' ');
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (widths[i] == 0) continue;
      const std::string padding(widths[i] - display_width(row[i]), ' ');
      const bool last = i + 1 == row.size();
      line += columns_[i] == Align::right ? padding + row[i] : row[i] + (last ? "" : padding);
      if (!last) line += "  ";
    }
    while (line.ends_with(' ')) line.pop_back();
    out += shortened(line, width) + "\n";
  }
  return out;
}

}  // namespace stint::platform
