// SPDX-License-Identifier: Apache-2.0
// What the load benchmark measures, one function per figure group. Each gives rows of the table; a value is always
// compared with a base of the same run. Whatever was accepted must have arrived: the rows say so, too.
#pragma once

#include <string>
#include <vector>

#include "bench/load/server_process.h"

namespace load_bench {

struct Sizes {
  int rounds = 5;                        // of each measure, in turn with its base
  std::uint64_t requests = 2000;         // of 200 spans, in a round
  std::uint64_t small_requests = 10000;  // of 20 spans over 32 connections, in a round
  std::size_t calls = 1000;              // of an SDK, in all rounds
  std::uint64_t mixed_requests = 1000;   // up to 1 MiB, in all
  int sink_delay_ms = 50;                // of the slow sink
};

struct Row {
  std::string figure;
  std::string subject;
  double value = 0;
  std::string base;  // empty: nothing to compare with
  double base_value = 0;
  double ratio = 0;
  std::string failure;  // why there is no value; empty: there is one
};

std::vector<Row> measure_spans(const Programs& programs, const Sizes& sizes);
std::vector<Row> measure_calls(const Programs& programs, const Sizes& sizes);
std::vector<Row> measure_loops(const Programs& programs, const Sizes& sizes);
std::vector<Row> measure_grpc(const Programs& programs, const Sizes& sizes);
std::vector<Row> measure_memory(const Programs& programs, const Sizes& sizes);

}  // namespace load_bench
