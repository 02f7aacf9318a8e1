// SPDX-License-Identifier: Apache-2.0
#include "tools/lambda/environment.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace stint::platform {
namespace {

constexpr std::array<std::string_view, 7> runtime_only = {
    "AWS_EXECUTION_ENV",        "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_XRAY_CONTEXT_MISSING", "AWS_XRAY_DAEMON_ADDRESS",   "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT"};

void set(Variables& variables, std::string name, std::string value) {
  for (auto& [existing, old] : variables) {
    if (existing == name) {
      old = std::move(value);
      return;
    }
  }
  variables.emplace_back(std::move(name), std::move(value));
}

}  // namespace

std::string_view initialization_type(Mode mode) {
  switch (mode) {
    case Mode::on_demand: return "on-demand";
    case Mode::provisioned_concurrency: return "provisioned-concurrency";
    case Mode::snap_start: return "snap-start";
    case Mode::managed_instances: return "lambda-managed-instances";
  }
  return "on-demand";
}

std::size_t descriptors_max(Mode mode) { return mode == Mode::managed_instances ? 4096 : 0; }

Variables runtime_environment(const Settings& settings) {
  const Function& function = settings.function;
  Variables variables = function.environment;
  set(variables, "AWS_LAMBDA_RUNTIME_API", settings.runtime_api);
  set(variables, "AWS_LAMBDA_FUNCTION_NAME", function.name);
  set(variables, "AWS_LAMBDA_FUNCTION_VERSION", function.version);
  set(variables, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", std::to_string(function.memory_mb));
  set(variables, "AWS_LAMBDA_INITIALIZATION_TYPE", std::string(initialization_type(settings.mode)));
  set(variables, "AWS_LAMBDA_LOG_FORMAT", function.log_format);
  set(variables, "AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/" + function.name);
  set(variables, "AWS_LAMBDA_LOG_STREAM_NAME", settings.sandbox_id);
  set(variables, "AWS_REGION", function.region);
  set(variables, "AWS_DEFAULT_REGION", function.region);
  set(variables, "LAMBDA_TASK_ROOT", function.task_root);
  set(variables, "_HANDLER", function.handler);
  if (settings.mode == Mode::managed_instances) {
    set(variables, "AWS_LAMBDA_MAX_CONCURRENCY", std::to_string(settings.concurrency));
  }
  return variables;
}

Variables extension_environment(const Settings& settings) {
  Variables variables = runtime_environment(settings);
  std::erase_if(variables, [](const auto& variable) {
    const std::string& name = variable.first;
    return name.starts_with('_') || name == "AWS_LAMBDA_MAX_CONCURRENCY" ||
           std::find(runtime_only.begin(), runtime_only.end(), name) != runtime_only.end();
  });
  return variables;
}

std::vector<std::string> runtime_arguments(const Settings& settings) {
  std::vector<std::string> arguments;
  for (const auto& [name, value] : settings.function.environment) {
    if (name == "AWS_LAMBDA_EXEC_WRAPPER" && !value.empty()) arguments.push_back(value);
  }
  arguments.insert(arguments.end(), settings.runtime.begin(), settings.runtime.end());
  return arguments;
}

}  // namespace stint::platform
