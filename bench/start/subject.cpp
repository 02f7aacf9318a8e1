// SPDX-License-Identifier: Apache-2.0
#include "bench/start/subject.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace start_bench {
namespace {

std::int64_t read_clock(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

std::string read_file(const std::string& path) {
  std::string text;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return text;
  char part[4096];
  for (ssize_t count = 1; count > 0;) {
    count = ::read(file, part, sizeof part);
    if (count > 0) text.append(part, static_cast<std::size_t>(count));
  }
  ::close(file);
  return text;
}

/// The number behind `name:` in one of the kernel's tables, in its unit (KiB); 0 when it is not there.
std::int64_t read_field(const std::string& table, const char* name) {
  const std::size_t at = table.find(name);
  return at == std::string::npos ? 0 : std::strtoll(table.c_str() + at + std::strlen(name), nullptr, 10);
}

/// Field 10 of /proc/PID/stat, counted behind the command's name, which may hold spaces.
std::int64_t read_minor_faults(const std::string& stat) {
  std::size_t at = stat.rfind(')');
  for (int field = 2; at != std::string::npos && field < 10; ++field) at = stat.find(' ', at + 1);
  return at == std::string::npos ? 0 : std::strtoll(stat.c_str() + at, nullptr, 10);
}

}  // namespace

std::int64_t now_ns() { return read_clock(CLOCK_MONOTONIC); }

Subject::Subject(const Launch& launch) {
  void* page = ::mmap(nullptr, sizeof(BeforeExec), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) std::abort();
  before_ = static_cast<BeforeExec*>(page);
  pid_ = ::fork();
  if (pid_ < 0) std::abort();
  if (pid_ == 0) run_child(launch);
}

Subject::~Subject() {
  if (!ended_) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::munmap(before_, sizeof(BeforeExec));
}

void Subject::run_child(const Launch& launch) const {
  const int output = ::open(launch.output_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const int input = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (output < 0 || input < 0) _exit(127);
  ::dup2(input, 0);
  ::dup2(output, 1);
  ::dup2(output, 2);
  if (!launch.cgroup_file.empty()) {
    const int group = ::open(launch.cgroup_file.c_str(), O_WRONLY | O_CLOEXEC);
    if (group < 0 || ::write(group, "0", 1) != 1) _exit(127);
  }
  std::vector<char*> environment;
  environment.reserve(launch.environment.size() + 1);
  for (const std::string& variable : launch.environment) environment.push_back(const_cast<char*>(variable.c_str()));
  environment.push_back(nullptr);
  char* arguments[] = {const_cast<char*>(launch.path.c_str()), nullptr};
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  before_->minor_faults = usage.ru_minflt;
  before_->cpu_ns = read_clock(CLOCK_PROCESS_CPUTIME_ID);
  before_->at_ns = now_ns();
  ::execve(launch.path.c_str(), arguments, environment.data());
  std::perror(launch.path.c_str());
  _exit(127);
}

std::int64_t Subject::exec_ns() const { return before_->at_ns; }

bool Subject::has_ended() {
  if (!ended_) ended_ = ::waitpid(pid_, nullptr, WNOHANG) == pid_;
  return ended_;
}

Cost Subject::cost() const {
  const std::string directory = "/proc/" + std::to_string(pid_);
  Cost cost;
  clockid_t clock{};
  if (::clock_getcpuclockid(pid_, &clock) == 0) cost.cpu_ns = read_clock(clock) - before_->cpu_ns;
  cost.minor_faults = read_minor_faults(read_file(directory + "/stat")) - before_->minor_faults;
  const std::string status = read_file(directory + "/status");
  cost.peak_rss_kib = read_field(status, "VmHWM:");
  // smaps_rollup counts pages now; VmRSS may lag behind by some pages per processor.
  cost.rss_kib = read_field(read_file(directory + "/smaps_rollup"), "\nRss:");
  if (cost.rss_kib == 0) cost.rss_kib = read_field(status, "VmRSS:");
  return cost;
}

}  // namespace start_bench
