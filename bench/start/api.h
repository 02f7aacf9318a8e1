// SPDX-License-Identifier: Apache-2.0
// The least of the Extensions and Telemetry API that lets a program come to its first `next`: one loopback port, poll,
// answers from memory. Written for the benchmark alone, so that it shares no mistake with the collector or
// tools/lambda.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace start_bench {

/// Monotonic nanoseconds at which a request had arrived; 0: never.
struct Milestones {
  std::int64_t register_ns = 0;
  std::int64_t next_ns = 0;
  std::string failure;  // why there is no `next`
};

class Api {
 public:
  Api();
  ~Api();
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  /// 127.0.0.1:PORT, the value of AWS_LAMBDA_RUNTIME_API.
  std::string address() const;
  /// Serves until the first `next`, which stays unanswered. Fails: when `has_ended` says so, at an error that the
  /// program reports, or after `limit_ns`.
  Milestones serve_until_next(const std::function<bool()>& has_ended, std::int64_t limit_ns);
  /// Closes what the last program has opened.
  void close_connections();

 private:
  struct Connection {
    int socket;
    std::string received;
  };
  void take_request(Connection& connection, std::int64_t arrived_ns, Milestones& milestones);

  int listener_ = -1;
  std::vector<Connection> connections_;
};

}  // namespace start_bench
