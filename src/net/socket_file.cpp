// SPDX-License-Identifier: Apache-2.0
#include "net/socket_file.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/address.h"

namespace stint::net {

Result<> remove_dead_socket(const std::string& path) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) return system_error(errno);
  const auto address = Address::unix_path(path);
  if (!S_ISSOCK(found.st_mode) || !address) return Error{ErrorCode::in_use};
  // Only a connection tells: refused at once when nobody listens, taken (or EAGAIN: all places taken) when somebody
  // does.
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return system_error(errno);
  const bool dead = ::connect(probe, address->native(), address->native_size()) != 0 && errno == ECONNREFUSED;
  ::close(probe);
  if (!dead) return Error{ErrorCode::in_use};
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return system_error(errno);
  return {};
}

SocketFile::SocketFile(std::string path) : path_(std::move(path)) {
  struct stat found{};
  if (::lstat(path_.c_str(), &found) == 0 && S_ISSOCK(found.st_mode)) {
    node_ = found.st_ino;
  } else {
    path_.clear();
  }
}

SocketFile& SocketFile::operator=(SocketFile&& other) noexcept {
  if (this != &other) {
    remove();
    path_ = std::exchange(other.path_, {});
    node_ = other.node_;
  }
  return *this;
}

void SocketFile::remove() {
  struct stat found{};
  if (!path_.empty() && ::lstat(path_.c_str(), &found) == 0 && found.st_ino == node_) ::unlink(path_.c_str());
  path_.clear();
}

}  // namespace stint::net
