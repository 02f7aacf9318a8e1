// SPDX-License-Identifier: Apache-2.0
// The start benchmark: executes programs in turn, again and again in one run, each against a minimal Lambda API, and
// prints for each what came between exec, `register` and `next`, and what it had cost by then. The first program is
// what the others are compared with (normally the floor). See bench/README.md.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/start/api.h"
#include "bench/start/subject.h"
#include "bench/start/surroundings.h"

namespace start_bench {
namespace {

constexpr std::int64_t limit_ns = 20'000'000'000;

struct Figure {
  const char* name;
  double (*read)(const Milestones&, const Cost& at_next, const Cost& settled, std::int64_t exec_ns);
};

using Ms = Milestones;
constexpr Figure figures[] = {
    {"exec to register, ms",
     [](const Ms& m, const Cost&, const Cost&, std::int64_t e) { return double(m.register_ns - e) / 1e6; }},
    {"exec to next, ms",
     [](const Ms& m, const Cost&, const Cost&, std::int64_t e) { return double(m.next_ns - e) / 1e6; }},
    {"CPU at next, ms", [](const Ms&, const Cost& c, const Cost&, std::int64_t) { return double(c.cpu_ns) / 1e6; }},
    {"CPU settled, ms", [](const Ms&, const Cost&, const Cost& c, std::int64_t) { return double(c.cpu_ns) / 1e6; }},
    {"minor faults", [](const Ms&, const Cost& c, const Cost&, std::int64_t) { return double(c.minor_faults); }},
    {"RSS at next, KiB", [](const Ms&, const Cost& c, const Cost&, std::int64_t) { return double(c.rss_kib); }},
    {"RSS settled, KiB", [](const Ms&, const Cost&, const Cost& c, std::int64_t) { return double(c.rss_kib); }},
    {"peak RSS, KiB", [](const Ms&, const Cost&, const Cost& c, std::int64_t) { return double(c.peak_rss_kib); }},
};
constexpr std::size_t figure_count = std::size(figures);

struct Program {
  std::string name;
  std::string path;
  std::vector<double> samples[figure_count];
  std::string failure;
  std::vector<std::string> environment;  // its own, besides that of all
};

struct Options {
  std::vector<Program> programs;
  std::vector<std::string> environment;
  std::string config;
  int runs = 100;
  double quota_percent = 0;
  int settle_ms = 20;
};

[[noreturn]] void refuse(const char* message) {
  std::fprintf(stderr, "start-bench: %s\n", message);
  std::fprintf(stderr,
               "usage: start-bench --subject NAME=PATH... [--runs N] [--quota PERCENT] [--config FILE] "
               "[--env NAME=VALUE]... [--subject-env NAME=VALUE]... [--settle-ms N]\n");
  std::exit(2);
}

Options parse_arguments(int count, char** arguments) {
  Options options;
  for (int at = 1; at < count; at += 2) {
    const std::string_view key = arguments[at];
    if (at + 1 == count) refuse("an option without value");
    const std::string value = arguments[at + 1];
    const std::size_t equals = value.find('=');
    if (key == "--subject" && equals != std::string::npos) {
      options.programs.push_back({value.substr(0, equals), value.substr(equals + 1), {}, {}, {}});
    } else if (key == "--subject-env" && equals != std::string::npos && !options.programs.empty()) {
      options.programs.back().environment.push_back(value);
    } else if (key == "--runs") {
      options.runs = std::max(1, std::atoi(value.c_str()));
    } else if (key == "--quota") {
      options.quota_percent = std::atof(value.c_str());
    } else if (key == "--config") {
      options.config = value;
    } else if (key == "--env" && equals != std::string::npos) {
      options.environment.push_back(value);
    } else if (key == "--settle-ms") {
      options.settle_ms = std::atoi(value.c_str());
    } else {
      refuse(arguments[at]);
    }
  }
  if (options.programs.empty()) refuse("no subject");
  return options;
}

/// The configuration of the figures in the design, on the famous ports or on free ones.
std::string default_config(bool famous_ports) {
  const std::string grpc = famous_ports ? "127.0.0.1:4317" : "127.0.0.1:0";
  const std::string http = famous_ports ? "127.0.0.1:4318" : "127.0.0.1:0";
  std::string text = "receivers:\n  otlp:\n    protocols:\n      grpc:\n        endpoint: " + grpc +
                     "\n      http:\n        endpoint: " + http +
                     "\nprocessors:\n  batch:\n  decouple:\nexporters:\n  otlphttp:\n    endpoint: http://127.0.0.1:9\n"
                     "service:\n  pipelines:\n";
  for (const char* signal : {"traces", "metrics", "logs"}) {
    text += std::string("    ") + signal + ":\n      receivers: [otlp]\n      processors: [batch, decouple]\n" +
            "      exporters: [otlphttp]\n";
  }
  return text;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double minimum(const std::vector<double>& values) { return *std::min_element(values.begin(), values.end()); }

double file_kib(const std::string& path) {
  struct stat facts{};
  return ::stat(path.c_str(), &facts) == 0 ? double(facts.st_size) / 1024 : 0;
}

void print_first_line(const std::string& file) {
  char line[512];
  std::FILE* output = std::fopen(file.c_str(), "re");
  if (output == nullptr) return;
  for (int count = 0; count < 5 && std::fgets(line, sizeof line, output) != nullptr; ++count)
    std::printf("    %s", line);
  std::fclose(output);
}

void run_once(Program& program, const Launch& launch, Api& api, bool counts, int settle_ms) {
  Subject subject(launch);
  const Milestones milestones = api.serve_until_next([&subject] { return subject.has_ended(); }, limit_ns);
  if (milestones.next_ns == 0) {
    program.failure = milestones.failure;
    std::printf("%s: %s\n", program.name.c_str(), program.failure.c_str());
    print_first_line(launch.output_file);
    return;
  }
  const Cost at_next = subject.cost();
  ::usleep(static_cast<useconds_t>(settle_ms) * 1000);
  const Cost settled = subject.cost();
  if (!counts) return;
  for (std::size_t at = 0; at < figure_count; ++at) {
    program.samples[at].push_back(figures[at].read(milestones, at_next, settled, subject.exec_ns()));
  }
}

void print_table(const std::vector<Program>& programs) {
  const Program& floor = programs.front();
  std::printf("\n%-12s %-22s %10s %10s %14s %12s\n", "subject", "figure", "median", "minimum",
              ("median/" + floor.name).c_str(), ("min/" + floor.name).c_str());
  for (const Program& program : programs) {
    const bool compared = floor.failure.empty();
    for (std::size_t at = 0; at < figure_count && program.failure.empty(); ++at) {
      const double middle = median(program.samples[at]);
      const double least = minimum(program.samples[at]);
      std::printf("%-12s %-22s %10.3f %10.3f %14.2f %12.2f\n", program.name.c_str(), figures[at].name, middle, least,
                  compared ? middle / median(floor.samples[at]) : 0, compared ? least / minimum(floor.samples[at]) : 0);
    }
    const double size = file_kib(program.path);
    std::printf("%-12s %-22s %10.0f %10.0f %14.2f %12.2f\n", program.name.c_str(), "file size, KiB", size, size,
                size / file_kib(floor.path), size / file_kib(floor.path));
  }
}

// A layer is unpacked, that is: written. What a linker has left in the page cache (by a mapping, page by page) starts
// slower by a sixth, so every subject is a fresh copy under its own name. One that cannot be copied is taken as it is.
std::string copy_program(const std::string& path, const std::string& directory) {
  std::ifstream from(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(from)), std::istreambuf_iterator<char>());
  if (bytes.empty()) return path;
  ::mkdir(directory.c_str(), 0755);
  const std::string copy = directory + "/" + path.substr(path.find_last_of('/') + 1);
  std::FILE* const to = std::fopen(copy.c_str(), "wbe");
  if (to == nullptr) return path;
  std::setvbuf(to, nullptr, _IONBF, 0);
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), to) == bytes.size();
  std::fclose(to);
  ::chmod(copy.c_str(), 0755);
  return written ? copy : path;
}

int run(Options options) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const bool isolated = enter_network_namespace();
  std::printf("network: %s\n",
              isolated ? "a namespace of its own, ports 4317 and 4318" : "no namespace allowed, free ports");
  std::unique_ptr<Quota> quota;
  if (options.quota_percent > 0) {
    quota = std::make_unique<Quota>(options.quota_percent);
    if (quota->processes_file().empty()) refuse("this machine gives no CPU quota (no writable cgroup with `cpu`)");
    std::printf("quota: %.1f %% of a processor, in periods of 20 ms\n", options.quota_percent);
  }
  char directory[] = "/tmp/start-bench-XXXXXX";
  if (::mkdtemp(directory) == nullptr) refuse("no temporary directory");
  const std::string own_config = std::string(directory) + "/config.yaml";
  if (std::FILE* file = std::fopen(own_config.c_str(), "we")) {
    std::fputs(default_config(isolated).c_str(), file);
    std::fclose(file);
  }
  const std::string config = options.config.empty() ? own_config : options.config;

  Api api;
  Launch launch;
  launch.environment = {"AWS_LAMBDA_RUNTIME_API=" + api.address(),
                        "OPENTELEMETRY_COLLECTOR_CONFIG_URI=" + config,
                        "OPENTELEMETRY_COLLECTOR_CONFIG_FILE=" + config,
                        "AWS_LAMBDA_FUNCTION_NAME=start-bench",
                        "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
                        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
                        "AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
                        "AWS_REGION=us-east-1",
                        "PATH=/usr/bin:/bin"};
  if (isolated) launch.environment.push_back("FLOOR_OTLP_PORT=4318");
  launch.environment.insert(launch.environment.end(), options.environment.begin(), options.environment.end());
  launch.output_file = std::string(directory) + "/output";
  if (quota) launch.cgroup_file = quota->processes_file();

  std::vector<std::string> copies;
  for (const Program& program : options.programs) {
    copies.push_back(copy_program(program.path, std::string(directory) + "/" + std::to_string(copies.size())));
  }

  // Run 0 warms the page cache and is not counted. The order turns, so that nobody always follows the same neighbour.
  for (int round = 0; round <= options.runs; ++round) {
    for (std::size_t at = 0; at < options.programs.size(); ++at) {
      const std::size_t index = (at + static_cast<std::size_t>(round)) % options.programs.size();
      Program& program = options.programs[index];
      if (!program.failure.empty()) continue;
      launch.path = copies[index];
      const std::size_t common = launch.environment.size();
      launch.environment.insert(launch.environment.end(), program.environment.begin(), program.environment.end());
      run_once(program, launch, api, round > 0, options.settle_ms);
      launch.environment.resize(common);
      api.close_connections();
      ::usleep(quota ? 60'000 : 8'000);  // the periods of the one before are over
      if (isolated) {
        wait_until_free(4317);
        wait_until_free(4318);
      }
    }
  }
  std::printf("%d runs of each\n", options.runs);
  print_table(options.programs);
  for (const std::string& copy : copies) {
    if (!copy.starts_with(directory)) continue;
    ::unlink(copy.c_str());
    ::rmdir(copy.substr(0, copy.find_last_of('/')).c_str());
  }
  ::unlink(own_config.c_str());
  ::unlink(launch.output_file.c_str());
  ::rmdir(directory);
  return std::all_of(options.programs.begin(), options.programs.end(),
                     [](const Program& p) { return p.failure.empty(); })
             ? 0
             : 1;
}

}  // namespace
}  // namespace start_bench

int main(int count, char** arguments) { return start_bench::run(start_bench::parse_arguments(count, arguments)); }
