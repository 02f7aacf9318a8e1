// SPDX-License-Identifier: Apache-2.0
// The account's id for the language layers' resource detectors: a symbolic link whose target is the id itself, so that
// reading it is one system call. It outlives us in /tmp, where a former process may have left another one.
#pragma once

#include <string>

#include "base/result.h"

namespace stint::lambda {

constexpr const char* account_id_link = "/tmp/.otel-aws-account-id";

/// Makes `path` a link to `account_id`, replacing another link or file there. Fails: malformed (not only digits),
/// system.
Result<> link_account_id(const std::string& path, const std::string& account_id);

}  // namespace stint::lambda
