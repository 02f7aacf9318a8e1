// SPDX-License-Identifier: Apache-2.0
// The load benchmark: what the collector costs under traffic, each figure beside a base of the same run. See
// bench/README.md.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>

#include "bench/load/measures.h"
#include "bench/load/traffic.h"

namespace load_bench {
namespace {

struct Measure {
  std::string_view name;
  std::vector<Row> (*run)(const Programs& programs, const Sizes& sizes);
};

constexpr Measure measures[] = {{"spans", measure_spans},
                                {"calls", measure_calls},
                                {"loops", measure_loops},
                                {"grpc", measure_grpc},
                                {"memory", measure_memory}};

struct Options {
  Programs programs;
  Sizes sizes;
  std::string only;
};

[[noreturn]] void refuse(const char* message) {
  std::fprintf(stderr, "load-bench: %s\n", message);
  std::fprintf(stderr,
               "usage: load-bench --collector PATH --echo PATH [--only spans|calls|loops|grpc|memory] [--rounds N] "
               "[--requests N] [--small-requests N] [--calls N] [--mixed-requests N] [--sink-delay-ms N] [--tiny]\n");
  std::exit(2);
}

Options parse_arguments(int count, char** arguments) {
  Options options;
  for (int at = 1; at < count; ++at) {
    const std::string_view key = arguments[at];
    if (key == "--tiny") {
      options.sizes = {
          .rounds = 1, .requests = 20, .small_requests = 100, .calls = 10, .mixed_requests = 80, .sink_delay_ms = 10};
      continue;
    }
    if (++at == count) refuse("an option without value");
    const std::string value = arguments[at];
    const int number = std::atoi(value.c_str());
    if (key == "--collector") {
      options.programs.collector = value;
    } else if (key == "--echo") {
      options.programs.echo = value;
    } else if (key == "--only") {
      options.only = value;
    } else if (number < 1) {
      refuse(arguments[at]);
    } else if (key == "--rounds") {
      options.sizes.rounds = number;
    } else if (key == "--requests") {
      options.sizes.requests = static_cast<std::uint64_t>(number);
    } else if (key == "--small-requests") {
      options.sizes.small_requests = static_cast<std::uint64_t>(number);
    } else if (key == "--calls") {
      options.sizes.calls = static_cast<std::size_t>(number);
    } else if (key == "--mixed-requests") {
      options.sizes.mixed_requests = static_cast<std::uint64_t>(number);
    } else if (key == "--sink-delay-ms") {
      options.sizes.sink_delay_ms = number;
    } else {
      refuse(arguments[at - 1]);
    }
  }
  if (options.programs.collector.empty() || options.programs.echo.empty()) refuse("no --collector, or no --echo");
  return options;
}

void print(const Row& row) {
  std::printf("%-26s %-20s ", row.figure.c_str(), row.subject.c_str());
  if (!row.failure.empty()) {
    std::printf("- %s\n", row.failure.c_str());
  } else if (row.base.empty()) {
    std::printf("%12.3f\n", row.value);
  } else {
    std::printf("%12.3f  %-18s %12.3f %8.2f\n", row.value, row.base.c_str(), row.base_value, row.ratio);
  }
}

/// What the last program has said.
void print_file(const std::string& name) {
  char line[512];
  std::FILE* const file = std::fopen(name.c_str(), "re");
  for (int count = 0; file != nullptr && count < 20 && std::fgets(line, sizeof line, file) != nullptr; ++count) {
    std::printf("    %s", line);
  }
  if (file != nullptr) std::fclose(file);
}

int run(Options options) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  char directory[] = "/tmp/load-bench-XXXXXX";
  if (::mkdtemp(directory) == nullptr) refuse("no temporary directory");
  options.programs.directory = directory;
  std::printf("%u processors; requests of 200 spans have %zu octets\n\n", std::thread::hardware_concurrency(),
              make_message(200, 1).body_size);
  std::printf("%-26s %-20s %12s  %-18s %12s %8s\n", "figure", "subject", "value", "base", "value", "ratio");
  bool failed = false;
  for (const Measure& measure : measures) {
    if (!options.only.empty() && options.only != measure.name) continue;
    for (const Row& row : measure.run(options.programs, options.sizes)) {
      print(row);
      const bool broke = !row.failure.empty() && row.failure != "this machine has no io_uring";
      if (broke) print_file(options.programs.directory + "/output");
      failed |= broke;
    }
  }
  ::unlink((options.programs.directory + "/config.yaml").c_str());
  ::unlink((options.programs.directory + "/output").c_str());
  ::rmdir(directory);
  return failed ? 1 : 0;
}

}  // namespace
}  // namespace load_bench

int main(int count, char** arguments) { return load_bench::run(load_bench::parse_arguments(count, arguments)); }
