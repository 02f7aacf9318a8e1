// SPDX-License-Identifier: Apache-2.0
// Crashes of a forked child whose place is taken by a program that prints its arguments: what would be handed over.
#include "lambda/crash_handler.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <exception>
#include <string>

#include "base/check.h"
#include "base/log.h"
#include "runtime/socket_calls.h"

namespace stint::lambda {
namespace {

struct Crashed {
  std::string output;
  int status = 0;
};

// The arguments are printed without the program's name: "--inert stage connection telemetry lost authority ...".
Crashed crash(Handover::Stage stage, void (*how)(), const char* program = "/bin/echo") {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::dup2(ends[1], STDERR_FILENO);
    static DataCounters data;
    data.accepted = 10;
    data.delivered = 3;
    static Handover handover;
    Handover::copy("127.0.0.1:9001", handover.authority);
    Handover::copy("the-identifier", handover.identifier);
    handover.data = &data;
    handover.wait_for(stage, ends[1]);
    const CrashHandler handler(handover, {.program = program, .executable = program});
    how();
    ::_exit(0);
  }
  ::close(ends[1]);
  Crashed crashed;
  char bytes[1024];
  for (ssize_t size = 0; (size = ::read(ends[0], bytes, sizeof bytes)) > 0;) {
    crashed.output.append(bytes, static_cast<std::size_t>(size));
  }
  ::close(ends[0]);
  EXPECT_EQ(::waitpid(child, &crashed.status, 0), child);
  return crashed;
}

void fail_a_check() { STINT_CHECK(1 + 1 == 3); }
void throw_it() { throw std::bad_exception(); }
void throw_uncaught() noexcept { throw_it(); }
// Each frame is needed after the call, so none is left out.
std::size_t descend(std::size_t depth) {
  volatile char frame[4096];
  frame[depth % sizeof frame] = 1;
  const std::size_t below = depth == SIZE_MAX ? 0 : descend(depth + 1);
  return below + static_cast<std::size_t>(frame[depth % sizeof frame]);
}
void overflow_the_stack() { ::_exit(descend(0) == 1 ? 1 : 2); }

TEST(CrashHandler, HandsOverAfterAFailedCheck) {
  const Crashed crashed = crash(Handover::Stage::registered, fail_a_check);
  EXPECT_EQ(crashed.status, 0);
  EXPECT_TRUE(crashed.output.starts_with("--inert 2 -1 -1 7 127.0.0.1:9001 the-identifier check failed: 1 + 1 == 3 ("))
      << crashed.output;
  EXPECT_NE(crashed.output.find("crash_handler_test.cpp:"), std::string::npos) << crashed.output;
}

TEST(CrashHandler, HandsOverAfterTerminate) {
  const Crashed crashed = crash(Handover::Stage::registered, throw_uncaught);
  EXPECT_EQ(crashed.status, 0);
  EXPECT_NE(crashed.output.find("the-identifier std::terminate of St13bad_exception"), std::string::npos)
      << crashed.output;
}

TEST(CrashHandler, HandsOverAfterAbort) {
  const Crashed crashed = crash(Handover::Stage::registered, [] { std::abort(); });
  EXPECT_EQ(crashed.status, 0);
  EXPECT_NE(crashed.output.find("the-identifier SIGABRT"), std::string::npos) << crashed.output;
}

#if !defined(STINT_SANITIZED)  // which see it first
void write_to_null() {
  volatile int* volatile nowhere = nullptr;
  *nowhere = 1;
}

TEST(CrashHandler, HandsOverAfterAWriteToNull) {
  const Crashed crashed = crash(Handover::Stage::registered, write_to_null);
  EXPECT_EQ(crashed.status, 0);
  EXPECT_NE(crashed.output.find("the-identifier SIGSEGV for address 0x0 at 0x"), std::string::npos) << crashed.output;
}
#endif

TEST(CrashHandler, HandsOverAfterAStackOverflow) {
  const Crashed crashed = crash(Handover::Stage::registered, overflow_the_stack);
  EXPECT_EQ(crashed.status, 0);
  EXPECT_NE(crashed.output.find("the-identifier SIGSEGV for address 0x"), std::string::npos) << crashed.output;
}

TEST(CrashHandler, KeepsTheConnectionOnlyWithAnAnswerToCome) {
  for (const auto stage : {Handover::Stage::registering, Handover::Stage::waiting}) {
    const Crashed crashed = crash(stage, [] { (void)::raise(SIGILL); });
    const std::string expected = stage == Handover::Stage::waiting ? "--inert 3 " : "--inert 1 ";
    EXPECT_TRUE(crashed.output.starts_with(expected)) << crashed.output;
    EXPECT_FALSE(crashed.output.starts_with(expected + "-1 ")) << crashed.output;
  }
}

TEST(CrashHandler, EndsTheProcessWhenNobodyCanTakeItsPlace) {
  const Crashed unregistered = crash(Handover::Stage::none, fail_a_check);
  EXPECT_EQ(unregistered.status, 70 << 8);
  EXPECT_TRUE(unregistered.output.starts_with("stint: crashed: check failed: ")) << unregistered.output;
  const Crashed impossible = crash(Handover::Stage::registered, fail_a_check, "/nonexistent");
  EXPECT_EQ(impossible.status, 70 << 8);
  EXPECT_NE(impossible.output.find("it cannot start again"), std::string::npos) << impossible.output;
}

std::string link_of(int descriptor) {
  struct stat status{};
  EXPECT_EQ(::fstat(descriptor, &status), 0);
  return concat("socket:[", status.st_ino, "]");
}

TEST(CrashHandler, LeavesListeningSocketsOpenAndOthersClosed) {
  char path[] = "/tmp/stint-crash-XXXXXX";
  const int file = ::mkstemp(path);
  constexpr std::string_view script = "#!/bin/sh\nreadlink /proc/$$/fd/*\n";
  ASSERT_EQ(::write(file, script.data(), script.size()), static_cast<ssize_t>(script.size()));
  ::fchmod(file, 0700);
  ::close(file);
  const int listening = *socket_calls::listen(Address::ipv4_loopback(0), 1, true);
  const int silent = *socket_calls::open_stream(Address::ipv4_loopback(1), true);
  const Crashed crashed = crash(Handover::Stage::registered, fail_a_check, path);
  EXPECT_NE(crashed.output.find(link_of(listening)), std::string::npos) << crashed.output;
  EXPECT_EQ(crashed.output.find(link_of(silent)), std::string::npos) << crashed.output;
  ::close(listening);
  ::close(silent);
  ::unlink(path);
}

}  // namespace
}  // namespace stint::lambda
