// SPDX-License-Identifier: Apache-2.0
// One call of a process to the platform's APIs and its answer, as values. Who owns the socket hands a whole request in
// and gets the answer for its call id, at once or hours later. No socket and no clock lives here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace stint::platform {

/// The moment of an input, on both clocks. Handed in with every input; the library reads no clock.
struct Now {
  MonotonicTime monotonic;
  EpochTime epoch;
};

/// Names one call from its request to its answer. Chosen by who owns the connections; never reused.
using CallId = std::uint64_t;

struct Header {
  std::string name;
  std::string value;
};

struct Request {
  std::string method;
  std::string path;  // without a query
  std::vector<Header> headers;
  std::string body;
  std::vector<Header> trailers;

  /// The first header of that name (any case), or nullptr. Valid until: the request ends.
  const std::string* header(std::string_view name) const;
};

struct Answer {
  int status = 200;
  std::vector<Header> headers;
  std::string body;
};

/// Takes the answers, each exactly once per request, possibly before `Platform::request` has returned.
/// Requires: no call back into the platform from here.
class Calls {
 public:
  virtual ~Calls() = default;
  virtual void answer(CallId call, Answer answer) = 0;
};

Answer json_answer(int status, std::string body);
/// `{"errorMessage":…,"errorType":…}` with that status.
Answer error_answer(int status, std::string_view error_type, std::string_view error_message);
/// 202 `{"status":"OK"}`
Answer accepted_answer();
bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace stint::platform
