// SPDX-License-Identifier: Apache-2.0
#include "bench/load/measures.h"

#include <algorithm>
#include <optional>

#include "bench/load/arrivals.h"
#include "bench/load/client.h"
#include "bench/load/grpc_client.h"

namespace load_bench {
namespace {

constexpr int limit_s = 120;   // of one round
constexpr int silence_s = 20;  // then what has not arrived is lost
constexpr std::size_t spans_per_request = 200;
constexpr std::size_t spans_per_call = 20;
constexpr std::size_t load_connections = 8;
constexpr std::size_t loop_connections = 32;
constexpr std::size_t memory_connections = 64;
constexpr std::size_t mixed_spans[] = {4, 20, 200, 20, 1000, 200, 4, 3500};
constexpr int pause_between_calls_us = 500;
constexpr const char* loops[] = {"epoll", "io_uring"};

double quantile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[static_cast<std::size_t>(part * double(values.size() - 1) + 0.5)];
}

double median(const std::vector<double>& values) { return quantile(values, 0.5); }

std::vector<Message> make_messages(std::size_t spans) {
  std::vector<Message> messages;
  for (std::uint64_t seed = 1; seed <= 16; ++seed) messages.push_back(make_message(spans, seed));
  return messages;
}

/// The value and its base of each round.
struct Rounds {
  std::vector<double> values;
  std::vector<double> bases;

  Row row(std::string figure, std::string subject, std::string base) const {
    std::vector<double> ratios;
    for (std::size_t at = 0; at < values.size(); ++at) ratios.push_back(values[at] / bases[at]);
    return {std::move(figure), std::move(subject), median(values), std::move(base), median(bases), median(ratios), {}};
  }
};

Row failed(std::string figure, std::string subject, std::string why) {
  return {std::move(figure), std::move(subject), 0, {}, 0, 0, std::move(why)};
}

/// A collector with its sink, and what has been sent and has arrived.
struct World {
  World(const Programs& programs, const std::string& io, std::size_t batch_size = 0, int delay_ms = 0)
      : sink(delay_ms), collector(ServerProcess::collector(programs, io, sink.port(), batch_size)) {}

  /// CPU nanoseconds of the collector for all of it; nothing: `failure` says why.
  std::optional<std::int64_t> send(const std::vector<Message>& messages, std::size_t connections,
                                   std::uint64_t requests, bool over_grpc = false) {
    const std::int64_t before = collector.cost().cpu_ns;
    const Answers answers = over_grpc
                                ? send_calls(collector.grpc_port(), messages, connections, requests, sequence, limit_s)
                                : send_requests(collector.port(), messages, connections, requests, sequence, limit_s);
    refused += answers.refused;
    accepted.add(answers.accepted);
    failure = answers.failure;
    if (!arrivals.await(sink, accepted, silence_s) && failure.empty())
      failure = std::to_string(arrivals.tally().spans) + " spans arrived of " + std::to_string(accepted.spans);
    if (!failure.empty()) return std::nullopt;
    return collector.cost().cpu_ns - before;
  }

  Sink sink;
  Arrivals arrivals;
  ServerProcess collector;
  std::uint64_t sequence = 0;
  Tally accepted;
  std::uint64_t refused = 0;
  std::string failure;
};

Row measure_batches(const Programs& programs, const Sizes& sizes, std::size_t batch_size, const std::string& figure) {
  World world(programs, "epoll", batch_size);
  if (!world.collector.ready()) return failed(figure, "collector", "the collector did not start");
  const std::vector<Message> messages = make_messages(spans_per_request);
  const double million_spans = double(sizes.requests * spans_per_request) / 1e6;
  Rounds rounds;
  for (int round = 0; round <= sizes.rounds; ++round) {  // round 0 warms up
    const std::int64_t compressed_before = world.arrivals.compress_ns();
    const std::optional<std::int64_t> cpu_ns = world.send(messages, load_connections, sizes.requests);
    if (!cpu_ns) return failed(figure, "collector", world.failure);
    if (round == 0) continue;
    rounds.values.push_back(double(*cpu_ns) / 1e9 / million_spans);
    rounds.bases.push_back(double(world.arrivals.compress_ns() - compressed_before) / 1e9 / million_spans);
  }
  return rounds.row(figure, "collector", "compressor");
}

/// Microseconds of CPU per request, over 32 connections; nothing: it failed.
std::optional<double> cpu_per_request(ServerProcess& server, const std::vector<Message>& messages,
                                      std::uint64_t requests) {
  std::uint64_t sequence = 0;
  const std::int64_t before = server.cost().cpu_ns;
  const Answers answers = send_requests(server.port(), messages, loop_connections, requests, sequence, limit_s);
  if (!answers.failure.empty() || answers.requests != requests) return std::nullopt;
  return double(server.cost().cpu_ns - before) / 1e3 / double(requests);
}

Row measure_loops_of_echo(const Programs& programs, const Sizes& sizes, const std::string& figure) {
  const std::vector<Message> messages = make_messages(spans_per_call);
  ServerProcess base = ServerProcess::echo(programs, "epoll");
  ServerProcess ring = ServerProcess::echo(programs, "io_uring");
  if (!base.ready() || !ring.ready()) return failed(figure, "echo, io_uring", "this machine has no io_uring");
  Rounds rounds;
  for (int round = 0; round <= sizes.rounds; ++round) {
    const std::optional<double> on_epoll = cpu_per_request(base, messages, sizes.small_requests);
    const std::optional<double> on_ring = cpu_per_request(ring, messages, sizes.small_requests);
    if (!on_epoll || !on_ring) return failed(figure, "echo, io_uring", "a request was not answered");
    if (round == 0) continue;
    rounds.values.push_back(*on_ring);
    rounds.bases.push_back(*on_epoll);
  }
  return rounds.row(figure, "echo, io_uring", "echo, epoll");
}

Row measure_loops_of_collector(const Programs& programs, const Sizes& sizes, const std::string& figure) {
  const std::vector<Message> messages = make_messages(spans_per_call);
  World base(programs, "epoll");
  World ring(programs, "io_uring");
  if (!base.collector.ready() || !ring.collector.ready()) {
    return failed(figure, "collector, io_uring", "this machine has no io_uring");
  }
  Rounds rounds;
  for (int round = 0; round <= sizes.rounds; ++round) {
    const std::optional<std::int64_t> on_epoll = base.send(messages, loop_connections, sizes.small_requests);
    const std::optional<std::int64_t> on_ring = ring.send(messages, loop_connections, sizes.small_requests);
    if (!on_epoll || !on_ring) return failed(figure, "collector, io_uring", base.failure + ring.failure);
    if (round == 0) continue;
    rounds.values.push_back(double(*on_ring) / 1e3 / double(sizes.small_requests));
    rounds.bases.push_back(double(*on_epoll) / 1e3 / double(sizes.small_requests));
  }
  return rounds.row(figure, "collector, io_uring", "collector, epoll");
}

void append_us(std::vector<double>& out, const std::vector<std::int64_t>& times_ns) {
  for (const std::int64_t time_ns : times_ns) out.push_back(double(time_ns) / 1e3);
}

}  // namespace

std::vector<Row> measure_spans(const Programs& programs, const Sizes& sizes) {
  return {measure_batches(programs, sizes, 0, "CPU, s per million spans"),
          measure_batches(programs, sizes, spans_per_request, "CPU, s, sent by 200")};
}

std::vector<Row> measure_calls(const Programs& programs, const Sizes& sizes) {
  std::vector<Row> rows;
  const Message message = make_message(spans_per_call, 1);
  const std::size_t calls = std::max<std::size_t>(1, sizes.calls / static_cast<std::size_t>(sizes.rounds));
  for (const std::string io : loops) {
    const std::string subject = "collector, " + io;
    Sink sink;
    ServerProcess collector = ServerProcess::collector(programs, io, sink.port());
    ServerProcess echo = ServerProcess::echo(programs, io);
    if (!collector.ready() || !echo.ready()) {
      rows.push_back(failed("export call", subject, "this machine has no " + io));
      continue;
    }
    std::vector<double> of_collector;
    std::vector<double> of_echo;
    std::uint64_t sequence = 0;
    for (int round = 0; round <= sizes.rounds; ++round) {
      const auto one = time_calls(collector.port(), message, calls, pause_between_calls_us, sequence);
      const auto other = time_calls(echo.port(), message, calls, pause_between_calls_us, sequence);
      if (round == 0) continue;
      append_us(of_collector, one);
      append_us(of_echo, other);
    }
    const std::size_t expected = calls * static_cast<std::size_t>(sizes.rounds);
    if (of_collector.size() != expected || of_echo.size() != expected) {
      rows.push_back(failed("export call", subject, "a call was not answered with 200"));
      continue;
    }
    for (const auto& [name, part] : {std::pair{"median", 0.5}, std::pair{"p99", 0.99}}) {
      const double value = quantile(of_collector, part);
      const double base = quantile(of_echo, part);
      rows.push_back({std::string("export call, us, ") + name, subject, value, "echo, " + io, base, value / base, {}});
    }
  }
  return rows;
}

std::vector<Row> measure_loops(const Programs& programs, const Sizes& sizes) {
  const std::string figure = "CPU, us per request";
  return {measure_loops_of_collector(programs, sizes, figure), measure_loops_of_echo(programs, sizes, figure)};
}

std::vector<Row> measure_grpc(const Programs& programs, const Sizes& sizes) {
  const std::string figure = "CPU, us per gRPC call";
  const std::vector<Message> messages = make_messages(spans_per_call);
  std::vector<Row> rows;
  for (const std::string io : loops) {
    World world(programs, io);
    if (!world.collector.ready()) {
      rows.push_back(failed(figure, "collector, " + io, "this machine has no " + io));
      continue;
    }
    Rounds rounds;
    for (int round = 0; round <= sizes.rounds && world.failure.empty(); ++round) {
      const std::optional<std::int64_t> http = world.send(messages, loop_connections, sizes.small_requests);
      if (!http) break;
      const std::optional<std::int64_t> grpc = world.send(messages, loop_connections, sizes.small_requests, true);
      if (!grpc || round == 0) continue;
      rounds.values.push_back(double(*grpc) / 1e3 / double(sizes.small_requests));
      rounds.bases.push_back(double(*http) / 1e3 / double(sizes.small_requests));
    }
    rows.push_back(world.failure.empty() ? rounds.row(figure, "collector, " + io, "HTTP request")
                                         : failed(figure, "collector, " + io, world.failure));
  }
  return rows;
}

std::vector<Row> measure_memory(const Programs& programs, const Sizes& sizes) {
  std::vector<Row> rows;
  std::vector<Message> messages;
  for (const std::size_t spans : mixed_spans) messages.push_back(make_message(spans, spans));
  for (const std::string io : loops) {
    const std::string subject = "collector, " + io;
    World world(programs, io, 0, sizes.sink_delay_ms);
    if (!world.collector.ready()) {
      rows.push_back(failed("peak RSS, MiB", subject, "this machine has no " + io));
      continue;
    }
    if (!world.send(messages, memory_connections, sizes.mixed_requests)) {
      rows.push_back(failed("peak RSS, MiB", subject, world.failure));
      continue;
    }
    rows.push_back({"peak RSS, MiB", subject, double(world.collector.cost().peak_rss_kib) / 1024, {}, 0, 0, {}});
    rows.push_back({"refused, then sent again",
                    subject,
                    double(world.refused),
                    "accepted",
                    double(sizes.mixed_requests),
                    double(world.refused) / double(sizes.mixed_requests),
                    {}});
    rows.push_back({"spans arrived",
                    subject,
                    double(world.arrivals.tally().spans),
                    "accepted",
                    double(world.accepted.spans),
                    double(world.arrivals.tally().spans) / double(world.accepted.spans),
                    {}});
  }
  return rows;
}

}  // namespace load_bench
