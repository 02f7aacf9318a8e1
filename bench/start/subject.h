// SPDX-License-Identifier: Apache-2.0
// One execution of a measured program: started with the clock read just before exec, its costs read from the kernel
// from outside, killed at the end. The child shares one page with the harness, and that page is all they share.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace start_bench {

/// Nanoseconds of the monotonic clock, the same clock in parent and child.
std::int64_t now_ns();

struct Cost {
  std::int64_t cpu_ns = 0;        // user and system, all threads, since exec
  std::int64_t minor_faults = 0;  // since exec
  std::int64_t rss_kib = 0;
  std::int64_t peak_rss_kib = 0;
};

struct Launch {
  std::string path;
  std::vector<std::string> environment;  // NAME=VALUE, nothing else is passed on
  std::string output_file;               // what the program says on stdout and stderr
  std::string cgroup_file;               // the child writes its id there before exec; empty: none
};

class Subject {
 public:
  /// Forks and executes; ends the harness when that is not possible at all.
  explicit Subject(const Launch& launch);
  ~Subject();
  Subject(const Subject&) = delete;
  Subject& operator=(const Subject&) = delete;

  std::int64_t exec_ns() const;
  bool has_ended();
  Cost cost() const;

 private:
  struct BeforeExec {
    std::int64_t at_ns;
    std::int64_t cpu_ns;
    std::int64_t minor_faults;
  };
  [[noreturn]] void run_child(const Launch& launch) const;

  BeforeExec* before_ = nullptr;  // the shared page
  pid_t pid_ = -1;
  bool ended_ = false;
};

}  // namespace start_bench
