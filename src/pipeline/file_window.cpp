// SPDX-License-Identifier: Apache-2.0
#include "pipeline/file_window.h"

#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ranges>
#include <utility>

namespace stint {
namespace {

// A signal handler is given nothing, so it has to find these. The first two are set while a store is under way.
std::atomic<char*> stored_to = nullptr;
std::atomic<bool> page_missing = false;
struct sigaction others_action;

bool is_ours(const siginfo_t& info) {
  const char* const begin = stored_to;
  const auto* const address = static_cast<const char*>(info.si_addr);
  return info.si_code > 0 && begin != nullptr && address >= begin && address < begin + FileWindow::bytes;
}

// As if we had never been asked.
void hand_on(int number, siginfo_t* info, void* context) {
  if ((others_action.sa_flags & SA_SIGINFO) != 0) return others_action.sa_sigaction(number, info, context);
  const bool is_function = others_action.sa_handler != SIG_DFL && others_action.sa_handler != SIG_IGN;
  if (is_function) return others_action.sa_handler(number);
  ::sigaction(SIGBUS, &others_action, nullptr);
  if (info->si_code <= 0) ::raise(SIGBUS);  // else the same instruction does so again
}

// Puts memory of nobody's where the file was, so that the store can go on.
void on_bus_error(int number, siginfo_t* info, void* context) {
  const int error_number = errno;
  const bool goes_on = is_ours(*info) && ::mmap(stored_to, FileWindow::bytes, PROT_READ | PROT_WRITE,
                                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
  goes_on ? page_missing.store(true) : hand_on(number, info, context);
  errno = error_number;
}

void take_bus_errors() {
  struct sigaction action{};
  ::sigaction(SIGBUS, nullptr, &action);
  if ((action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == on_bus_error) return;
  others_action = action;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  action.sa_sigaction = on_bus_error;
  ::sigaction(SIGBUS, &action, nullptr);
}

}  // namespace

bool FileWindow::open(int file, std::uint64_t offset) {
  close();
  number_ = offset / bytes;
  void* const pages =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, static_cast<off_t>(number_ * bytes));
  if (pages == MAP_FAILED) return false;
  begin_ = static_cast<char*>(pages);
  take_bus_errors();
  return true;
}

void FileWindow::close() {
  if (begin_ != nullptr) ::munmap(std::exchange(begin_, nullptr), bytes);
}

bool FileWindow::store(std::uint64_t offset, std::span<const iovec> parts) {
  char* to = begin_ + offset % bytes;
  for (const iovec& part : parts) to += part.iov_len;
  stored_to = begin_;
  for (const iovec& part : std::views::reverse(parts)) {
    to -= part.iov_len;
    if (part.iov_len > 0) std::memcpy(to, part.iov_base, part.iov_len);
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  stored_to = nullptr;
  if (!page_missing.exchange(false)) return true;
  close();
  return false;
}

}  // namespace stint
