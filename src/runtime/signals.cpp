// SPDX-License-Identifier: Apache-2.0
#include "runtime/signals.h"

#include <sys/signalfd.h>

#include <cerrno>
#include <csignal>

#include "runtime/combine.h"

namespace stint {
namespace {

Task<bool> run_whole(Task<> task) {
  co_await std::move(task);
  co_return true;
}

}  // namespace

std::string_view signal_name(int number) { return number == SIGINT ? "SIGINT" : "SIGTERM"; }

Task<> run_until_signal(Runtime& runtime, Task<> stop, Signals& signals) {
  // A race has waited for all its operands, whichever was first.
  (void)co_await race(runtime, run_whole(std::move(stop)), signals.wait());
}

Result<TerminationSignals> TerminationSignals::open(Runtime& runtime) {
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  if (::sigprocmask(SIG_BLOCK, &signals, nullptr) != 0) return system_error(errno);
  const int handle = ::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  if (handle < 0) return system_error(errno);
  return TerminationSignals(Stream(runtime, handle, /*plain=*/true));
}

Task<Result<int>> TerminationSignals::wait() {
  signalfd_siginfo info;
  const Result<std::size_t> received = co_await stream_.receive(reinterpret_cast<char*>(&info), sizeof info);
  if (!received) co_return received.error();
  if (*received != sizeof info) co_return Error{ErrorCode::malformed};
  co_return static_cast<int>(info.ssi_signo);
}

}  // namespace stint
