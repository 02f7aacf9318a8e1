// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

#include <cstring>

namespace stint {

std::string_view name(ErrorCode code) {
  switch (code) {
    case ErrorCode::cancelled: return "cancelled";
    case ErrorCode::timed_out: return "timed out";
    case ErrorCode::closed: return "closed by the peer";
    case ErrorCode::system: return "system error";
    case ErrorCode::malformed: return "malformed";
    case ErrorCode::too_large: return "too large";
    case ErrorCode::too_deep: return "too deep";
    case ErrorCode::too_many: return "too many";
    case ErrorCode::unsupported: return "unsupported";
    case ErrorCode::memory_full: return "memory for data is full";
    case ErrorCode::not_found: return "not found";
    case ErrorCode::in_use: return "in use";
    case ErrorCode::retryable: return "retryable";
    case ErrorCode::permanent: return "permanent";
    case ErrorCode::unauthenticated: return "unauthenticated";
    case ErrorCode::permission_denied: return "permission denied";
    case ErrorCode::stopping: return "stopping";
  }
  return "unknown error";
}

std::string to_string(Error error) {
  std::string text(name(error.code));
  if (error.code == ErrorCode::system) {
    text.assign(::strerror(error.detail));
  } else if (error.detail != 0) {
    text.append(" (").append(std::to_string(error.detail)).append(")");
  }
  return text;
}

}  // namespace stint
