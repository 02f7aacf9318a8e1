// SPDX-License-Identifier: Apache-2.0
// Rendering and collecting of diagnostics, and the guess at a misspelt name.
#include "config/diagnostic.h"

#include <algorithm>

#include "base/check.h"
#include "base/log.h"

namespace stint::config {

std::string Path::to_string() const {
  if (parent == nullptr) return std::string(key);
  std::string text = parent->to_string();
  if (index >= 0) return text.append(concat("[", index, "]"));
  if (!text.empty()) text.append("::");
  return text.append(key);
}

std::string Diagnostic::to_string() const {
  std::string text = file;
  if (line > 0) {
    if (!text.empty()) text.push_back(':');
    text.append(concat(line));
  }
  if (!text.empty()) text.append(": ");
  if (!key.empty()) text.append(key).append(": ");
  return text.append(message);
}

std::uint16_t Diagnostics::add_source(std::string_view name) {
  const auto found = std::find(sources_.begin(), sources_.end(), name);
  if (found != sources_.end()) return static_cast<std::uint16_t>(found - sources_.begin());
  STINT_CHECK(sources_.size() < UINT16_MAX);
  sources_.emplace_back(name);
  return static_cast<std::uint16_t>(sources_.size() - 1);
}

void Diagnostics::error(Position position, std::string key, std::string message) {
  add(Severity::error, position, std::move(key), std::move(message));
}

void Diagnostics::warn(Position position, std::string key, std::string message) {
  add(Severity::warning, position, std::move(key), std::move(message));
}

void Diagnostics::add(Severity severity, Position position, std::string key, std::string message) {
  for (const Diagnostic& known : list_) {
    if (known.line == position.line && known.column == position.column && known.key == key && known.message == message)
      return;
  }
  if (severity == Severity::error) ++error_count_;
  if (full()) return;
  std::string file = position.source < sources_.size() ? sources_[position.source] : std::string();
  list_.push_back({severity, std::move(file), position.line, position.column, std::move(key), std::move(message)});
}

std::string Diagnostics::errors_text() const {
  std::string text;
  std::size_t shown = 0;
  for (const Diagnostic& diagnostic : list_) {
    if (diagnostic.severity != Severity::error) continue;
    if (++shown > 1) text.push_back('\n');
    text.append(diagnostic.to_string());
  }
  if (error_count_ > shown) text.append(concat("\nand ", error_count_ - shown, " more"));
  return text;
}

namespace {

/// Insertions, deletions, substitutions and swaps of neighbours that lead from `a` to `b`.
/// Requires: both at most 64 bytes.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::uint8_t rows[3][65] = {};
  for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = static_cast<std::uint8_t>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::uint8_t* row = rows[i % 3];
    const std::uint8_t* above = rows[(i + 2) % 3];
    const std::uint8_t* two_above = rows[(i + 1) % 3];
    row[0] = static_cast<std::uint8_t>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      int best = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      best = std::min({best, above[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) best = std::min(best, two_above[j - 2] + 1);
      row[j] = static_cast<std::uint8_t>(best);
    }
  }
  return rows[a.size() % 3][b.size()];
}

}  // namespace

void NameGuess::consider(std::string_view known) {
  if (given_.size() > 64 || known.size() > 64) return;
  const std::size_t distance = edit_distance(given_, known);
  const std::size_t close = std::max<std::size_t>(1, std::min<std::size_t>(3, given_.size() / 3));
  if (distance <= close && distance < best_distance_) {
    best_ = known;
    best_distance_ = distance;
  }
}

std::string NameGuess::question() const {
  return best_.empty() ? std::string() : concat("; did you mean '", best_, "'?");
}

}  // namespace stint::config
