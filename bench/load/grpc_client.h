// SPDX-License-Identifier: Apache-2.0
// The senders of the load benchmark over gRPC: as client.h's, one call after the other on each connection. HTTP/2 is
// written by hand, as an SDK would send it: what does not change from call to call is one octet of the header table.
#pragma once

#include "bench/load/client.h"

namespace load_bench {

/// As send_requests; a call that is not answered with success is a failure.
Answers send_calls(std::uint16_t port, const std::vector<Message>& messages, std::size_t connections,
                   std::uint64_t calls, std::uint64_t& sequence, int limit_s);

}  // namespace load_bench
