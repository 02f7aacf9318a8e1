// SPDX-License-Identifier: Apache-2.0
// The simulated network itself: what a program can tell from its sockets, and the same run from the same seed. What
// holds on every loop is tested with the runtime.
#include "sim/network.h"

#include <gtest/gtest.h>

#include "runtime/stream.h"
#include "sim/simulated_loop.h"

namespace stint::sim {
namespace {

/// Two processes and the network between them, turned in turn.
class NetworkTest : public testing::Test {
 protected:
  void run(Task<> left, Task<> right) {
    left_runtime_.begin(std::move(left));
    right_runtime_.begin(std::move(right));
    bool left_ended = false, right_ended = false;
    for (int turns = 0; turns < 1'000'000 && !(left_ended && right_ended); ++turns) {
      if (!left_ended && !left_.frozen()) left_ended = left_runtime_.turn(Nanoseconds::zero());
      if (!right_ended && !right_.frozen()) right_ended = right_runtime_.turn(Nanoseconds::zero());
      network_.advance(network_.now() + std::chrono::microseconds(10));
      if (thaw_at_ && network_.now() >= *thaw_at_) thaw();
    }
    EXPECT_TRUE(left_ended && right_ended);
  }
  void freeze_right(Nanoseconds time, bool clock_stops = false) {
    right_.freeze(clock_stops);
    thaw_at_ = network_.now() + time;
  }
  void thaw() {
    right_.thaw();
    thaw_at_.reset();
  }
  Address address() { return Address::ipv4_loopback(4318); }

  Network network_{11};
  SimulatedLoop left_{network_};
  SimulatedLoop right_{network_};
  Runtime left_runtime_{left_};
  Runtime right_runtime_{right_};
  std::optional<MonotonicTime> thaw_at_;

  // Bodies.
  Task<> send_bytes(std::string bytes, Error& error) {
    Result<Stream> stream = co_await connect(left_runtime_, address(), Seconds(5));
    if (!stream) {
      error = stream.error();
      co_return;
    }
    const Result<> sent = co_await stream->send(bytes);
    if (!sent) error = sent.error();
    stream->shutdown_send();
    char rest[16];
    const Result<std::size_t> received = co_await stream->receive(rest, sizeof rest, Seconds(30));
    if (!received) error = received.error();
  }
  Task<> receive_all(std::string& bytes) {
    Result<Listener> listener = Listener::open(right_runtime_, address());
    EXPECT_TRUE(listener);
    Result<Stream> stream = co_await listener->accept();
    EXPECT_TRUE(stream);
    for (;;) {
      char buffer[1000];
      const Result<std::size_t> size = co_await stream->receive(buffer, sizeof buffer);
      EXPECT_TRUE(size);
      if (!size || *size == 0) co_return;
      bytes.append(buffer, *size);
    }
  }
  Task<> listen_and_leave(Nanoseconds after) {
    Result<Listener> listener = Listener::open(right_runtime_, address());
    EXPECT_TRUE(co_await right_runtime_.sleep(after));
  }
  Task<> accept_and_close() {
    Result<Listener> listener = Listener::open(right_runtime_, address());
    Result<Stream> stream = co_await listener->accept();
    EXPECT_TRUE(stream);
    EXPECT_TRUE(co_await right_runtime_.sleep(Seconds(1)));  // until bytes have come, which nobody reads
  }
  Task<> receive_until_killed(std::string& bytes) {
    Result<Listener> listener = Listener::open(right_runtime_, address());
    Result<Stream> stream = co_await listener->accept();
    char buffer[1000];
    for (;;) {
      const Result<std::size_t> size = co_await stream->receive(buffer, sizeof buffer);
      if (!size || *size == 0) co_return;
      bytes.append(buffer, *size);
    }
  }
  Task<> note_times(std::vector<Nanoseconds>& times) {
    const MonotonicTime start = right_runtime_.now();
    const EpochTime epoch = right_runtime_.epoch_now();
    EXPECT_TRUE(co_await right_runtime_.sleep(Milliseconds(10)));
    times = {right_runtime_.now() - start, right_runtime_.epoch_now() - epoch};
  }
  Task<> freeze_soon(bool clock_stops) {
    EXPECT_TRUE(co_await left_runtime_.sleep(Milliseconds(5)));
    freeze_right(Seconds(1), clock_stops);
  }
};

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>('a' + i % 23);
  return bytes;
}

TEST_F(NetworkTest, BytesArriveWholeAndInOrderThroughSmallBuffers) {
  const std::string sent = pattern(1'000'000);
  std::string received;
  Error error{ErrorCode::stopping};
  run(send_bytes(sent, error), receive_all(received));
  EXPECT_TRUE(received == sent);
  EXPECT_EQ(error, Error{ErrorCode::stopping}) << to_string(error);
}

TEST_F(NetworkTest, ACloseWithUnreadBytesIsAReset) {
  Error error{ErrorCode::stopping};
  run(send_bytes(pattern(100), error), accept_and_close());
  EXPECT_EQ(error, system_error(ECONNRESET));
}

TEST_F(NetworkTest, WhoeverWaitsInABacklogIsResetWithItsListener) {
  Error error{ErrorCode::stopping};
  run(send_bytes(pattern(100), error), listen_and_leave(Seconds(1)));
  EXPECT_EQ(error, system_error(ECONNRESET));
}

TEST_F(NetworkTest, ABlackHoleAnswersNothing) {
  Error error{ErrorCode::stopping};
  network_.set_route(address(), Route::black_hole);
  run(send_bytes("x", error), listen_and_leave(Seconds(1)));
  EXPECT_EQ(error.code, ErrorCode::timed_out);
}

TEST_F(NetworkTest, AFrozenProcessGetsItsBytesAfterTheThaw) {
  const std::string sent = pattern(100'000);
  std::string received;
  Error error{ErrorCode::stopping};
  freeze_right(Seconds(2));
  network_.advance(network_.now() + Seconds(1));
  thaw();
  run(send_bytes(sent, error), receive_all(received));
  EXPECT_TRUE(received == sent);
}

TEST_F(NetworkTest, BothClocksMoveOnInAFreezeOrOnlyTheEpoch) {
  for (const bool clock_stops : {false, true}) {
    std::vector<Nanoseconds> times;
    run(freeze_soon(clock_stops), note_times(times));
    ASSERT_EQ(times.size(), 2u);
    EXPECT_GE(times[1], Seconds(1));
    EXPECT_EQ(times[0] < Milliseconds(500), clock_stops);
  }
}

TEST_F(NetworkTest, APlantedErrorHitsItsCallAndNoOther) {
  Error error{ErrorCode::stopping};
  left_.add_fault({1, Fault::Kind::error});  // open_stream, connect
  run(send_bytes("x", error), listen_and_leave(Milliseconds(10)));
  EXPECT_EQ(error, system_error(ECONNREFUSED));
  EXPECT_TRUE(left_.hit().starts_with("connect")) << left_.hit();
}

TEST_F(NetworkTest, APeerSeesThatAProcessIsKilled) {
  Error error{ErrorCode::stopping};
  std::string received;
  right_.add_fault({6, Fault::Kind::kill});  // in one of its receives
  run(send_bytes(pattern(1'000'000), error), receive_until_killed(received));
  EXPECT_TRUE(right_.abandoned());
  EXPECT_EQ(error, system_error(ECONNRESET));
}

TEST(LoneLoop, AWaitThatNothingCanEndIsAFailedCheck) {
  EXPECT_DEATH(
      {
        const auto loop = make_lone_loop(1);
        CompletionList done;
        loop->turn(Nanoseconds::max(), done);
      },
      "check failed");
}

}  // namespace
}  // namespace stint::sim
