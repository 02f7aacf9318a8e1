// SPDX-License-Identifier: Apache-2.0
// A private view of the machine for this process and its children: names of the sandbox in /etc/hosts, another /tmp, a
// network of its own. As root by namespaces, else by a user namespace where the kernel allows one.
#pragma once

#include <string>

#include "base/result.h"

namespace stint::platform {

struct WorldSettings {
  bool private_network = false;
  std::string temporary_directory;  // mounted at /tmp; empty: as it is
};

/// Requires: one thread, no socket open yet. Fails: system (namespaces are refused); then nothing has changed that
/// matters to this process.
Result<> enter_private_world(const WorldSettings& settings);

}  // namespace stint::platform
