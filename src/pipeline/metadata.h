// SPDX-License-Identifier: Apache-2.0
// What a client sent beside its data: headers, or gRPC's metadata. Kept with a batch only where a receiver's
// include_metadata asks for it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/limits.h"

namespace stint {

class Metadata {
 public:
  /// False when it would be more than metadata_bytes_max.
  bool add(std::string_view name, std::string_view value) {
    if (name.size() + value.size() > limits::metadata_bytes_max - bytes_) return false;
    bytes_ += name.size() + value.size();
    entries_.emplace_back(std::string(name), std::string(value));
    for (char& c : entries_.back().first) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    }
    return true;
  }
  /// Calls `visit` with each value under `name`, which is in lower case, in their order.
  template <typename Visit>
  void each(std::string_view name, Visit visit) const {
    for (const auto& [key, value] : entries_) {
      if (key == name) visit(std::string_view(value));
    }
  }
  std::size_t bytes() const { return bytes_; }

 private:
  std::vector<std::pair<std::string, std::string>> entries_;  // names in lower case
  std::size_t bytes_ = 0;
};

}  // namespace stint
