// SPDX-License-Identifier: Apache-2.0
// The file of a unix socket that is listened on: what a dead process left is removed before, ours at the end. Its
// permissions follow from the process's umask, as those of any file.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>

#include "base/result.h"

namespace stint::net {

/// Removes `path` if it is a socket on which nobody listens. Fails: in_use (somebody does, or it is no socket), system.
Result<> remove_dead_socket(const std::string& path);

/// Owns the file at a path: removes it at the end, unless another one lies there by then.
class SocketFile {
 public:
  SocketFile() = default;
  /// Requires: a socket was bound to `path` just now. Nothing is owned of a name without a file ("@name").
  explicit SocketFile(std::string path);
  SocketFile(SocketFile&& other) noexcept : path_(std::exchange(other.path_, {})), node_(other.node_) {}
  SocketFile& operator=(SocketFile&& other) noexcept;
  ~SocketFile() { remove(); }

  void remove();

 private:
  std::string path_;  // empty: no file
  ino_t node_ = 0;
};

}  // namespace stint::net
