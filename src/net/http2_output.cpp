// SPDX-License-Identifier: Apache-2.0
#include "net/http2_output.h"

namespace stint::net {

void Http2Output::append(const Slice& slice, std::string_view piece) {
  if (piece.size() < direct_bytes_min) return append(piece);
  direct_.push_back({copied_.size(), slice.part(piece)});
  size_ += piece.size();
}

void Http2Output::clear() {
  copied_.clear();
  direct_.clear();
  size_ = 0;
}

std::span<const iovec> Http2Output::parts() {
  parts_.clear();
  std::size_t at = 0;
  const auto add = [&](std::string_view bytes) {
    if (!bytes.empty()) parts_.push_back({const_cast<char*>(bytes.data()), bytes.size()});
  };
  for (const Direct& direct : direct_) {
    add(std::string_view(copied_).substr(at, direct.at - at));
    add(direct.slice.view());
    at = direct.at;
  }
  add(std::string_view(copied_).substr(at));
  return parts_;
}

}  // namespace stint::net
