// SPDX-License-Identifier: Apache-2.0
// The senders of the load benchmark: many connections at once, each sending its next request when the last one was
// answered, or one connection that is asked how long each answer takes. Code of the benchmark's own (epoll).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/load/traffic.h"

namespace load_bench {

/// What a server said to the requests of one run.
struct Answers {
  Tally accepted;              // spans of the requests that were answered with 200
  std::uint64_t requests = 0;  // answered with 200
  std::uint64_t refused = 0;   // answered otherwise or not at all, and sent again
  std::string failure;         // why the run was cut short; empty: it was not
};

/// A port of 127.0.0.1 that was free a moment ago.
std::uint16_t free_port();
/// A blocking connection to 127.0.0.1, or -1.
int connect_to(std::uint16_t port);

/// Sends `requests` requests over `connections` connections, the messages in turn, ids counted on in `sequence`.
/// Requires: messages is not empty. Fails: in `failure`, after `limit_s` at the latest.
Answers send_requests(std::uint16_t port, const std::vector<Message>& messages, std::size_t connections,
                      std::uint64_t requests, std::uint64_t& sequence, int limit_s);

/// Nanoseconds from the first octet of a request written to its answer read, for each of `calls` calls over one
/// connection with a pause before each. Fails: fewer than `calls` come back.
std::vector<std::int64_t> time_calls(std::uint16_t port, const Message& message, std::size_t calls, int pause_us,
                                     std::uint64_t& sequence);

}  // namespace load_bench
