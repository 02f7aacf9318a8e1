// SPDX-License-Identifier: Apache-2.0
#include "bench/start/surroundings.h"

#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

namespace start_bench {
namespace {

constexpr const char* period_us = "20000";

bool write_file(const std::string& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool written = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(file);
  return written;
}

std::string group_name() { return "start-bench-" + std::to_string(::getpid()); }

}  // namespace

bool enter_network_namespace() {
  if (::unshare(CLONE_NEWNET) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  const bool up = ::ioctl(socket, SIOCSIFFLAGS, &request) == 0;
  ::close(socket);
  return up;
}

void wait_until_free(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int attempt = 0; attempt < 250; ++attempt) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    // Listening, too: bound alone may be shared with a listener that is on its way out.
    const bool free =
        ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 && ::listen(socket, 1) == 0;
    ::close(socket);
    if (free) return;
    ::usleep(2000);
  }
}

Quota::Quota(double percent) {
  const std::string quota_us = std::to_string(static_cast<int>(200 * percent));
  if (!make_version_2(quota_us) && !make_version_1(quota_us)) processes_file_.clear();
}

bool Quota::make_version_2(const std::string& quota_us) {
  const std::string root = "/sys/fs/cgroup";
  if (::access((root + "/cgroup.controllers").c_str(), F_OK) != 0) return false;
  write_file(root + "/cgroup.subtree_control", "+cpu");  // refused: perhaps it is on already
  directory_ = root + "/" + group_name();
  processes_file_ = directory_ + "/cgroup.procs";
  return ::mkdir(directory_.c_str(), 0755) == 0 && write_file(directory_ + "/cpu.max", quota_us + " " + period_us);
}

bool Quota::make_version_1(const std::string& quota_us) {
  directory_ = "/sys/fs/cgroup/cpu/" + group_name();
  processes_file_ = directory_ + "/cgroup.procs";
  return ::mkdir(directory_.c_str(), 0755) == 0 && write_file(directory_ + "/cpu.cfs_period_us", period_us) &&
         write_file(directory_ + "/cpu.cfs_quota_us", quota_us);
}

Quota::~Quota() {
  // A killed process leaves its group a moment after it was waited for.
  for (int attempt = 0; attempt < 50 && ::rmdir(directory_.c_str()) != 0; ++attempt) ::usleep(2000);
}

}  // namespace start_bench
