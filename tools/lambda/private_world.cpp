// SPDX-License-Identifier: Apache-2.0
#include "tools/lambda/private_world.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/log.h"

namespace stint::platform {
namespace {

Result<> failed() { return system_error(errno); }

Result<> write_file(const char* path, std::string_view text) {
  const int file = ::open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return failed();
  const bool written = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  ::close(file);
  return written ? Result<>() : system_error(error);
}

// In a user namespace of our own we may mount; the user's number stays what it was.
Result<> enter_user_namespace() {
  const uid_t user = ::getuid();
  const gid_t group = ::getgid();
  if (::unshare(CLONE_NEWUSER) != 0) return failed();
  if (Result<> wrote = write_file("/proc/self/setgroups", "deny"); !wrote) return wrote;
  if (Result<> wrote = write_file("/proc/self/uid_map", concat(user, " ", user, " 1")); !wrote) return wrote;
  return write_file("/proc/self/gid_map", concat(group, " ", group, " 1"));
}

std::string hosts_text() {
  std::string text = "127.0.0.1 sandbox.localdomain sandbox\n";
  const int file = ::open("/etc/hosts", O_RDONLY | O_CLOEXEC);
  char buffer[4096];
  for (ssize_t size = 0; file >= 0 && (size = ::read(file, buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(size));
  }
  if (file >= 0) ::close(file);
  return text;
}

Result<> mount_hosts() {
  char path[] = "/tmp/local-lambda-hosts-XXXXXX";
  const int file = ::mkstemp(path);
  if (file < 0) return failed();
  const std::string text = hosts_text();
  const bool good = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                    ::fchmod(file, 0644) == 0 && ::mount(path, "/etc/hosts", nullptr, MS_BIND, nullptr) == 0;
  const int error = errno;
  ::close(file);
  ::unlink(path);  // the mount keeps it
  return good ? Result<>() : system_error(error);
}

Result<> raise_loopback() {
  const int handle = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (handle < 0) return failed();
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  const bool raised = ::ioctl(handle, SIOCSIFFLAGS, &request) == 0;
  const int error = errno;
  ::close(handle);
  return raised ? Result<>() : system_error(error);
}

}  // namespace

Result<> enter_private_world(const WorldSettings& settings) {
  if (::geteuid() != 0) {
    if (Result<> entered = enter_user_namespace(); !entered) return entered;
  }
  if (::unshare(CLONE_NEWNS | (settings.private_network ? CLONE_NEWNET : 0)) != 0) return failed();
  // In a chroot whose root is no mount point no mount can be kept to ourselves: then /etc/hosts stays the machine's.
  const bool own_mounts = ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  if (!own_mounts && (errno != EINVAL || !settings.temporary_directory.empty())) return failed();
  if (settings.private_network) {
    if (Result<> raised = raise_loopback(); !raised) return raised;
  }
  if (!own_mounts) return {};
  if (Result<> mounted = mount_hosts(); !mounted) return mounted;
  if (!settings.temporary_directory.empty() &&
      ::mount(settings.temporary_directory.c_str(), "/tmp", nullptr, MS_BIND, nullptr) != 0) {
    return failed();
  }
  return {};
}

}  // namespace stint::platform
