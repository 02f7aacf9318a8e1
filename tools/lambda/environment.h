// SPDX-License-Identifier: Apache-2.0
// The environment variables of the runtime and of an extension, as the platform gives them.
#pragma once

#include "tools/lambda/settings.h"

namespace stint::platform {

/// Of the runtime: the function's own variables, the AWS_LAMBDA_* set, _HANDLER, LAMBDA_TASK_ROOT.
Variables runtime_environment(const Settings& settings);
/// Of an extension: the same without what the platform keeps from extensions.
Variables extension_environment(const Settings& settings);
/// The runtime's command line: behind AWS_LAMBDA_EXEC_WRAPPER where the function has set one.
std::vector<std::string> runtime_arguments(const Settings& settings);

}  // namespace stint::platform
