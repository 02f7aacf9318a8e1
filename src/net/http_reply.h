// SPDX-License-Identifier: Apache-2.0
// What a server answers.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stint::net {

struct HttpReply {
  int status = 200;
  std::string_view content_type;  // of static storage; none: no Content-Type
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  bool close = false;  // end the connection after this reply
};

}  // namespace stint::net
