// SPDX-License-Identifier: Apache-2.0
#include "bench/load/server_process.h"

#include <unistd.h>

#include <cstdio>

#include "bench/load/client.h"

namespace load_bench {
namespace {

constexpr int ready_limit_ms = 10'000;

std::string configuration(std::uint16_t port, std::uint16_t grpc_port, std::uint16_t sink_port,
                          std::size_t batch_size) {
  std::string text =
      "receivers:\n  otlp:\n    protocols:\n      http:\n        endpoint: 127.0.0.1:" + std::to_string(port) +
      "\n      grpc:\n        endpoint: 127.0.0.1:" + std::to_string(grpc_port) + "\nprocessors:\n  batch:\n";
  if (batch_size > 0) text += "    send_batch_size: " + std::to_string(batch_size) + "\n";
  return text + "  decouple:\nexporters:\n  otlphttp:\n    endpoint: http://127.0.0.1:" + std::to_string(sink_port) +
         "\n    compression: gzip\nservice:\n  pipelines:\n    traces:\n      receivers: [otlp]\n"
         "      processors: [batch, decouple]\n      exporters: [otlphttp]\n";
}

}  // namespace

ServerProcess::ServerProcess(std::uint16_t port, const start_bench::Launch& launch)
    : port_(port), subject_(std::make_unique<start_bench::Subject>(launch)) {
  for (int waited_ms = 0; waited_ms < ready_limit_ms && !subject_->has_ended(); ++waited_ms) {
    const int socket = connect_to(port);
    if (socket >= 0) ::close(socket);
    ready_ = socket >= 0;
    if (ready_) return;
    ::usleep(1000);
  }
}

ServerProcess ServerProcess::collector(const Programs& programs, const std::string& io, std::uint16_t sink_port,
                                       std::size_t batch_size) {
  const std::uint16_t port = free_port();
  const std::uint16_t grpc_port = free_port();
  const std::string file_name = programs.directory + "/config.yaml";
  if (std::FILE* file = std::fopen(file_name.c_str(), "we")) {
    std::fputs(configuration(port, grpc_port, sink_port, batch_size).c_str(), file);
    std::fclose(file);
  }
  ServerProcess made(port, {.path = programs.collector,
                            .environment = {"OPENTELEMETRY_COLLECTOR_CONFIG_URI=" + file_name, "STINT_IO=" + io},
                            .output_file = programs.directory + "/output",
                            .cgroup_file = {}});
  made.grpc_port_ = grpc_port;
  return made;
}

ServerProcess ServerProcess::echo(const Programs& programs, const std::string& io) {
  const std::uint16_t port = free_port();
  return ServerProcess(port, {.path = programs.echo,
                              .environment = {"LOAD_ECHO_PORT=" + std::to_string(port), "STINT_IO=" + io},
                              .output_file = programs.directory + "/output",
                              .cgroup_file = {}});
}

}  // namespace load_bench
