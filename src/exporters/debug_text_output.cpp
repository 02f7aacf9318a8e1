// SPDX-License-Identifier: Apache-2.0
#include "exporters/debug_text_output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "base/log.h"

namespace stint::debug_text {
namespace {

constexpr int wait_ms = 10;
constexpr int waits_max = 5;  // without room, per message

}  // namespace

Output::~Output() {
  if (is_own_) ::close(descriptor_);
}

void Output::attach(int descriptor) {
  descriptor_ = descriptor;
  struct stat state{};
  if (::fstat(descriptor, &state) != 0) return;
  if (S_ISSOCK(state.st_mode)) {
    kind_ = Kind::socket;
  } else if (S_ISFIFO(state.st_mode)) {
    // O_NONBLOCK belongs to the open file, which the pipe's other writers share: this opens a file of our own.
    const int own = ::open(concat("/proc/self/fd/", descriptor).c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    kind_ = own >= 0 ? Kind::own : Kind::guarded;
    if (own >= 0) descriptor_ = own, is_own_ = true;
  } else if (S_ISCHR(state.st_mode)) {
    kind_ = Kind::guarded;
  }
}

Result<> Output::open(const std::string& path) {
  const int opened = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0666);
  if (opened < 0) return system_error(errno);
  descriptor_ = opened;
  is_own_ = true;
  kind_ = Kind::own;
  return {};
}

void Output::begin() {
  text_.clear();
  if (is_torn_) text_.push_back('\n');
  has_written_ = false;
  is_lost_ = false;
  waits_left_ = is_stuck_ ? 0 : waits_max;
}

void Output::write(std::string_view text) {
  text_.append(text);
  if (text_.size() >= piece_bytes) flush();
}

bool Output::end() {
  flush();
  is_stuck_ = is_lost_;
  if (!is_lost_) {
    is_torn_ = false;
    return true;
  }
  is_torn_ = is_torn_ || has_written_;
  ++messages_dropped_;
  return false;
}

void Output::flush() {
  std::string_view left = text_;
  while (!left.empty() && !is_lost_) {
    const std::ptrdiff_t written = try_write(left);
    if (written > 0) {
      has_written_ = true;
      left.remove_prefix(static_cast<std::size_t>(written));
    } else if (written < 0 && errno == EINTR) {
      continue;
    } else if (written < 0 && errno == EAGAIN) {
      is_lost_ = !wait_for_room();
    } else {
      is_lost_ = true;
    }
  }
  text_.clear();
}

std::ptrdiff_t Output::try_write(std::string_view text) {
  if (kind_ == Kind::socket) return ::send(descriptor_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (kind_ == Kind::guarded) {
    pollfd room{descriptor_, POLLOUT, 0};
    const int ready = ::poll(&room, 1, 0);
    if (ready <= 0) {
      if (ready == 0) errno = EAGAIN;
      return -1;
    }
    text = text.substr(0, PIPE_BUF);  // as much as a pipe that is ready has room for
  }
  return ::write(descriptor_, text.data(), text.size());
}

bool Output::wait_for_room() {
  for (; waits_left_ > 0; --waits_left_) {
    pollfd room{descriptor_, POLLOUT, 0};
    if (::poll(&room, 1, wait_ms) > 0) return true;
  }
  return false;
}

}  // namespace stint::debug_text
