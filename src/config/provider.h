// SPDX-License-Identifier: Apache-2.0
// Where values come from: a provider per URI scheme, and the two worlds below them (environment, files) as objects, so
// that tests and the simulation supply their own. Nothing here reads the process's environment or a disk but the two
// `System…` types, which are made once in main.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace stint::config {

class Environment {
 public:
  virtual ~Environment() = default;
  /// The variable's value; nullopt when it is not set. Valid until: the environment changes.
  virtual std::optional<std::string_view> lookup(std::string_view name) const = 0;
};

class Files {
 public:
  virtual ~Files() = default;
  /// The whole content. Fails: system, too_large (limits.h: config_bytes_max).
  virtual Result<std::string> read(const std::string& path) const = 0;
};

class SystemEnvironment final : public Environment {
 public:
  std::optional<std::string_view> lookup(std::string_view name) const override;
};

class SystemFiles final : public Files {
 public:
  Result<std::string> read(const std::string& path) const override;
};

/// An environment of given variables, for tests and the simulation.
class FixedEnvironment final : public Environment {
 public:
  using Variables = std::vector<std::pair<std::string, std::string>>;
  explicit FixedEnvironment(Variables variables = {}) : variables_(std::move(variables)) {}
  std::optional<std::string_view> lookup(std::string_view name) const override;

 private:
  Variables variables_;
};

/// Files of given contents; any other path is ENOENT.
class FixedFiles final : public Files {
 public:
  using Contents = std::vector<std::pair<std::string, std::string>>;
  explicit FixedFiles(Contents contents = {}) : contents_(std::move(contents)) {}
  Result<std::string> read(const std::string& path) const override;

 private:
  Contents contents_;
};

/// What a provider found. With `error` set the rest means nothing.
struct Retrieved {
  enum class Form : std::uint8_t {
    yaml,  // read as YAML; the text itself is used where a string is wanted, and when it is no YAML
    text,  // text and nothing else
  };
  std::string text;
  Form form = Form::yaml;
  bool is_file = false;  // one line break at the end is not part of the value
  std::string source;    // how diagnostics name what stands in `text`
  std::string warning;   // something the user should know though it worked
  std::string error;     // why there is no text

  static Retrieved failed(std::string why) {
    Retrieved retrieved;
    retrieved.error = std::move(why);
    return retrieved;
  }
};

/// One URI scheme.
class Provider {
 public:
  virtual ~Provider() = default;
  virtual std::string_view scheme() const = 0;
  /// The value behind "scheme:opaque".
  virtual Retrieved retrieve(std::string_view opaque) const = 0;
};

/// `env:NAME`, `env:NAME:-default`. Borrows: environment, for as long as the provider lives.
class EnvProvider final : public Provider {
 public:
  explicit EnvProvider(const Environment& environment) : environment_(environment) {}
  std::string_view scheme() const override { return "env"; }
  Retrieved retrieve(std::string_view opaque) const override;

 private:
  const Environment& environment_;
};

/// `file:path`
/// Borrows: files, for as long as the provider lives.
class FileProvider final : public Provider {
 public:
  explicit FileProvider(const Files& files) : files_(files) {}
  std::string_view scheme() const override { return "file"; }
  Retrieved retrieve(std::string_view opaque) const override;

 private:
  const Files& files_;
};

/// `yaml:text`
class YamlProvider final : public Provider {
 public:
  std::string_view scheme() const override { return "yaml"; }
  Retrieved retrieve(std::string_view opaque) const override;
};

/// Letters, digits and underscores, no digit first: what an environment variable may be called here.
bool is_variable_name(std::string_view name);

}  // namespace stint::config
