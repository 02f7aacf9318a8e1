// SPDX-License-Identifier: Apache-2.0
#include "tools/lambda/api.h"

#include <algorithm>

#include "tools/lambda/json_writer.h"

namespace stint::platform {
namespace {
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

const std::string* Request::header(std::string_view name) const {
  for (const Header& header : headers) {
    if (equal_ignoring_case(header.name, name)) return &header.value;
  }
  return nullptr;
}

Answer json_answer(int status, std::string body) {
  return Answer{status, {{"Content-Type", "application/json"}}, std::move(body)};
}

Answer error_answer(int status, std::string_view error_type, std::string_view error_message) {
  JsonWriter json;
  json.open('{').field("errorMessage", error_message).field("errorType", error_type).close('}');
  return json_answer(status, json.take());
}

Answer accepted_answer() { return json_answer(202, R"({"status":"OK"})"); }

}  // namespace stint::platform
