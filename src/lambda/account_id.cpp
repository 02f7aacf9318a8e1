// SPDX-License-Identifier: Apache-2.0
#include "lambda/account_id.h"

#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace stint::lambda {

Result<> link_account_id(const std::string& path, const std::string& account_id) {
  // Digits are kept as text: an account's id may begin with zeros.
  if (account_id.empty() || account_id.find_first_not_of("0123456789") != account_id.npos) {
    return Error{ErrorCode::malformed};
  }
  if (::symlink(account_id.c_str(), path.c_str()) == 0) return {};
  if (errno != EEXIST) return system_error(errno);
  char target[64];
  const ssize_t size = ::readlink(path.c_str(), target, sizeof target);
  if (size >= 0 && std::string_view(target, static_cast<std::size_t>(size)) == account_id) return {};
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return system_error(errno);
  if (::symlink(account_id.c_str(), path.c_str()) != 0) return system_error(errno);
  return {};
}

}  // namespace stint::lambda
