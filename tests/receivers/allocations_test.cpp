// SPDX-License-Identifier: Apache-2.0
// How often one request touches the heap once all is warm: frames are recycled, blocks come from the pool. Client and
// back end are a process of their own, so that only the collector's side is counted.
// STINT_SHOW_ALLOCATIONS=1 shows where each allocation of one request comes from (sanitized build).
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "base/log.h"
#include "bench/allocations.h"
#include "exporters/otlp_grpc.h"
#include "exporters/otlphttp.h"
#include "net/grpc_server.h"
#include "net/http2_frames.h"
#include "pipeline/component_parts.h"
#include "pipeline/journal_stage.h"
#include "pipeline/memory_journal_file.h"
#include "pipeline/requests.h"
#include "receivers/otlp.h"
#include "runtime/epoll_loop.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/common_interface_defs.h>
#define STINT_STACK_TRACE() __sanitizer_print_stack_trace()
#endif
#endif
#ifndef STINT_STACK_TRACE
#define STINT_STACK_TRACE() ((void)0)
#endif

namespace stint {
namespace {

constexpr std::uint64_t requests_before = 200;
constexpr std::uint64_t requests_counted = 1000;
constexpr std::uint64_t requests = requests_before + requests_counted + 1;

// ---- the other process: blocking sockets, nothing of the collector ----

struct Socket {
  int descriptor = -1;
  explicit Socket(int opened) : descriptor(opened) {
    const timeval limit{20, 0};
    ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { ::close(descriptor); }
};

std::uint16_t port_of(int descriptor) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int listen_on_loopback() {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(0);
  STINT_CHECK(::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  STINT_CHECK(::listen(descriptor, 8) == 0);
  return descriptor;
}

bool send_all(const Socket& socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket.descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

// One message with a Content-Length, whole.
bool read_message(const Socket& socket, std::string& message) {
  message.clear();
  std::size_t wanted = 0;
  while (wanted == 0 || message.size() < wanted) {
    char bytes[16384];
    const ssize_t received = ::recv(socket.descriptor, bytes, sizeof bytes, 0);
    if (received <= 0) return false;
    message.append(bytes, static_cast<std::size_t>(received));
    const std::size_t end = message.find("\r\n\r\n");
    if (wanted != 0 || end == std::string::npos) continue;
    const std::size_t length = message.find("Content-Length: ");
    if (length > end) return false;
    wanted = end + 4 + std::strtoul(message.c_str() + length + 16, nullptr, 10);
  }
  return message.size() == wanted;
}

// Calls over gRPC, one after the other. An answer is over with its trailers, the second HEADERS frame of the stream.
bool play_grpc_client(std::uint16_t port, const std::string& body) {
  const Socket client(::socket(AF_INET, SOCK_STREAM, 0));
  const sockaddr_in address = loopback(port);
  for (int tries = 0; ::connect(client.descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0;) {
    if (++tries == 2000) return false;
    ::usleep(5000);
  }
  constexpr std::string_view path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
  if (!send_all(client, http2::start() + http2::frame(http2::settings_frame, http2::ack, 0, ""))) return false;
  std::string received;
  for (std::uint32_t i = 0; i < requests; ++i) {
    const std::uint32_t stream = 2 * i + 1;
    if (!send_all(client, http2::call(stream, path, body, {{"grpc-timeout", "10S"}}))) return false;
    for (bool answered = false; !answered;) {
      char bytes[16384];
      const ssize_t size = ::recv(client.descriptor, bytes, sizeof bytes, 0);
      if (size <= 0) return false;
      received.append(bytes, static_cast<std::size_t>(size));
      while (const std::size_t whole = http2::frame_size(received)) {
        answered = answered || (received[3] == http2::headers_frame && (received[4] & http2::end_stream) != 0);
        received.erase(0, whole);
      }
    }
  }
  return true;
}

// Sends the requests one after the other; with a back end it takes each and answers it before the sender is answered.
bool play_the_others(std::uint16_t port, int back_end, const std::string& request) {
  const Socket client(::socket(AF_INET, SOCK_STREAM, 0));
  const sockaddr_in address = loopback(port);
  for (int tries = 0; ::connect(client.descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0;) {
    if (++tries == 2000) return false;
    ::usleep(5000);
  }
  std::optional<Socket> from_exporter;
  std::string message;
  for (std::uint64_t i = 0; i < requests; ++i) {
    if (!send_all(client, request)) return false;
    if (back_end >= 0) {
      if (!from_exporter) from_exporter.emplace(::accept(back_end, nullptr, nullptr));
      if (!read_message(*from_exporter, message)) return false;
      constexpr std::string_view answer =
          "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 2\r\n\r\n\x0a\x00";
      if (!send_all(*from_exporter, {answer.data(), answer.size() + 1})) return false;
    }
    if (!read_message(client, message) || !message.starts_with("HTTP/1.1 200")) return false;
  }
  return true;
}

// ---- the collector's side ----

// Stands between receiver and exporter: counts from one request's arrival here to a later one's.
class Counter final : public Consumer {
 public:
  explicit Counter(Runtime& runtime) : done(runtime) {}
  Task<Result<>> consume(Batch batch) override {
    ++arrived;
    if (arrived == requests_before) first_ = bench::allocation_count();
    if (arrived == requests_before + requests_counted) {
      per_request = static_cast<double>(bench::allocation_count() - first_) / requests_counted;
      if (std::getenv("STINT_SHOW_ALLOCATIONS") != nullptr)
        bench::set_allocation_hook([](std::size_t) { STINT_STACK_TRACE(); });
    }
    if (arrived == requests) {
      bench::set_allocation_hook(nullptr);
      done.notify_all();
    }
    if (next == nullptr) co_return Result<>();
    co_return co_await next->consume(std::move(batch));
  }
  Activity activity() const override { return Activity::idle; }

  Consumer* next = nullptr;
  std::uint64_t arrived = 0;
  double per_request = -1;
  Notifier done;

 private:
  std::uint64_t first_ = 0;
};

struct Collector : ComponentParts<EpollLoop> {
  Counter counter{runtime};
};

Task<> serve(Collector& collector, OtlpReceiver& receiver, pid_t others, int& status) {
  EXPECT_TRUE(co_await receiver.start());
  const MonotonicTime end = collector.runtime.now() + Seconds(60);
  bool in_time = true;
  while (collector.counter.arrived < requests && in_time) {
    const Result<> waited = co_await collector.counter.done.wait(end);
    in_time = waited.has_value();
  }
  co_await receiver.stop(Deadline{collector.runtime.epoch_now() + Seconds(5)});
  if (collector.counter.arrived < requests) ::kill(others, SIGKILL);
  ::waitpid(others, &status, 0);
}

std::uint16_t free_port() {
  const Socket probe(listen_on_loopback());
  return port_of(probe.descriptor);
}

// ---- gRPC out ----

class Taker final : public net::GrpcService {
 public:
  std::optional<std::size_t> find_method(std::string_view) const override { return 0; }
  bool has_service(std::string_view) const override { return true; }
  net::GrpcReply memory_full() const override { return {}; }
  Task<net::GrpcReply> serve(net::GrpcRequest) override { co_return net::GrpcReply{.body = otlp::encode_response()}; }
};

// Until it is killed.
Task<> take_calls(Collector& world, std::uint16_t port) {
  Taker taker;
  net::GrpcServer server(world.runtime, world.pool, world.copies, taker, {});
  Result<Listener> listener = Listener::open(world.runtime, Address::ipv4_loopback(port));
  if (listener) server.serve(std::move(*listener));
  (void)co_await world.runtime.sleep(Seconds(120));
  co_await server.stop(Nanoseconds::zero());
}

Task<> export_all(Collector& world, OtlpGrpcExporter& exporter, std::string_view body, double& per_call) {
  std::uint64_t first = 0;
  for (std::uint64_t i = 0; i < requests_before + requests_counted; ++i) {
    if (i == requests_before) first = bench::allocation_count();
    Batch batch(otlp::Signal::traces, slice_of(world.pool, body), 100);
    const Result<> taken = co_await exporter.consume(std::move(batch));
    if (!taken) break;
  }
  per_call = static_cast<double>(bench::allocation_count() - first) / requests_counted;
  if (std::getenv("STINT_SHOW_ALLOCATIONS") != nullptr) {
    Batch batch(otlp::Signal::traces, slice_of(world.pool, body), 100);
    bench::set_allocation_hook([](std::size_t) { STINT_STACK_TRACE(); });
    (void)co_await exporter.consume(std::move(batch));
    bench::set_allocation_hook(nullptr);
  }
  co_await exporter.stop(Deadline::never());
}

// Heap allocations of one export over gRPC, nghttp2's among them; the vector of the batch's slices is one.
double allocations_per_export() {
  const std::uint16_t port = free_port();
  const pid_t others = ::fork();
  if (others == 0) {
    Collector world;
    world.runtime.run(take_calls(world, port));
    ::_exit(0);
  }
  Collector collector;
  OtlpGrpcExporter::Config config;
  config.client.endpoint = concat("127.0.0.1:", port);
  config.client.tls.insecure = true;
  config.retry_on_failure.initial_interval = config.retry_on_failure.max_interval = Milliseconds(50);
  OtlpGrpcExporter exporter(collector.context, "otlp", config);
  double per_call = -1;
  collector.runtime.run(export_all(collector, exporter, spans_request(100), per_call));
  ::kill(others, SIGKILL);
  ::waitpid(others, nullptr, 0);
  EXPECT_EQ(collector.data.delivered, (requests_before + requests_counted) * 100);
  return per_call;
}

// Heap allocations of one call over gRPC, nghttp2's among them; nothing behind the receiver.
double allocations_per_call() {
  const std::uint16_t port = free_port();
  const std::string body = spans_request(100);
  const pid_t others = ::fork();
  if (others == 0) ::_exit(play_grpc_client(port, body) ? 0 : 1);
  Collector collector;
  OtlpReceiver::Config config;
  config.protocols.grpc.on = true;
  config.protocols.grpc->endpoint = concat("127.0.0.1:", port);
  OtlpReceiver receiver(collector.context, "otlp", config);
  receiver.connect(otlp::Signal::traces, collector.counter);
  int status = -1;
  collector.runtime.run(serve(collector, receiver, others, status));
  EXPECT_EQ(status, 0) << "the other process was not served";
  EXPECT_EQ(collector.copies.compacts, 0u);
  return collector.counter.per_request;
}

// Heap allocations of one request; `compression` empty: nothing behind the receiver.
double allocations_per_request(std::optional<net::Compression> compression, bool with_journal = false) {
  const std::uint16_t port = free_port();
  const Socket back_end(listen_on_loopback());
  const std::string body = spans_request(100);
  const std::string request = concat("POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: ",
                                     "application/x-protobuf\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
  const pid_t others = ::fork();
  if (others == 0) ::_exit(play_the_others(port, compression ? back_end.descriptor : -1, request) ? 0 : 1);

  Collector collector;
  OtlpReceiver::Config receiver_config;
  receiver_config.protocols.http.on = true;
  receiver_config.protocols.http->endpoint = concat("127.0.0.1:", port);
  OtlpReceiver receiver(collector.context, "otlp", receiver_config);
  receiver.connect(otlp::Signal::traces, collector.counter);
  MemoryDisk disk;
  disk.bytes.emplace().reserve(2 * journal::segment_bytes);  // a disk allocates nothing of ours
  Journal journal(collector.runtime, collector.data, std::make_unique<MemoryJournalFile>(disk), 1u << 20);
  std::unique_ptr<JournalStage> stage;
  std::unique_ptr<OtlpHttpExporter> exporter;
  if (compression) {
    OtlpHttpExporter::Config exporter_config;
    exporter_config.client.endpoint = concat("http://127.0.0.1:", port_of(back_end.descriptor));
    exporter_config.client.compression = *compression;
    exporter = std::make_unique<OtlpHttpExporter>(collector.context, "otlphttp", exporter_config);
    collector.counter.next = exporter.get();
    if (with_journal) {
      stage = std::make_unique<JournalStage>(journal, "otlp", otlp::Signal::traces, *exporter);
      collector.counter.next = stage.get();
    }
  }
  int status = -1;
  collector.runtime.run(serve(collector, receiver, others, status));
  EXPECT_EQ(status, 0) << "the other process was not served";
  EXPECT_EQ(collector.data.delivered, compression ? requests * 100 : 0);
  EXPECT_EQ(disk.writes, with_journal ? 1 + 2 * requests : 0) << "its head, and each request with its end";
  EXPECT_EQ(collector.data.journalled, 0u);
  return collector.counter.per_request;
}

void expect_at_most(double most, double found, const char* what) {
  ::testing::Test::RecordProperty(what, std::to_string(found));
  EXPECT_GE(found, 0);
  EXPECT_LE(found, most) << what << ": run with STINT_SHOW_ALLOCATIONS=1 to see where they come from";
}

TEST(Allocations, AreCounted) {
  const std::uint64_t before = bench::allocation_count();
  const std::string text(static_cast<std::size_t>(::getpid() % 7 + 100), 'x');
  EXPECT_EQ(bench::allocation_count(), before + 1) << text;
}

TEST(Allocations, OfOneRequestThatIsReceivedAreFew) {
  expect_at_most(4, allocations_per_request(std::nullopt), "received");
}

TEST(Allocations, OfOneCallOverGrpcAreAtMostTwelve) { expect_at_most(12, allocations_per_call(), "called"); }

TEST(Allocations, OfOneRequestThatPassesThroughAreAtMostEight) {
  expect_at_most(8, allocations_per_request(net::Compression::none), "passed");
}

TEST(Allocations, OfOneRequestThatPassesThroughTheJournalAreAtMostEight) {
  expect_at_most(8, allocations_per_request(net::Compression::none, /*with_journal=*/true), "journalled");
}

TEST(Allocations, OfOneRequestThatIsCompressedAreAtMostTen) {
  expect_at_most(10, allocations_per_request(net::Compression::gzip), "compressed");
}

TEST(Allocations, AnExportOverGrpcTouchesTheHeapAFewTimes) {
  const double per_export = allocations_per_export();
  RecordProperty("per_export", std::to_string(per_export));
  EXPECT_LE(per_export, 12);
}

}  // namespace
}  // namespace stint
