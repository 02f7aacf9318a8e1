// SPDX-License-Identifier: Apache-2.0
#include "pipeline/journal_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <numeric>
#include <utility>

#include "pipeline/file_window.h"

namespace stint {
namespace {

// The mark of a record's end is not worth a window; a record is.
constexpr std::size_t smallest_for_window = 64;

std::size_t bytes_of(std::span<const iovec> parts) {
  return std::accumulate(parts.begin(), parts.end(), std::size_t{0},
                         [](std::size_t sum, const iovec& part) { return sum + part.iov_len; });
}

Result<> write_all(int file, std::uint64_t offset, const iovec& part) {
  const char* from = static_cast<const char*>(part.iov_base);
  std::size_t left = part.iov_len;
  while (left > 0) {
    const ssize_t written = ::pwrite(file, from, left, static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return system_error(written < 0 ? errno : EIO);
    from += written;
    left -= static_cast<std::size_t>(written);
    offset += static_cast<std::uint64_t>(written);
  }
  return {};
}

class SystemJournalFile final : public JournalFile {
 public:
  explicit SystemJournalFile(std::string path) : path_(std::move(path)) {}
  SystemJournalFile(const SystemJournalFile&) = delete;
  SystemJournalFile& operator=(const SystemJournalFile&) = delete;
  ~SystemJournalFile() override { SystemJournalFile::close(); }

  const std::string& path() const override { return path_; }

  Result<Found> open(Want want) override {
    // Beyond the limit of a file's size a write shall fail, not end the process.
    ::signal(SIGXFSZ, SIG_IGN);
    // Somebody may remove the file between two steps: then there is a second try, and no third.
    Result<Found> found = try_open(want);
    if (!found && found.error().code == ErrorCode::not_found && want == Want::any) found = try_open(want);
    if (!found) close();
    return found;
  }

  Result<> write(std::uint64_t offset, std::span<const iovec> parts) override {
    const std::size_t bytes = bytes_of(parts);
    if (can_store(offset, bytes)) {
      if (window_.store(offset, parts)) return {};
      written_end_ = std::min(written_end_, offset);
      return Error{ErrorCode::closed};
    }
    const Result<> written = write_by_call(offset, parts, bytes);
    if (written) written_end_ = std::max(written_end_, offset + bytes);
    return written;
  }

  Result<std::size_t> read(std::uint64_t offset, std::span<char> into) override {
    std::size_t size = 0;
    while (size < into.size()) {
      const ssize_t got = ::pread(file_, into.data() + size, into.size() - size, static_cast<off_t>(offset + size));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return system_error(errno);
      if (got == 0) break;
      size += static_cast<std::size_t>(got);
    }
    return size;
  }

  Result<std::uint64_t> size() override {
    struct stat found{};
    if (::fstat(file_, &found) != 0) return system_error(errno);
    if (found.st_nlink == 0) return Error{ErrorCode::not_found};
    const auto bytes = static_cast<std::uint64_t>(found.st_size);
    written_end_ = std::min(written_end_, bytes);
    return bytes;
  }

  void close() override {
    window_.close();
    if (file_ >= 0) ::close(std::exchange(file_, -1));
  }

  void remove() override {
    struct stat ours{};
    struct stat there{};
    if (::fstat(file_, &ours) == 0 && ::lstat(path_.c_str(), &there) == 0 && ours.st_ino == there.st_ino &&
        ours.st_dev == there.st_dev) {
      ::unlink(path_.c_str());
    }
    close();
  }

 private:
  Result<Found> try_open(Want want) {
    close();
    constexpr int flags = O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    bool is_there = want == Want::existing;
    if (!is_there) {
      file_ = ::open(path_.c_str(), flags | O_CREAT | O_EXCL, 0600);
      is_there = file_ < 0 && errno == EEXIST;
    }
    if (is_there) file_ = ::open(path_.c_str(), flags);
    if (file_ < 0) return errno == ENOENT ? Error{ErrorCode::not_found} : system_error(errno);
    struct stat found{};
    if (::fstat(file_, &found) != 0) return system_error(errno);
    if (!S_ISREG(found.st_mode) || found.st_uid != ::geteuid() || found.st_nlink > 1) {
      return Error{ErrorCode::permission_denied};
    }
    if (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
      return errno == EWOULDBLOCK ? Error{ErrorCode::in_use} : system_error(errno);
    }
    // Whoever held the lock before may have removed it.
    if (const Result<std::uint64_t> now = size(); !now) return now.error();
    struct statvfs space{};
    if (::fstatvfs(file_, &space) != 0) return system_error(errno);
    written_end_ = static_cast<std::uint64_t>(found.st_size);
    return Found{written_end_, std::uint64_t{space.f_bavail} * space.f_frsize};
  }

  // What was written before has its pages and its place on the disk, so it is written anew by stores alone: a call that
  // the processor has forgotten since the last invocation costs more than the bytes.
  bool can_store(std::uint64_t offset, std::size_t bytes) {
    if (offset + bytes > written_end_ || !FileWindow::fits(offset, bytes)) return false;
    return window_.has(offset) || (bytes >= smallest_for_window && window_.open(file_, offset));
  }

  Result<> write_by_call(std::uint64_t offset, std::span<const iovec> parts, std::size_t bytes) {
    if (parts.size() <= IOV_MAX) {
      const ssize_t written =
          ::pwritev(file_, parts.data(), static_cast<int>(parts.size()), static_cast<off_t>(offset));
      if (written >= 0 && static_cast<std::size_t>(written) == bytes) return {};
      if (written < 0 && errno != EINTR) return system_error(errno);
    }
    // Cut short: once more, part by part, to learn why.
    for (const iovec& part : parts) {
      if (const Result<> written = write_all(file_, offset, part); !written) return written;
      offset += part.iov_len;
    }
    return {};
  }

  std::string path_;
  int file_ = -1;
  std::uint64_t written_end_ = 0;  // the file is at least as long
  FileWindow window_;
};

}  // namespace

std::unique_ptr<JournalFile> make_journal_file(std::string path) {
  return std::make_unique<SystemJournalFile>(std::move(path));
}

}  // namespace stint
