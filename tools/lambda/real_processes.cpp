// SPDX-License-Identifier: Apache-2.0
#include "tools/lambda/real_processes.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <ctime>

#include "base/log.h"

namespace stint::platform {
namespace {

constexpr std::size_t line_bytes_max = 256u << 10;  // a longer line is cut, as the platform does

struct Pipe {
  int read = -1, write = -1;
  bool open() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return false;
    read = ends[0];
    write = ends[1];
    return true;
  }
  static void close(int& end) {
    if (end >= 0) ::close(std::exchange(end, -1));
  }
  ~Pipe() {
    close(read);
    close(write);
  }
};

// What the child says before exec, and if that failed, why.
struct Report {
  timespec executed{};
  int error = 0;
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> merged_environment(const Variables& base, const Variables& own) {
  std::vector<std::string> result;
  const auto overridden = [&](const std::string& name) {
    for (const auto& [own_name, value] : own) {
      if (own_name == name) return true;
    }
    return false;
  };
  for (const auto& [name, value] : base) {
    if (!overridden(name)) result.push_back(concat(name, "=", value));
  }
  for (const auto& [name, value] : own) result.push_back(concat(name, "=", value));
  return result;
}

// A program without a slash is looked for in the PATH of the environment it will have.
std::string find_program(const std::string& program, const std::vector<std::string>& environment) {
  if (program.find('/') != program.npos) return program;
  for (const std::string& variable : environment) {
    if (!variable.starts_with("PATH=")) continue;
    std::string_view rest = std::string_view(variable).substr(5);
    while (!rest.empty()) {
      const std::size_t colon = rest.find(':');
      std::string candidate = std::string(rest.substr(0, colon)) + "/" + program;
      if (::access(candidate.c_str(), X_OK) == 0) return candidate;
      rest = colon == rest.npos ? std::string_view() : rest.substr(colon + 1);
    }
  }
  return program;
}

// As many as may be had, where the machine's own limit is lower.
bool limit_descriptors(std::size_t most) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  limit.rlim_max = std::min<rlim_t>(limit.rlim_max, most);
  limit.rlim_cur = limit.rlim_max;
  return ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

// In the child: only async-signal-safe calls from here on.
[[noreturn]] void become(const char* program, char* const* arguments, char* const* environment, const char* directory,
                         std::size_t descriptors_max, int output, int error, int report) {
  Report said;
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(error, STDERR_FILENO);
  const int nothing = ::open("/dev/null", O_RDONLY);
  if (nothing >= 0) ::dup2(nothing, STDIN_FILENO);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  if (directory[0] != '\0' && ::chdir(directory) != 0) said.error = errno;
  if (descriptors_max != 0 && !limit_descriptors(descriptors_max)) said.error = errno;
  ::clock_gettime(CLOCK_MONOTONIC, &said.executed);
  if (said.error == 0) {
    (void)!::write(report, &said, sizeof said);
    ::execve(program, arguments, environment);
    said.error = errno;
  }
  (void)!::write(report, &said, sizeof said);
  ::_exit(127);
}

std::string read_file(const std::string& path) {
  std::string text;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return text;
  char buffer[4096];
  for (ssize_t size = 0; (size = ::read(file, buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(size));
  }
  ::close(file);
  return text;
}

// `VmRSS:     1234 kB`
std::uint64_t status_bytes(const std::string& status, std::string_view key) {
  const std::size_t at = status.find(key);
  if (at == status.npos) return 0;
  const std::size_t digit = status.find_first_of("0123456789", at);
  std::uint64_t kib = 0;
  std::from_chars(status.data() + digit, status.data() + status.size(), kib);
  return kib << 10;
}

MonotonicTime monotonic(const timespec& time) {
  return MonotonicTime(Seconds(time.tv_sec) + Nanoseconds(time.tv_nsec));
}

}  // namespace

RealProcesses::RealProcesses(Runtime& runtime, Variables base)
    : runtime_(runtime), base_(std::move(base)), scope_(runtime) {}

Result<ProcessId> RealProcesses::spawn(const ProcessStart& start) {
  Pipe output, error, report;
  if (start.arguments.empty()) return system_error(ENOENT);
  if (!output.open() || !error.open() || !report.open()) return system_error(errno);
  std::vector<std::string> arguments = start.arguments, environment = merged_environment(base_, start.environment);
  const std::string program = find_program(start.arguments.front(), environment);
  const std::vector<char*> argument_pointers = pointers(arguments), environment_pointers = pointers(environment);

  const pid_t pid = ::fork();
  if (pid < 0) return system_error(errno);
  if (pid == 0) {
    become(program.c_str(), argument_pointers.data(), environment_pointers.data(), start.directory.c_str(),
           start.descriptors_max, output.write, error.write, report.write);
  }
  ::setpgid(pid, pid);
  Pipe::close(report.write);
  Report said;
  for (Report next; ::read(report.read, &next, sizeof next) == sizeof next;) said = next;
  if (said.error != 0) {
    ::waitpid(pid, nullptr, 0);
    return system_error(said.error);
  }
  for (const int end : {output.read, error.read}) ::fcntl(end, F_SETFL, O_NONBLOCK);
  auto process = std::make_unique<Process>();
  process->name = start.name;
  process->pid = pid;
  process->executed_at = monotonic(said.executed);
  process->pidfd = Stream(runtime_, static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)), true);
  STINT_CHECK(process->pidfd);
  process->output = Stream(runtime_, std::exchange(output.read, -1), true);
  process->error = Stream(runtime_, std::exchange(error.read, -1), true);
  const ProcessId id = ++last_;
  Process& watched = *processes_.emplace(id, std::move(process)).first->second;
  scope_.spawn(watch(id, watched));
  return id;
}

void RealProcesses::signal(ProcessId process, int number) {
  const auto found = processes_.find(process);
  if (found == processes_.end() || !found->second->alive) return;
  if (number == SIGKILL || number == SIGTERM) ::kill(-found->second->pid, SIGCONT);
  ::kill(-found->second->pid, number);
}

Task<> RealProcesses::watch(ProcessId id, Process& process) {
  std::string output, error;
  Scope readers(runtime_);
  readers.spawn(read_lines(id, process.output, output));
  readers.spawn(read_lines(id, process.error, error));
  (void)co_await process.pidfd.readable();
  // Its memory and clocks are gone with waitid; children that it left behind go with it.
  process.alive = false;
  ::kill(-process.pid, SIGKILL);
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(process.pid), &info, WEXITED);
  readers.cancel();
  co_await readers.join();
  drain(id, process.output, output);
  drain(id, process.error, error);
  process.output.close();
  process.error.close();
  process.pidfd.close();
  const bool exited = info.si_code == CLD_EXITED;
  listener_->process_exited(id, exited ? ExitStatus{info.si_status, 0} : ExitStatus{0, info.si_status});
}

Task<> RealProcesses::read_lines(ProcessId id, Stream& stream, std::string& pending) {
  std::string buffer(8192, '\0');
  for (;;) {
    const Result<std::size_t> size = co_await stream.receive(buffer.data(), buffer.size());
    if (!size || *size == 0) co_return;
    pending.append(buffer, 0, *size);
    take_lines(id, pending);
  }
}

// What the process wrote last, after it ended: nothing may wait here, for a child may still hold the pipe.
void RealProcesses::drain(ProcessId id, Stream& stream, std::string& pending) {
  char buffer[8192];
  for (ssize_t size = 0; (size = ::read(stream.handle(), buffer, sizeof buffer)) > 0;) {
    pending.append(buffer, static_cast<std::size_t>(size));
  }
  take_lines(id, pending);
  if (!pending.empty()) listener_->process_output(id, std::exchange(pending, {}));
}

void RealProcesses::take_lines(ProcessId id, std::string& pending) {
  std::size_t start = 0;
  for (std::size_t end = 0; (end = pending.find('\n', start)) != pending.npos; start = end + 1) {
    listener_->process_output(id, std::string_view(pending).substr(start, end - start));
  }
  pending.erase(0, start);
  if (pending.size() >= line_bytes_max) listener_->process_output(id, std::exchange(pending, {}));
}

ProcessId RealProcesses::latest(std::string_view name) const {
  ProcessId latest = 0;
  for (const auto& [id, process] : processes_) {
    if (process->name == name) latest = id;
  }
  return latest;
}

std::optional<ProcessUsage> RealProcesses::usage(ProcessId process) const {
  const auto found = processes_.find(process);
  if (found == processes_.end() || !found->second->alive) return {};
  clockid_t clock = 0;
  timespec cpu{};
  if (::clock_getcpuclockid(found->second->pid, &clock) != 0 || ::clock_gettime(clock, &cpu) != 0) return {};
  const std::string status = read_file(concat("/proc/", found->second->pid, "/status"));
  return ProcessUsage{Seconds(cpu.tv_sec) + Nanoseconds(cpu.tv_nsec), status_bytes(status, "VmRSS:"),
                      status_bytes(status, "VmHWM:")};
}

MonotonicTime RealProcesses::executed_at(ProcessId process) const {
  const auto found = processes_.find(process);
  return found == processes_.end() ? MonotonicTime{} : found->second->executed_at;
}

std::uint64_t RealProcesses::memory_peak_bytes() {
  std::uint64_t sum = 0;
  for (const auto& [id, process] : processes_) {
    if (const std::optional<ProcessUsage> used = usage(id)) sum += used->resident_peak_bytes;
  }
  return sum;
}

void RealProcesses::kill_all() {
  for (const auto& [id, process] : processes_) signal(id, SIGKILL);
}

}  // namespace stint::platform
