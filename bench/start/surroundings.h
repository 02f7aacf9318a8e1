// SPDX-License-Identifier: Apache-2.0
// What surrounds a measured program: a network namespace of the harness's own, so that the famous ports 4317 and 4318
// are free, and on request a CPU quota like that of a small function. Both need rights that not every machine gives;
// what is refused is told, never pretended.
#pragma once

#include <cstdint>
#include <string>

namespace start_bench {

/// Moves this process (and its later children) into a new network namespace with a loopback interface that is up.
bool enter_network_namespace();

/// Waits (at most half a second) until a program that was killed has given its loopback port back: a ring closes a
/// moment after its process.
void wait_until_free(std::uint16_t port);

/// A cgroup (version 1 or 2) that holds its processes to a share of one processor, in periods of 20 ms as on Lambda.
class Quota {
 public:
  explicit Quota(double percent);
  ~Quota();
  Quota(const Quota&) = delete;
  Quota& operator=(const Quota&) = delete;

  /// Where a process writes its id to come under the quota; empty: this machine gives none.
  const std::string& processes_file() const { return processes_file_; }

 private:
  bool make_version_1(const std::string& quota_us);
  bool make_version_2(const std::string& quota_us);

  std::string directory_;
  std::string processes_file_;
};

}  // namespace start_bench
