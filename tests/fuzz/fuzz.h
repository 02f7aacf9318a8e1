// SPDX-License-Identifier: Apache-2.0
// What every fuzz target shares. A target is one file with one `run(input)`: it parses the input and checks what must
// hold of the outcome (STINT_CHECK), whatever the input is. The input lies in memory of exactly its size, so that a
// read behind its end is seen. The planted build of a target holds one bug more, to prove that bugs are found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/block.h"
#include "base/check.h"
#include "base/slices.h"

namespace stint::fuzz {

/// Defined by each target. Valid until: it returns.
void run(std::string_view input);

/// In the planted build: reads one byte behind the input when all conditions hold, as a parser's slip would. Only the
/// address sanitizer can notice. The loop shows libFuzzer how many hold, as the branches of a parser would.
[[gnu::noinline]] inline void plant_bug([[maybe_unused]] std::initializer_list<bool> conditions,
                                        [[maybe_unused]] std::string_view input) {
#ifdef STINT_PLANTED_BUG
  for (const bool holds : conditions) {
    if (!holds) return;
  }
  [[maybe_unused]] const volatile char byte = *(input.data() + input.size());
#endif
}

/// Settings are taken off the front of an input; the rest is what is parsed.
class Input {
 public:
  explicit Input(std::string_view bytes) : rest_(bytes) {}

  /// 0 when nothing is left.
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  std::size_t word() {
    const std::size_t high = byte();
    return high << 8 | byte();
  }
  /// The bytes up to the next NUL, which is dropped.
  std::string_view text() {
    const std::size_t end = rest_.find('\0');
    const std::string_view found = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    return found;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

/// True when `part` lies within `whole`; an empty one may lie anywhere.
inline bool lies_within(std::string_view part, std::string_view whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

/// A copy of exactly the size, so that the sanitizer sees the first byte behind it.
class ExactCopy {
 public:
  explicit ExactCopy(std::string_view bytes) : bytes_(new char[bytes.size()]), size_(bytes.size()) {
    bytes.copy(bytes_, size_);
  }
  ExactCopy(const ExactCopy&) = delete;
  ExactCopy& operator=(const ExactCopy&) = delete;
  ~ExactCopy() { delete[] bytes_; }
  std::string_view view() const { return {bytes_, size_}; }

 private:
  char* bytes_;
  std::size_t size_;
};

}  // namespace stint::fuzz
