// SPDX-License-Identifier: Apache-2.0
// What a session wants to be sent next: small things copied behind each other, the large pieces of request bodies where
// they lie. The output owns a share of those, so that a request may be given up while it is being sent.
#pragma once

#include <sys/uio.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/block.h"

namespace stint::net {

class Http2Output {
 public:
  /// Pieces smaller than this are copied.
  static constexpr std::size_t direct_bytes_min = 1024;

  void append(std::string_view bytes) {
    copied_.append(bytes);
    size_ += bytes.size();
  }
  /// Requires: `piece` lies within `slice`.
  void append(const Slice& slice, std::string_view piece);
  void clear();

  /// Bytes in all.
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  /// All of it for one send. Valid until: append() or clear().
  std::span<const iovec> parts();

 private:
  struct Direct {
    std::size_t at;  // copied bytes before it
    Slice slice;
  };
  std::string copied_;
  std::vector<Direct> direct_;
  std::vector<iovec> parts_;
  std::size_t size_ = 0;
};

}  // namespace stint::net
