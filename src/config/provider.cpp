// SPDX-License-Identifier: Apache-2.0
// The environment, the disk, and the providers that need nothing else.
#include "config/provider.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/limits.h"
#include "base/log.h"

namespace stint::config {
namespace {

template <typename Pairs>
auto find_pair(const Pairs& pairs, std::string_view name) {
  return std::find_if(pairs.begin(), pairs.end(), [name](const auto& pair) { return pair.first == name; });
}

/// Everything from `descriptor`, which stays open.
Result<std::string> read_all(int descriptor) {
  std::string content;
  for (std::size_t used = 0;;) {
    content.resize(used + (used == 0 ? 4096 : used));
    const ssize_t got = ::read(descriptor, content.data() + used, content.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(errno);
    used += static_cast<std::size_t>(got);
    if (used > limits::config_bytes_max) return Error{ErrorCode::too_large};
    if (got > 0) continue;
    content.resize(used);
    return content;
  }
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= '0' && c <= '9');
}

}  // namespace

std::optional<std::string_view> SystemEnvironment::lookup(std::string_view name) const {
  if (name.find('=') != std::string_view::npos) return std::nullopt;
  for (char** variable = ::environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    if (text.size() > name.size() && text[name.size()] == '=' && text.starts_with(name))
      return text.substr(name.size() + 1);
  }
  return std::nullopt;
}

std::optional<std::string_view> FixedEnvironment::lookup(std::string_view name) const {
  const auto found = find_pair(variables_, name);
  return found == variables_.end() ? std::nullopt : std::optional<std::string_view>(found->second);
}

Result<std::string> SystemFiles::read(const std::string& path) const {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return system_error(errno);
  Result<std::string> content = read_all(descriptor);
  ::close(descriptor);
  return content;
}

Result<std::string> FixedFiles::read(const std::string& path) const {
  const auto found = find_pair(contents_, path);
  if (found == contents_.end()) return system_error(ENOENT);
  return found->second;
}

bool is_variable_name(std::string_view name) {
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
         std::all_of(name.begin(), name.end(), is_name_character);
}

Retrieved EnvProvider::retrieve(std::string_view opaque) const {
  const std::size_t cut = opaque.find(":-");
  const std::string_view name = opaque.substr(0, cut);
  if (!is_variable_name(name))
    return Retrieved::failed(concat("'", name, "' cannot be the name of an environment variable: letters, digits and ",
                                    "underscores, no digit first"));
  Retrieved retrieved;
  retrieved.source = concat("env:", name);
  if (const auto value = environment_.lookup(name)) {
    retrieved.text = *value;
  } else if (cut != std::string_view::npos) {
    retrieved.text = opaque.substr(cut + 2);
    if (retrieved.text.empty()) retrieved.form = Retrieved::Form::text;
  } else {
    retrieved.warning = concat("the environment variable ", name, " is not set: taken as empty; ${env:", name,
                               ":-default} names a default");
  }
  return retrieved;
}

Retrieved FileProvider::retrieve(std::string_view opaque) const {
  if (opaque.empty()) return Retrieved::failed("a path is missing after 'file:'");
  std::string path(opaque);
  Result<std::string> content = files_.read(path);
  if (!content) {
    const Error error = content.error();
    const std::string why = error.code == ErrorCode::system ? std::string(std::strerror(error.detail))
                            : error.code == ErrorCode::too_large
                                ? concat("larger than ", limits::config_bytes_max, " bytes")
                                : to_string(error);
    return Retrieved::failed(concat("the file ", path, " cannot be read: ", why));
  }
  Retrieved retrieved;
  retrieved.text = std::move(*content);
  retrieved.is_file = true;
  retrieved.source = std::move(path);
  return retrieved;
}

Retrieved YamlProvider::retrieve(std::string_view opaque) const {
  Retrieved retrieved;
  retrieved.text = opaque;
  retrieved.source = "yaml:";
  return retrieved;
}

}  // namespace stint::config
