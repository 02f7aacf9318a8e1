// SPDX-License-Identifier: Apache-2.0
// Streams and listeners under load and bad manners, on every loop: thousands of idle connections, storms, resets,
// half-closed connections, timers that race completions.
#include "runtime/stream.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "runtime/loop_test_base.h"
#include "runtime/scope.h"

namespace stint {
namespace {

class StreamTest : public LoopTest {};
STINT_ON_EVERY_LOOP(StreamTest);

Task<> echo(Stream stream) {
  char buffer[256];
  for (;;) {
    const Result<std::size_t> size = co_await stream.receive(buffer, sizeof buffer);
    if (!size || *size == 0) co_return;
    const std::string_view bytes(buffer, *size);
    const Result<> sent = co_await stream.send(bytes);
    if (!sent) co_return;
  }
}

// Accepts until cancelled; each connection is a task of `connections`.
Task<> serve_echo(Listener& listener, Scope& connections, std::size_t& accepted) {
  for (;;) {
    Result<Stream> stream = co_await listener.accept();
    if (!stream) {
      EXPECT_EQ(stream.error().code, ErrorCode::cancelled);
      co_return;
    }
    ++accepted;
    connections.spawn(echo(std::move(*stream)));
  }
}

Task<Result<std::string>> receive_exactly(Stream& stream, std::size_t size) {
  std::string got(size, '\0');
  for (std::size_t have = 0; have < size;) {
    const Result<std::size_t> more = co_await stream.receive(got.data() + have, size - have, Seconds(20));
    if (!more) co_return more.error();
    if (*more == 0) co_return Error{ErrorCode::closed};
    have += *more;
  }
  co_return got;
}

Task<> expect_echo(Stream& stream, std::string text) {
  EXPECT_TRUE(co_await stream.send(text));
  const Result<std::string> got = co_await receive_exactly(stream, text.size());
  EXPECT_TRUE(got) << to_string(got.error());
  if (got) {
    EXPECT_EQ(*got, text);
  }
}

// How many connections, both ends in this process, the limit of descriptors allows, up to `wanted`.
std::size_t connections_allowed(std::size_t wanted) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return std::min<std::size_t>(wanted, (limit.rlim_cur - 100) / 2);
}

Task<> idle_test(Runtime& runtime) {
  const std::size_t count = connections_allowed(2000);
  Result<Listener> listener = Listener::open(runtime, Address::ipv4_loopback(0));
  std::size_t accepted = 0;
  Scope connections(runtime);
  Scope server(runtime);
  server.spawn(serve_echo(*listener, connections, accepted));
  std::vector<Stream> idle;
  for (std::size_t i = 0; i < count; ++i) {
    Result<Stream> stream = co_await connect(runtime, *listener->address(), Seconds(20));
    EXPECT_TRUE(stream) << to_string(stream.error());
    if (!stream) break;
    end_by_reset(stream->handle());
    idle.push_back(std::move(*stream));
  }
  EXPECT_EQ(idle.size(), count);
  Result<Stream> working = co_await connect(runtime, *listener->address(), Seconds(20));
  EXPECT_TRUE(working);
  for (int i = 0; i < 200; ++i) co_await expect_echo(*working, "request " + std::to_string(i));
  EXPECT_EQ(accepted, count + 1);
  EXPECT_GE(runtime.loop().operations_in_flight(), count);
  // The idle ones still work, then all waits end in one go.
  for (std::size_t i = 0; i < idle.size(); i += 97) co_await expect_echo(idle[i], "woken");
  server.cancel();
  connections.cancel();
  co_await server.join();
  co_await connections.join();
}
TEST_P(StreamTest, ThousandsOfIdleConnectionsDoNotDisturbAWorkingOne) { run(idle_test(runtime())); }

Task<> storm_client(Runtime& runtime, Address address, std::size_t index, std::size_t& answered) {
  Result<Stream> stream = co_await connect(runtime, address, Seconds(20));
  EXPECT_TRUE(stream) << to_string(stream.error());
  if (!stream) co_return;
  end_by_reset(stream->handle());
  std::string text = "client " + std::to_string(index);
  co_await expect_echo(*stream, std::move(text));
  ++answered;
}
Task<> storm_test(Runtime& runtime) {
  const std::size_t count = connections_allowed(500);
  Result<Listener> listener = Listener::open(runtime, Address::ipv4_loopback(0), 512);
  std::size_t accepted = 0;
  std::size_t answered = 0;
  Scope connections(runtime);
  Scope server(runtime);
  server.spawn(serve_echo(*listener, connections, accepted));
  for (int wave = 0; wave < 3; ++wave) {
    Scope clients(runtime);
    for (std::size_t i = 0; i < count; ++i) clients.spawn(storm_client(runtime, *listener->address(), i, answered));
    co_await clients.join();
  }
  EXPECT_EQ(answered, 3 * count);
  EXPECT_EQ(accepted, 3 * count);
  server.cancel();
  co_await server.join();
  co_await connections.join();
}
TEST_P(StreamTest, AStormOfConnectionsIsServed) { run(storm_test(runtime())); }

Task<> cancelled_storm_client(Runtime& runtime, Address address) {
  Result<Stream> stream = co_await connect(runtime, address, Seconds(20));
  if (!stream) co_return;
  end_by_reset(stream->handle());
  (void)co_await stream->send("x");
  char buffer[8];
  (void)co_await stream->receive(buffer, sizeof buffer, Seconds(20));
}
Task<> cancelled_storm_test(Runtime& runtime) {
  Result<Listener> listener = Listener::open(runtime, Address::ipv4_loopback(0), 512);
  for (int wave = 0; wave < 12; ++wave) {
    std::size_t accepted = 0;
    Scope connections(runtime);
    Scope server(runtime);
    Scope clients(runtime);
    server.spawn(serve_echo(*listener, connections, accepted));
    for (int i = 0; i < 100; ++i) clients.spawn(cancelled_storm_client(runtime, *listener->address()));
    // Each wave is cut off a few rounds later than the one before.
    for (int i = 0; i < wave; ++i) co_await runtime.yield();
    clients.cancel();
    server.cancel();
    connections.cancel();
    co_await clients.join();
    co_await server.join();
    co_await connections.join();
    EXPECT_EQ(runtime.loop().operations_in_flight(), 0u);
  }
}
TEST_P(StreamTest, AStormCutOffAtAnyPointLeavesNothingInFlight) { run(cancelled_storm_test(runtime())); }

struct Ends {
  Stream client;
  Stream server;
};
Task<Ends> connected(Runtime& runtime, Listener& listener) {
  Result<Stream> client = co_await connect(runtime, *listener.address(), Seconds(20));
  Result<Stream> server = co_await listener.accept();
  EXPECT_TRUE(client && server);
  co_return Ends{std::move(*client), std::move(*server)};
}

void reset(Stream& stream) {
  end_by_reset(stream);
  stream.close();
}

Task<> receive_until_error(Stream& stream, Error& error) {
  char buffer[16];
  const Result<std::size_t> size = co_await stream.receive(buffer, sizeof buffer);
  EXPECT_FALSE(size);
  if (!size) error = size.error();
}
Task<> reset_test(Runtime& runtime) {
  Result<Listener> listener = Listener::open(runtime, Address::ipv4_loopback(0));
  Ends ends = co_await connected(runtime, *listener);
  Error error{ErrorCode::stopping};
  Scope scope(runtime);
  scope.spawn(receive_until_error(ends.server, error));
  (void)co_await runtime.sleep(Milliseconds(1));
  reset(ends.client);
  co_await scope.join();
  EXPECT_EQ(error, system_error(ECONNRESET));
  const Result<> sent = co_await ends.server.send("too late");
  EXPECT_EQ(sent.error(), system_error(EPIPE)) << "a result, never a SIGPIPE";
}
TEST_P(StreamTest, AResetByThePeerIsAnErrorOfTheCallThatWaits) { run(reset_test(runtime())); }

Task<> send_until_error(Stream& stream, Error& error) {
  const std::string bytes(32u << 20, 'r');
  const Result<> sent = co_await stream.send(bytes, Seconds(20));
  EXPECT_FALSE(sent);
  if (!sent) error = sent.error();
}
Task<> reset_send_test(Runtime& runtime) {
  Result<Listener> listener = Listener::open(runtime, Address::ipv4_loopback(0));
  Ends ends = co_await connected(runtime, *listener);
  Error error{ErrorCode::stopping};
  Scope scope(runtime);
  scope.spawn(send_until_error(ends.server, error));
  (void)co_await runtime.sleep(Milliseconds(5));
  reset(ends.client);
  co_await scope.join();
  EXPECT_TRUE(error == system_error(ECONNRESET) || error == system_error(EPIPE)) << to_string(error);
}
TEST_P(StreamTest, AResetEndsASendThatWaitsForRoom) { run(reset_send_test(runtime())); }

Task<> gone_before_accept_test(Runtime& runtime) {
  Result<Listener> listener = Listener::open(runtime, Address::ipv4_loopback(0));
  for (int i = 0; i < 5; ++i) {
    Result<Stream> early = co_await connect(runtime, *listener->address(), Seconds(20));
    EXPECT_TRUE(early);
    reset(*early);
  }
  // Those who gave up may be handed out (and read as reset) or passed over; the one that stays is served.
  Result<Stream> staying = co_await connect(runtime, *listener->address(), Seconds(20));
  EXPECT_TRUE(co_await staying->send("here"));
  bool found = false;
  for (int i = 0; i < 6 && !found; ++i) {
    Result<Stream> accepted = co_await listener->accept();
    EXPECT_TRUE(accepted);
    char buffer[8];
    const Result<std::size_t> size = co_await accepted->receive(buffer, sizeof buffer, Seconds(20));
    found = size && *size > 0;
  }
  EXPECT_TRUE(found);
}
TEST_P(StreamTest, PeersThatGaveUpInTheQueueDoNotStopTheListener) { run(gone_before_accept_test(runtime())); }

Task<> half_close_test(Runtime& runtime) {
  Result<Listener> listener = Listener::open(runtime, Address::ipv4_loopback(0));
  Ends ends = co_await connected(runtime, *listener);
  EXPECT_TRUE(co_await ends.client.send("question"));
  ends.client.shutdown_send();
  const Result<std::string> question = co_await receive_exactly(ends.server, 8);
  EXPECT_EQ(question.value_or(std::string()), "question");
  char buffer[16];
  const Result<std::size_t> end = co_await ends.server.receive(buffer, sizeof buffer, Seconds(20));
  EXPECT_EQ(end.value_or(99u), 0u);
  // The other direction is open: more than the socket's buffer, so that the send has to wait.
  const std::string answer(4u << 20, 'a');
  Scope scope(runtime);
  struct Send {
    static Task<> all(Stream& stream, const std::string& bytes) {
      EXPECT_TRUE(co_await stream.send(bytes, Seconds(20)));
      stream.close();
    }
  };
  scope.spawn(Send::all(ends.server, answer));
  const Result<std::string> got = co_await receive_exactly(ends.client, answer.size());
  EXPECT_EQ(got.value_or(std::string()), answer);
  const Result<std::size_t> last = co_await ends.client.receive(buffer, sizeof buffer, Seconds(20));
  EXPECT_EQ(last.value_or(99u), 0u);
  co_await scope.join();
}
TEST_P(StreamTest, AfterAHalfCloseTheAnswerStillComes) { run(half_close_test(runtime())); }

Task<> send_slowly(Runtime& runtime, Stream& stream, std::string& sent) {
  for (int i = 0; i < 100; ++i) {
    // Around the receiver's time-out, so that now the one, now the other comes first.
    (void)co_await runtime.sleep(Nanoseconds(600'000 + 10'000 * (i % 80)));
    const std::string text = std::to_string(i) + ",";
    EXPECT_TRUE(co_await stream.send(text));
    sent += text;
  }
  stream.shutdown_send();
}
Task<> timer_race_test(Runtime& runtime, bool plain) {
  Result<Listener> listener = Listener::open(runtime, Address::ipv4_loopback(0));
  Ends ends = co_await connected(runtime, *listener);
  Stream receiver(runtime, ends.server.release(), plain);
  std::string sent;
  std::string received;
  Scope scope(runtime);
  scope.spawn(send_slowly(runtime, ends.client, sent));
  for (;;) {
    char buffer[8];
    const Result<std::size_t> size = co_await receiver.receive(buffer, sizeof buffer, Milliseconds(1));
    if (size && *size == 0) break;
    if (size) received.append(buffer, *size);
    if (!size) {
      EXPECT_EQ(size.error().code, ErrorCode::timed_out);
    }
    if (!size && size.error().code != ErrorCode::timed_out) break;
  }
  co_await scope.join();
  EXPECT_EQ(received, sent);
}
TEST_P(StreamTest, NoByteIsLostWhenTimersRaceReceives) {
  run(timer_race_test(runtime(), false));
  run(timer_race_test(runtime(), true));
}

Task<> unix_test(Runtime& runtime) {
  const std::string path = testing::TempDir() + "stint-stream-" + std::to_string(::getpid());
  const Address address = *Address::unix_path(path);
  Result<Listener> listener = Listener::open(runtime, address);
  EXPECT_TRUE(listener);
  std::size_t accepted = 0;
  Scope connections(runtime);
  Scope server(runtime);
  server.spawn(serve_echo(*listener, connections, accepted));
  {
    Result<Stream> stream = co_await connect(runtime, address, Seconds(20));
    EXPECT_TRUE(stream);
    co_await expect_echo(*stream, "through a path");
  }
  server.cancel();
  co_await server.join();
  co_await connections.join();
  ::unlink(path.c_str());
  const Result<Stream> nobody = co_await connect(runtime, address, Seconds(20));
  EXPECT_EQ(nobody.error(), system_error(ENOENT));
}
// The simulated network has no paths.
class UnixStreamTest : public LoopTest {};
STINT_ON_EVERY_LOOP_OF_THE_KERNEL(UnixStreamTest);
TEST_P(UnixStreamTest, WorksAlike) { run(unix_test(runtime())); }

Task<> readiness_test(Runtime& runtime) {
  Result<Listener> listener = Listener::open(runtime, Address::ipv4_loopback(0));
  Ends ends = co_await connected(runtime, *listener);
  EXPECT_TRUE(co_await ends.server.writable(Seconds(20)));
  const Result<> silent = co_await ends.server.readable(Milliseconds(1));
  EXPECT_EQ(silent.error().code, ErrorCode::timed_out);
  EXPECT_TRUE(co_await ends.client.send("ready"));
  EXPECT_TRUE(co_await ends.server.readable(Seconds(20)));
  EXPECT_TRUE(co_await ends.server.readable(Seconds(20))) << "nothing was read by the wait";
  const Result<std::string> got = co_await receive_exactly(ends.server, 5);
  EXPECT_EQ(got.value_or(std::string()), "ready");
  ends.client.close();
  EXPECT_TRUE(co_await ends.server.readable(Seconds(20))) << "the end can be read without waiting";
}
TEST_P(StreamTest, ReadinessIsSaidAndTakesNothing) { run(readiness_test(runtime())); }

}  // namespace
}  // namespace stint
