// SPDX-License-Identifier: Apache-2.0
// The seam itself: single operations on every loop, driven by hand. Each kind cancelled at each point, receives whose
// bytes come beside the cancel, full queues. A peer is a plain socket of the test, outside the loop.
#include "runtime/loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/loop_test_base.h"

namespace stint {
namespace {

struct CountedOperation : Operation {
  CountedOperation(Kind operation_kind, Handle operation_handle) {
    kind = operation_kind;
    handle = operation_handle;
    complete = [](Operation& self) { ++static_cast<CountedOperation&>(self).completions; };
  }
  int completions = 0;
};

// Both ends of a connection: one in the loop, one the test's own.
struct Pair {
  Handle ours = no_handle;
  int peer = -1;
};

class LoopSeamTest : public LoopTest {
 protected:
  void TearDown() override {
    for (const Handle handle : handles_) loop().close(handle);
    for (const int descriptor : descriptors_) ::close(descriptor);
    LoopTest::TearDown();
  }

  void turn(Nanoseconds wait_max) {
    CompletionList done;
    loop().turn(wait_max, done);
    while (Operation* const operation = done.pop()) operation->complete(*operation);
  }
  void turn_until_complete(CountedOperation& operation) {
    for (int i = 0; i < 1000 && operation.completions == 0; ++i) turn(Milliseconds(50));
    ASSERT_EQ(operation.completions, 1);
  }
  // A completion at once counts like a later one.
  void submit(CountedOperation& operation) {
    if (loop().submit(operation)) ++operation.completions;
  }
  void settle(CountedOperation& operation) {
    for (int i = 0; i < 3; ++i) turn(Milliseconds(1));
    EXPECT_EQ(operation.completions, 1) << "an operation completes exactly once";
  }

  Handle own(Handle handle) { return handles_.emplace_back(handle); }
  int own_descriptor(int descriptor) { return descriptors_.emplace_back(descriptor); }
  Handle listener(int backlog = 16) { return own(*loop().listen(Address::ipv4_loopback(0), backlog)); }

  Pair pair() {
    const Handle listening = listener();
    const Address address = *loop().local_address(listening);
    const int peer = own_descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    end_by_reset(peer);
    CountedOperation accept(Operation::Kind::accept, listening);
    submit(accept);
    EXPECT_EQ(::connect(peer, address.native(), address.native_size()), 0);
    turn_until_complete(accept);
    EXPECT_GE(accept.result, 0);
    return Pair{own(accept.result), peer};
  }
  // A connection that takes nothing more. A unix socket stays full, where the buffers of TCP grow and drain.
  Pair full_pair() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    const std::vector<char> bytes(1u << 16, 'f');
    while (::send(ends[0], bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
    }
    return Pair{own(ends[0]), own_descriptor(ends[1])};
  }
  static void expect_written(int descriptor, std::string_view bytes) {
    EXPECT_EQ(::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }

 private:
  std::vector<Handle> handles_;
  std::vector<int> descriptors_;
};
STINT_ON_EVERY_LOOP_OF_THE_KERNEL(LoopSeamTest);

CountedOperation receive_into(std::span<char> buffer, Handle handle, bool plain = false) {
  CountedOperation operation(Operation::Kind::receive, handle);
  operation.data = buffer.data();
  operation.size = buffer.size();
  operation.plain = plain;
  return operation;
}

TEST_P(LoopSeamTest, CancelsEachKindOfOperationOnceBeforeAndAfterTheKernelHasSeenIt) {
  const Pair idle = pair();
  const Pair full = full_pair();
  std::array<char, 16> buffer;
  const std::string bytes(100, 'b');
  const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  const auto cancelled_after = [&](CountedOperation operation, int turns, const char* what) {
    SCOPED_TRACE(std::string(what) + " cancelled after turns: " + std::to_string(turns));
    ASSERT_FALSE(loop().submit(operation));
    for (int i = 0; i < turns; ++i) turn(Nanoseconds::zero());
    ASSERT_EQ(operation.completions, 0);
    EXPECT_EQ(loop().operations_in_flight(), 1u);
    loop().cancel(operation);
    loop().cancel(operation);
    turn_until_complete(operation);
    EXPECT_EQ(operation.result, -ECANCELED);
    loop().cancel(operation);
    settle(operation);
    EXPECT_EQ(loop().operations_in_flight(), 0u);
  };
  CountedOperation send(Operation::Kind::send, full.ours);
  send.parts = &part;
  send.part_count = 1;
  CountedOperation send_parts = send;
  const iovec parts[] = {part, part};
  send_parts.parts = parts;
  send_parts.part_count = 2;
  const Handle listening = listener();
  for (const int turns : {0, 1, 3}) {
    cancelled_after(CountedOperation(Operation::Kind::accept, listening), turns, "accept");
    cancelled_after(receive_into(buffer, idle.ours), turns, "receive");
    cancelled_after(receive_into(buffer, idle.ours, true), turns, "plain receive");
    cancelled_after(CountedOperation(Operation::Kind::readable, idle.ours), turns, "readable");
    cancelled_after(CountedOperation(Operation::Kind::writable, full.ours), turns, "writable");
    cancelled_after(send, turns, "send of one part");
    cancelled_after(send_parts, turns, "send of two parts");
  }
  // The handles are none the worse for it.
  CountedOperation receive = receive_into(buffer, idle.ours);
  submit(receive);
  expect_written(idle.peer, "still here");
  turn_until_complete(receive);
  EXPECT_EQ(receive.result, 10);
}

TEST_P(LoopSeamTest, CancelsAConnectThatNobodyAnswers) {
  const Handle listening = listener(0);
  const Address address = *loop().local_address(listening);
  // Fills the queue of the listener, which then ignores whoever comes next.
  for (int i = 0; i < 8; ++i) {
    const int filler = own_descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int connected = ::connect(filler, address.native(), address.native_size());
    EXPECT_TRUE(connected == 0 || errno == EINPROGRESS) << errno;
  }
  for (const int turns : {0, 2}) {
    CountedOperation connect(Operation::Kind::connect, own(*loop().open_stream(address)));
    connect.address = &address;
    ASSERT_FALSE(loop().submit(connect));
    for (int i = 0; i < turns; ++i) turn(Nanoseconds::zero());
    ASSERT_EQ(connect.completions, 0);
    loop().cancel(connect);
    turn_until_complete(connect);
    EXPECT_EQ(connect.result, -ECANCELED);
    settle(connect);
  }
}

TEST_P(LoopSeamTest, AReceiveThatHasItsBytesBeforeTheCancelReturnsThem) {
  for (const bool plain : {false, true}) {
    const Pair connection = pair();
    std::array<char, 16> buffer{};
    CountedOperation receive = receive_into(buffer, connection.ours, plain);
    submit(receive);
    turn(Nanoseconds::zero());
    expect_written(connection.peer, "data");
    loop().cancel(receive);  // as after a freeze: the timer is late, the bytes are there
    turn_until_complete(receive);
    EXPECT_EQ(receive.result, 4);
    EXPECT_EQ(std::string_view(buffer.data(), 4), "data");
    settle(receive);
  }
}

TEST_P(LoopSeamTest, AnAcceptThatHasItsConnectionBeforeTheCancelReturnsIt) {
  const Handle listening = listener();
  const Address address = *loop().local_address(listening);
  CountedOperation accept(Operation::Kind::accept, listening);
  submit(accept);
  turn(Nanoseconds::zero());
  const int peer = own_descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::connect(peer, address.native(), address.native_size()), 0);
  loop().cancel(accept);
  turn_until_complete(accept);
  ASSERT_GE(accept.result, 0);
  own(accept.result);
}

TEST_P(LoopSeamTest, NoByteIsLostOrDoubledByReceivesThatAreCancelledAtAnyPoint) {
  for (const bool plain : {false, true}) {
    const Pair connection = pair();
    std::string sent;
    std::string received;
    int cancelled = 0;
    unsigned random = 12345;
    for (int round = 0; round < 400; ++round) {
      random = random * 1103515245 + 12345;
      const unsigned when = (random >> 16) % 6;
      const std::string bytes(1 + (random >> 20) % 7, static_cast<char>('a' + round % 26));
      const auto write = [&](unsigned point) {
        if (when != point) return;
        expect_written(connection.peer, bytes);
        sent += bytes;
      };
      std::array<char, 6> buffer;
      CountedOperation receive = receive_into(buffer, connection.ours, plain);
      write(0);
      submit(receive);
      write(1);
      if (round % 2 == 0) turn(Nanoseconds::zero());
      write(2);
      if (receive.completions == 0) loop().cancel(receive);
      write(3);
      turn_until_complete(receive);
      write(4);
      if (receive.result == -ECANCELED) {
        ++cancelled;
      } else {
        ASSERT_GT(receive.result, 0);
        received.append(buffer.data(), static_cast<std::size_t>(receive.result));
      }
    }
    ::shutdown(connection.peer, SHUT_WR);
    for (int i = 0; i < 10'000; ++i) {
      std::array<char, 64> buffer;
      CountedOperation receive = receive_into(buffer, connection.ours, plain);
      submit(receive);
      turn_until_complete(receive);
      ASSERT_GE(receive.result, 0);
      if (receive.result == 0) break;
      received.append(buffer.data(), static_cast<std::size_t>(receive.result));
    }
    EXPECT_EQ(received, sent);
    EXPECT_GT(cancelled, 0) << "no receive was cancelled: the test tested nothing";
    EXPECT_LT(cancelled, 400);
  }
}

TEST_P(LoopSeamTest, APlainReceiveLeavesItsBytesInTheSocketUntilTheTurn) {
  const Pair connection = pair();
  std::array<char, 16> buffer{};
  CountedOperation receive = receive_into(buffer, connection.ours, true);
  submit(receive);
  turn(Nanoseconds::zero());
  expect_written(connection.peer, "answer");
  // A crash here would hand the descriptor on: whoever takes over must find the bytes.
  pollfd entry{connection.ours, POLLIN, 0};
  ASSERT_EQ(::poll(&entry, 1, 1000), 1);
  std::array<char, 16> found{};
  EXPECT_EQ(::recv(connection.ours, found.data(), found.size(), MSG_PEEK | MSG_DONTWAIT), 6);
  EXPECT_EQ(buffer[0], '\0');
  turn_until_complete(receive);
  EXPECT_EQ(std::string_view(buffer.data(), 6), "answer");
}

TEST_P(LoopSeamTest, APlainSendIsOutWhenSubmitReturns) {
  const Pair connection = pair();
  constexpr int sends = 100;  // more than are completed at once for others
  for (int i = 0; i < sends; ++i) {
    iovec part{const_cast<char*>("x"), 1};
    CountedOperation send(Operation::Kind::send, connection.ours);
    send.plain = true;
    send.parts = &part;
    send.part_count = 1;
    EXPECT_TRUE(loop().submit(send));
    EXPECT_EQ(send.result, 1);
  }
  std::array<char, sends> found{};
  EXPECT_EQ(::recv(connection.peer, found.data(), found.size(), MSG_WAITALL), sends);
}

TEST_P(LoopSeamTest, ATurnThatDoesNotWaitBringsWhatHasCome) {
  const Pair connection = pair();
  for (const bool plain : {false, true}) {
    std::array<char, 16> buffer;
    CountedOperation receive = receive_into(buffer, connection.ours, plain);
    submit(receive);
    turn(Nanoseconds::zero());
    expect_written(connection.peer, "x");
    for (int i = 0; i < 100'000 && receive.completions == 0; ++i) turn(Nanoseconds::zero());
    EXPECT_EQ(receive.result, 1);
    ASSERT_EQ(receive.completions, 1);
  }
}

TEST_P(LoopSeamTest, AWakeUpForBytesThatSomebodyElseTookIsNoAnswer) {
  const Pair connection = pair();
  for (const bool cancelled_then : {false, true}) {
    std::array<char, 16> buffer{};
    CountedOperation receive = receive_into(buffer, connection.ours, true);
    submit(receive);
    turn(Nanoseconds::zero());
    expect_written(connection.peer, "taken");
    pollfd entry{connection.ours, POLLIN, 0};
    ASSERT_EQ(::poll(&entry, 1, 1000), 1);
    ASSERT_EQ(::recv(connection.ours, buffer.data(), buffer.size(), MSG_DONTWAIT), 5);
    turn(Nanoseconds::zero());
    ASSERT_EQ(receive.completions, 0);
    if (cancelled_then) {
      loop().cancel(receive);
      turn_until_complete(receive);
      EXPECT_EQ(receive.result, -ECANCELED);
    } else {
      expect_written(connection.peer, "kept");
      turn_until_complete(receive);
      EXPECT_EQ(receive.result, 4);
    }
    settle(receive);
  }
}

TEST_P(LoopSeamTest, PipesAndNonBlockingSocketsOfOthersCanBeReceivedFrom) {
  int pipe_ends[2];
  ASSERT_EQ(::pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK), 0);
  int sockets[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets), 0);
  for (const int descriptor : {pipe_ends[1], sockets[1]}) own_descriptor(descriptor);
  for (const Handle handle : {pipe_ends[0], sockets[0]}) own(handle);
  const struct {
    Handle handle;
    int writer;
    bool plain;
  } cases[] = {{pipe_ends[0], pipe_ends[1], true}, {sockets[0], sockets[1], false}, {sockets[0], sockets[1], true}};
  for (const auto& [handle, writer, plain] : cases) {
    std::array<char, 16> buffer{};
    CountedOperation receive = receive_into(buffer, handle, plain);
    submit(receive);
    for (int i = 0; i < 3; ++i) turn(Nanoseconds::zero());
    ASSERT_EQ(receive.completions, 0);
    ASSERT_EQ(::write(writer, "pipe", 4), 4);
    turn_until_complete(receive);
    EXPECT_EQ(receive.result, 4);
    EXPECT_EQ(std::string_view(buffer.data(), 4), "pipe");
    CountedOperation again = receive_into(buffer, handle, plain);
    ASSERT_FALSE(loop().submit(again));
    for (int i = 0; i < 3; ++i) turn(Nanoseconds::zero());
    loop().cancel(again);
    turn_until_complete(again);
    EXPECT_EQ(again.result, -ECANCELED);
  }
}

TEST_P(LoopSeamTest, MoreOperationsInOneTurnThanTheQueueHoldsAllComplete) {
  constexpr std::size_t count = 300;
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < count; ++i) pairs.push_back(pair());
  // Each send has parts and a content of its own: message headers must not be mixed up.
  std::vector<std::string> texts;
  std::vector<std::array<iovec, 3>> parts(count);
  std::vector<std::unique_ptr<CountedOperation>> sends;
  for (std::size_t i = 0; i < count; ++i) texts.push_back("connection " + std::to_string(i) + ".");
  for (std::size_t i = 0; i < count; ++i) {
    char* const text = texts[i].data();
    parts[i] = {iovec{text, 4}, iovec{text + 4, 7}, iovec{text + 11, texts[i].size() - 11}};
    sends.push_back(std::make_unique<CountedOperation>(Operation::Kind::send, pairs[i].ours));
    sends[i]->parts = parts[i].data();
    sends[i]->part_count = 3;
    submit(*sends[i]);
  }
  for (const auto& send : sends) turn_until_complete(*send);
  for (std::size_t i = 0; i < count; ++i) {
    EXPECT_EQ(sends[i]->result, static_cast<std::int32_t>(texts[i].size()));
    std::array<char, 64> found;
    const ssize_t size = ::recv(pairs[i].peer, found.data(), found.size(), 0);
    EXPECT_EQ(std::string_view(found.data(), static_cast<std::size_t>(size)), texts[i]);
  }
  // Receives that all wait, then are all cancelled in one turn.
  std::vector<std::array<char, 8>> buffers(count);
  std::vector<std::unique_ptr<CountedOperation>> receives;
  for (std::size_t i = 0; i < count; ++i) {
    receives.push_back(std::make_unique<CountedOperation>(receive_into(buffers[i], pairs[i].ours, i % 2 == 0)));
    ASSERT_FALSE(loop().submit(*receives[i]));
  }
  EXPECT_EQ(loop().operations_in_flight(), count);
  for (const auto& receive : receives) loop().cancel(*receive);
  for (const auto& receive : receives) {
    turn_until_complete(*receive);
    EXPECT_EQ(receive->result, -ECANCELED);
  }
}

TEST_P(LoopSeamTest, ManyReceivesCompletedAtOnceAreAllHandedOut) {
  constexpr std::size_t count = 500;
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < count; ++i) pairs.push_back(pair());
  std::vector<std::array<char, 8>> buffers(count);
  std::vector<std::unique_ptr<CountedOperation>> receives;
  for (std::size_t i = 0; i < count; ++i) {
    receives.push_back(std::make_unique<CountedOperation>(receive_into(buffers[i], pairs[i].ours)));
    ASSERT_FALSE(loop().submit(*receives[i]));
  }
  turn(Nanoseconds::zero());
  for (const Pair& each : pairs) expect_written(each.peer, "x");
  for (const auto& receive : receives) {
    turn_until_complete(*receive);
    EXPECT_EQ(receive->result, 1);
  }
}

TEST_P(LoopSeamTest, ThePortIsFreeAfterAListenerWithAPendingAcceptIsClosed) {
  for (int round = 0; round < 20; ++round) {
    const Handle listening = *loop().listen(Address::ipv4_loopback(0), 16);
    const Address address = *loop().local_address(listening);
    CountedOperation accept(Operation::Kind::accept, listening);
    ASSERT_FALSE(loop().submit(accept));
    turn(Nanoseconds::zero());
    loop().cancel(accept);
    turn_until_complete(accept);
    EXPECT_EQ(accept.result, -ECANCELED);
    loop().close(listening);
    Result<Handle> again = Error{ErrorCode::in_use};
    for (int i = 0; i < 1000 && !again; ++i) {
      again = loop().listen(address, 16);
      if (!again) turn(Milliseconds(1));
    }
    ASSERT_TRUE(again);
    loop().close(*again);
  }
}

TEST_P(LoopSeamTest, TimeStandsStillWithinATurnAndAWaitIsAWait) {
  const MonotonicTime start = loop().monotonic_now();
  const EpochTime epoch_start = loop().epoch_now();
  timespec pause{0, 2'000'000};
  ::nanosleep(&pause, nullptr);
  EXPECT_EQ(loop().monotonic_now(), start);
  EXPECT_EQ(loop().epoch_now(), epoch_start);
  int turns = 0;
  for (; turns < 100 && loop().monotonic_now() < start + Milliseconds(20); ++turns) turn(Milliseconds(20));
  EXPECT_LT(turns, 100) << "the loop spins where it should wait";
  EXPECT_GT(loop().epoch_now(), epoch_start);
}

TEST_P(LoopSeamTest, TheLongestWaitIsTakenAndEndsWithACompletion) {
  const Pair connection = pair();
  std::array<char, 8> buffer;
  CountedOperation receive = receive_into(buffer, connection.ours);
  submit(receive);
  expect_written(connection.peer, "x");
  for (int i = 0; i < 100 && receive.completions == 0; ++i) turn(Nanoseconds::max());
  EXPECT_EQ(receive.result, 1);
}

}  // namespace
}  // namespace stint
