// SPDX-License-Identifier: Apache-2.0
// Tasks, scopes, timers, channels, race and all, on every loop.
#include "runtime/runtime.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/channel.h"
#include "runtime/combine.h"
#include "runtime/loop_test_base.h"
#include "runtime/scope.h"
#include "runtime/stream.h"

namespace stint {
namespace {

class RuntimeTest : public LoopTest {};
STINT_ON_EVERY_LOOP(RuntimeTest);

Task<Result<int>> sleep_then(Runtime& runtime, Nanoseconds duration, int value) {
  const Result<> slept = co_await runtime.sleep(duration);
  if (!slept) co_return slept.error();
  co_return value;
}

Task<> race_test(Runtime& runtime) {
  auto raced = co_await race(runtime, sleep_then(runtime, Seconds(60), 1), sleep_then(runtime, Milliseconds(1), 2));
  EXPECT_EQ(raced.first, 1u);
  EXPECT_EQ(std::get<0>(raced.results).error().code, ErrorCode::cancelled);
  EXPECT_EQ(*std::get<1>(raced.results), 2);
}
TEST_P(RuntimeTest, ARaceCancelsTheLosersAndWaitsForThem) { run(race_test(runtime())); }

Task<> all_test(Runtime& runtime) {
  auto [a, b] = co_await all(runtime, sleep_then(runtime, Milliseconds(2), 1), sleep_then(runtime, Milliseconds(1), 2));
  EXPECT_EQ(*a, 1);
  EXPECT_EQ(*b, 2);
}
TEST_P(RuntimeTest, AllWaitsForEveryOne) { run(all_test(runtime())); }

Task<Result<int>> nested_race(Runtime& runtime, int& cancelled) {
  auto raced = co_await race(runtime, sleep_then(runtime, Seconds(60), 1), sleep_then(runtime, Seconds(60), 2));
  if (!std::get<0>(raced.results) && !std::get<1>(raced.results)) ++cancelled;
  co_return Error{ErrorCode::cancelled};
}
Task<> nested_test(Runtime& runtime) {
  int cancelled = 0;
  auto raced = co_await race(runtime, nested_race(runtime, cancelled), sleep_then(runtime, Milliseconds(1), 2));
  EXPECT_EQ(raced.first, 1u);
  EXPECT_EQ(cancelled, 1);
}
TEST_P(RuntimeTest, ACancellationReachesTheOperandsOfANestedRace) { run(nested_test(runtime())); }

Task<> mark_when_cancelled(Runtime& runtime, bool& marked) {
  const Result<> slept = co_await runtime.sleep(Seconds(60));
  marked = !slept && slept.error().code == ErrorCode::cancelled;
  const Result<> again = co_await runtime.sleep(Seconds(60));
  EXPECT_FALSE(again) << "a cancelled task must not begin to wait again";
}
Task<> scope_test(Runtime& runtime) {
  bool marked = false;
  Scope scope(runtime);
  scope.spawn(mark_when_cancelled(runtime, marked));
  EXPECT_TRUE(co_await runtime.sleep(Milliseconds(1)));
  scope.cancel();
  co_await scope.join();
  EXPECT_TRUE(marked);
}
TEST_P(RuntimeTest, AScopeCancelsAndJoinsItsTasks) { run(scope_test(runtime())); }

Task<> early_test(Runtime& runtime) {
  bool marked = false;
  Scope scope(runtime);
  scope.spawn(mark_when_cancelled(runtime, marked));
  scope.cancel();  // before its first step
  co_await scope.join();
  EXPECT_TRUE(marked) << "its first operation must say that it is cancelled";
}
TEST_P(RuntimeTest, ATaskCancelledBeforeItsFirstStepIsToldAtItsFirstOperation) { run(early_test(runtime())); }

Task<> produce(Channel<int>& channel, int count) {
  for (int i = 0; i < count; ++i) EXPECT_TRUE(co_await channel.send(i));
  channel.close();
}
Task<> channel_test(Runtime& runtime) {
  Channel<int> channel(runtime, 2);
  Scope scope(runtime);
  scope.spawn(produce(channel, 10));
  std::vector<int> received;
  for (;;) {
    Result<int> value = co_await channel.receive();
    if (!value) {
      EXPECT_EQ(value.error().code, ErrorCode::closed);
      break;
    }
    EXPECT_LE(channel.size(), 2u);
    received.push_back(*value);
  }
  EXPECT_EQ(received, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  co_await scope.join();
}
TEST_P(RuntimeTest, AChannelKeepsOrderAndItsBound) { run(channel_test(runtime())); }

Task<> timeout_test(Runtime& runtime) {
  Notifier notifier(runtime);
  const Result<> waited = co_await notifier.wait(runtime.now() + Milliseconds(1));
  EXPECT_EQ(waited.error().code, ErrorCode::timed_out);
}
TEST_P(RuntimeTest, ANotifierGivesUpAtItsDeadline) { run(timeout_test(runtime())); }

Task<> echo_once(Listener& listener) {
  Result<Stream> peer = co_await listener.accept();
  if (!peer) co_return;
  char buffer[64];
  for (;;) {
    Result<std::size_t> size = co_await peer->receive(buffer, sizeof buffer);
    if (!size || *size == 0) co_return;
    EXPECT_TRUE(co_await peer->send(std::string_view(buffer, *size)));
  }
}
Task<> echo_test(Runtime& runtime) {
  Result<Listener> listener = Listener::open(runtime, Address::ipv4_loopback(0));
  EXPECT_TRUE(listener);
  Scope scope(runtime);
  scope.spawn(echo_once(*listener));
  Result<Stream> stream = co_await connect(runtime, *listener->address(), Seconds(5));
  EXPECT_TRUE(stream);
  EXPECT_TRUE(co_await stream->send("hello"));
  std::string got;
  char buffer[64];
  while (got.size() < 5) {
    Result<std::size_t> size = co_await stream->receive(buffer, sizeof buffer, Seconds(5));
    EXPECT_TRUE(size);
    if (!size || *size == 0) break;
    got.append(buffer, *size);
  }
  EXPECT_EQ(got, "hello");
  Result<std::size_t> silent = co_await stream->receive(buffer, sizeof buffer, Milliseconds(1));
  EXPECT_EQ(silent.error().code, ErrorCode::timed_out);
  stream->close();
  co_await scope.join();
}
TEST_P(RuntimeTest, BytesGoOutAndComeBackAndSilenceTimesOut) { run(echo_test(runtime())); }

Task<> large_sender(Stream& stream, const std::string& bytes) {
  EXPECT_TRUE(co_await stream.send(bytes));
  stream.shutdown_send();
}
Task<> large_test(Runtime& runtime) {
  Result<Listener> listener = Listener::open(runtime, Address::ipv4_loopback(0));
  Result<Stream> out = co_await connect(runtime, *listener->address(), Seconds(5));
  Result<Stream> in = co_await listener->accept();
  EXPECT_TRUE(out && in);
  const std::string bytes(8u << 20, 'z');
  Scope scope(runtime);
  scope.spawn(large_sender(*out, bytes));
  std::size_t total = 0;
  std::vector<char> buffer(100'000);
  for (;;) {
    Result<std::size_t> size = co_await in->receive(buffer.data(), buffer.size(), Seconds(10));
    EXPECT_TRUE(size);
    if (!size || *size == 0) break;
    total += *size;
  }
  EXPECT_EQ(total, bytes.size());
  co_await scope.join();
}
TEST_P(RuntimeTest, ASendLargerThanTheSocketBufferArrivesWhole) { run(large_test(runtime())); }

Task<> refused_test(Runtime& runtime) {
  Address nobody;
  {
    Result<Listener> listener = Listener::open(runtime, Address::ipv4_loopback(0));
    nobody = *listener->address();
  }
  Result<Stream> stream = co_await connect(runtime, nobody, Seconds(5));
  EXPECT_FALSE(stream);
  EXPECT_EQ(stream.error(), system_error(ECONNREFUSED));
}
TEST_P(RuntimeTest, AConnectionNobodyListensForIsRefused) { run(refused_test(runtime())); }

Task<> in_use_test(Runtime& runtime) {
  Result<Listener> first = Listener::open(runtime, Address::ipv4_loopback(0));
  Result<Listener> second = Listener::open(runtime, *first->address());
  EXPECT_EQ(second.error().code, ErrorCode::in_use);
  co_return;
}
TEST_P(RuntimeTest, APortInUseIsSaid) { run(in_use_test(runtime())); }

}  // namespace
}  // namespace stint
