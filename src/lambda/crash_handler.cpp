// SPDX-License-Identifier: Apache-2.0
#include "lambda/crash_handler.h"

#include <cxxabi.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <typeinfo>

#include "base/check.h"
#include "lambda/inert_mode.h"

namespace stint::lambda {
namespace {

constexpr int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS};
constexpr std::string_view signal_names[] = {"SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGSYS"};
constexpr int exit_code = 70;  // EX_SOFTWARE
// A stack that has overflowed cannot serve the handler. Pages cost nothing until they are touched.
constexpr std::size_t stack_bytes = 64u << 10;

// A text of bounded length in memory that was there before; what does not fit is cut.
class Text {
 public:
  Text& add(std::string_view part) {
    for (const char c : part) {
      if (size_ + 1 < sizeof bytes_) bytes_[size_++] = c;
    }
    bytes_[size_] = 0;
    return *this;
  }
  Text& add(std::uint64_t number, unsigned base = 10) {
    char digits[24];
    std::size_t count = 0;
    do digits[count++] = "0123456789abcdef"[number % base];
    while ((number /= base) != 0);
    std::reverse(digits, digits + count);
    return add(std::string_view(digits, count));
  }
  Text& add(int number) {
    if (number < 0) add("-");
    return add(static_cast<std::uint64_t>(number < 0 ? -static_cast<std::int64_t>(number) : number));
  }
  char* c_str() { return bytes_; }
  std::string_view view() const { return {bytes_, size_}; }

 private:
  char bytes_[512] = {};
  std::size_t size_ = 0;
};

// A signal handler is given nothing, so it has to find these. All zero until the first handler is made.
alignas(16) char handler_stack[stack_bytes];
std::atomic<const Handover*> armed = nullptr;
CrashHandlerSettings armed_settings{nullptr, nullptr};
std::atomic<bool> crashing = false;

[[noreturn]] void end(Text& reason) {
  Text line;
  line.add("stint: crashed: ").add(reason.view()).add("\n");
  (void)!::write(STDERR_FILENO, line.c_str(), line.view().size());
  ::_exit(exit_code);
}

void keep_over_execve(int descriptor) {
  const int flags = ::fcntl(descriptor, F_GETFD);
  if (flags >= 0) ::fcntl(descriptor, F_SETFD, flags & ~FD_CLOEXEC);
}

// Found by asking, so that nobody has to keep a list while nothing is wrong.
void keep_listening_sockets() {
  for (int descriptor = STDERR_FILENO + 1; descriptor < InertMode::descriptors_max; ++descriptor) {
    if (InertMode::is_listening(descriptor)) keep_over_execve(descriptor);
  }
}

std::uint64_t items_inside(const Handover& handover) {
  const DataCounters* const data = handover.data;
  if (data == nullptr) return 0;
  // What the journal has is no loss: the next start sends it.
  const std::uint64_t done = data->delivered + data->dropped_total() + data->journalled;
  const std::uint64_t taken = data->accepted + data->recovered;
  return taken > done ? taken - done : 0;
}

[[noreturn]] void become_inert(Text& reason) {
  const Handover* const handover = armed;
  // A second crash, in here, is the end.
  if (handover == nullptr || crashing.exchange(true)) end(reason);
  const Handover::Stage stage = handover->stage;
  if (stage == Handover::Stage::none) end(reason);
  const bool answer_expected = stage != Handover::Stage::registered;
  const int connection = answer_expected ? handover->connection.load() : no_handle;
  if (answer_expected) keep_over_execve(connection);
  keep_listening_sockets();
  Text stage_text, connection_text, telemetry_text, lost_text, authority, identifier;
  char option[] = "--inert";
  char* const arguments[] = {const_cast<char*>(armed_settings.program),
                             option,
                             stage_text.add(static_cast<int>(stage)).c_str(),
                             connection_text.add(connection).c_str(),
                             telemetry_text.add(handover->telemetry.load()).c_str(),
                             lost_text.add(items_inside(*handover)).c_str(),
                             authority.add(static_cast<const char*>(handover->authority)).c_str(),
                             identifier.add(static_cast<const char*>(handover->identifier)).c_str(),
                             reason.c_str(),
                             nullptr};
  ::execve(armed_settings.executable, arguments, environ);
  ::execve(armed_settings.program, arguments, environ);  // where there is no /proc
  end(reason.add("; it cannot start again: errno ").add(errno));
}

std::uint64_t instruction(const void* context) {
  const auto* const machine = static_cast<const ucontext_t*>(context);
#if defined(__x86_64__)
  return static_cast<std::uint64_t>(machine->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return machine->uc_mcontext.pc;
#else
  (void)machine;
  return 0;
#endif
}

void on_signal(int number, siginfo_t* info, void* context) {
  const int error_number = errno;
  Text reason;
  for (std::size_t i = 0; i < std::size(signals); ++i) {
    if (signals[i] == number) reason.add(signal_names[i]);
  }
  if (info->si_code <= 0) {
    reason.add(" sent by process ").add(static_cast<int>(info->si_pid));
  } else {
    reason.add(" for address 0x").add(reinterpret_cast<std::uintptr_t>(info->si_addr), 16);
  }
  reason.add(" at 0x").add(instruction(context), 16);
  errno = error_number;
  become_inert(reason);
}

void on_failed_check(const char* condition, const char* file, int line) {
  Text reason;
  reason.add("check failed: ").add(condition).add(" (").add(file).add(":").add(line).add(")");
  become_inert(reason);
}

[[noreturn]] void on_terminate() {
  Text reason;
  reason.add("std::terminate");
  if (const std::type_info* const type = abi::__cxa_current_exception_type()) reason.add(" of ").add(type->name());
  become_inert(reason);
}

void set_actions(bool ours) {
  struct sigaction action{};
  sigemptyset(&action.sa_mask);
  if (ours) {
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    action.sa_sigaction = on_signal;
  } else {
    action.sa_handler = SIG_DFL;
  }
  for (const int number : signals) ::sigaction(number, &action, nullptr);
}

}  // namespace

CrashHandler::CrashHandler(const Handover& handover, const CrashHandlerSettings& settings) {
  STINT_CHECK(armed == nullptr);
  armed_settings = settings;
  armed = &handover;
  stack_t stack{};
  stack.ss_sp = handler_stack;
  stack.ss_size = sizeof handler_stack;
  ::sigaltstack(&stack, nullptr);
  set_actions(true);
  set_check_failed_handler(on_failed_check);
  std::set_terminate(on_terminate);
}

CrashHandler::~CrashHandler() { armed = nullptr; }

}  // namespace stint::lambda
