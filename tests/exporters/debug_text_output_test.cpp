// SPDX-License-Identifier: Apache-2.0
// Lines into pipes that are full, half empty or closed, sockets, and files.
#include "exporters/debug_text_output.h"

#include <sys/socket.h>

#include <csignal>
#include <cstdlib>

#include "debug_world.h"

namespace stint::debug_text {
namespace {

bool say(Output& output, std::string_view text) {
  output.begin();
  output.write(text);
  return output.end();
}

TEST(DebugOutput, WritesToAPipeWithoutChangingItsFlags) {
  const Pipe pipe;
  Output output;
  output.attach(pipe.writer());
  EXPECT_TRUE(say(output, "one\n"));
  output.begin();
  output.write("two ");
  output.write("parts\n");
  EXPECT_EQ(pipe.read(), "one\n");  // nothing leaves before the end of a small message
  EXPECT_TRUE(output.end());
  EXPECT_EQ(pipe.read(), "two parts\n");
  EXPECT_TRUE(pipe.writer_may_wait());
  EXPECT_EQ(output.messages_dropped(), 0u);
}

TEST(DebugOutput, DropsWhatAFullPipeDoesNotTakeAndGoesOnAfterwards) {
  const Pipe pipe;
  Output output;
  output.attach(pipe.writer());
  pipe.fill();
  EXPECT_FALSE(say(output, "lost\n"));
  EXPECT_FALSE(say(output, "lost too\n"));
  EXPECT_EQ(output.messages_dropped(), 2u);
  const std::string filling = pipe.read();
  EXPECT_EQ(filling.find_first_not_of('x'), std::string::npos);
  EXPECT_TRUE(say(output, "there\n"));
  EXPECT_EQ(pipe.read(), "there\n");
}

TEST(DebugOutput, EndsALineThatWasCutBeforeTheNextOne) {
  const Pipe pipe;
  Output output;
  output.attach(pipe.writer());
  EXPECT_FALSE(say(output, std::string(300'000, 'a') + "\n"));
  EXPECT_EQ(output.messages_dropped(), 1u);
  const std::string cut = pipe.read();
  EXPECT_GT(cut.size(), 0u);
  EXPECT_EQ(cut.find_first_not_of('a'), std::string::npos);
  EXPECT_TRUE(say(output, "next\n"));
  EXPECT_EQ(pipe.read(), "\nnext\n");
  EXPECT_TRUE(say(output, "and so on\n"));
  EXPECT_EQ(pipe.read(), "and so on\n");
}

TEST(DebugOutput, SaysThatNobodyReadsAnyMore) {
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  Output output;
  output.attach(pipe.writer());
  pipe.close_reader();
  EXPECT_FALSE(say(output, "to nobody\n"));
  EXPECT_EQ(output.messages_dropped(), 1u);
  std::signal(SIGPIPE, before);
}

TEST(DebugOutput, WritesToASocketWithoutWaiting) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  Output output;
  output.attach(ends[0]);
  EXPECT_TRUE(say(output, "hello\n"));
  char buffer[16];
  EXPECT_EQ(std::string_view(buffer, static_cast<std::size_t>(::read(ends[1], buffer, sizeof buffer))), "hello\n");
  EXPECT_FALSE(say(output, std::string(4'000'000, 'a')));
  ::close(ends[1]);
  EXPECT_FALSE(say(output, "to nobody\n"));
  EXPECT_EQ(output.messages_dropped(), 2u);
  ::close(ends[0]);
}

TEST(DebugOutput, AsksATerminalForRoomBeforeEachPiece) {
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
  ASSERT_GE(terminal, 0);
  ASSERT_EQ(::grantpt(terminal) | ::unlockpt(terminal), 0);
  const int shown = ::open(::ptsname(terminal), O_WRONLY | O_NOCTTY | O_CLOEXEC);
  ASSERT_GE(shown, 0);
  Output output;
  output.attach(shown);
  EXPECT_TRUE(say(output, "hello\n"));
  char buffer[16];
  EXPECT_EQ(std::string_view(buffer, static_cast<std::size_t>(::read(terminal, buffer, sizeof buffer))), "hello\r\n");
  ::close(shown);
  ::close(terminal);
}

TEST(DebugOutput, AppendsToAFile) {
  const std::string path = testing::TempDir() + "stint-debug-output-" + std::to_string(::getpid());
  for (int i = 0; i < 2; ++i) {
    Output output;
    ASSERT_TRUE(output.open(path));
    EXPECT_TRUE(say(output, std::string(100'000, 'b') + "\n"));
  }
  EXPECT_EQ(otlp::read_file(path).size(), 200'002u);
  ::unlink(path.c_str());
  Output output;
  EXPECT_EQ(output.open("/nowhere/at/all").error(), system_error(ENOENT));
}

}  // namespace
}  // namespace stint::debug_text
