// SPDX-License-Identifier: Apache-2.0
// The journal's file while it is in use: records that take the room of former ones, which are stored through a mapping;
// a process that is killed meanwhile; others who cut, remove or replace the file.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <vector>

#include "pipeline/journal_file_world.h"

namespace stint {
namespace {

using JournalCutTest = JournalFileWorld;

TEST_F(JournalCutTest, SurvivesAKilledProcessWithRecordsInTheRoomOfFormerOnes) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto journal = open();
    for (int i = 0; i < 10; ++i) accept(*journal, std::string(i % 2 == 0 ? 100 : 20'000, 'x'));
    Batch one = accept(*journal, "one"), two = accept(*journal, "two"), three = accept(*journal, "three");
    two = Batch();
    ::kill(::getpid(), is_in_memory() ? SIGKILL : SIGABRT);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_EQ(WTERMSIG(status), SIGKILL) << "records that replace others were not written through a mapping";
  const auto journal = open();
  EXPECT_EQ(recovered(*journal), (std::vector<std::string>{"one", "three"}));
}

TEST_F(JournalCutTest, SaysThatItWasCutAndWritesByCallThen) {
  const auto file = make_journal_file(path);
  ASSERT_TRUE(file->open(JournalFile::Want::any));
  std::string text(10'000, 'a');
  const auto written = [&](char letter) {
    text.assign(text.size(), letter);
    const iovec part{text.data(), text.size()};
    const Result<> result = file->write(4096, {&part, 1});
    if (!result) EXPECT_EQ(result.error().code, ErrorCode::closed);
    return result && read().substr(4096) == text;
  };
  EXPECT_TRUE(written('b'));
  EXPECT_FALSE(is_in_memory());
  EXPECT_TRUE(written('c'));
  EXPECT_TRUE(is_in_memory());
  ASSERT_EQ(::truncate(path.c_str(), 5), 0);
  EXPECT_FALSE(written('d'));
  EXPECT_FALSE(is_in_memory());
  EXPECT_TRUE(written('d'));
  EXPECT_FALSE(is_in_memory());
  EXPECT_TRUE(written('e'));
  EXPECT_TRUE(is_in_memory());
  file->close();
  EXPECT_FALSE(is_in_memory());
}

TEST_F(JournalCutTest, NoticesThatItWasRemovedOrCut) {
  {
    const auto journal = open();
    Batch one = accept(*journal, "one");
    ASSERT_EQ(::truncate(path.c_str(), 10), 0);
    loop.freeze(Seconds(1));
    Batch two = accept(*journal, "two");
    EXPECT_TRUE(two.ticket());
    EXPECT_EQ(said("truncated while in use"), 1u);
    one.ticket().keep();
    two.ticket().keep();
  }
  const auto journal = open();
  EXPECT_EQ(recovered(*journal), std::vector<std::string>{"two"});
  ASSERT_EQ(::unlink(path.c_str()), 0);
  write("somebody else's");
  loop.freeze(Seconds(1));
  Batch three = accept(*journal), four = accept(*journal);
  EXPECT_EQ(said("it was removed"), 1u);
  journal->close();
  EXPECT_EQ(read(), "somebody else's");
}

// A record in the room of others finds no page.
TEST_F(JournalCutTest, NoticesAtOnceThatItWasCutUnderItsHands) {
  {
    const auto journal = open();
    for (int i = 0; i < 3; ++i) accept(*journal, std::string(1000, 'x'));
    ASSERT_TRUE(is_in_memory());
    ASSERT_EQ(::truncate(path.c_str(), 10), 0);
    Batch two = accept(*journal, "two");
    EXPECT_TRUE(two.ticket());
    EXPECT_EQ(said("truncated while in use"), 1u);
    two.ticket().keep();
  }
  const auto journal = open();
  EXPECT_EQ(recovered(*journal), std::vector<std::string>{"two"});
}

// The mark of a record's end does, too, and the next record looks for what has happened.
TEST_F(JournalCutTest, NoticesSoonThatItWasRemovedAndCut) {
  const auto journal = open();
  for (int i = 0; i < 3; ++i) accept(*journal, std::string(1000, 'x'));
  Batch one = accept(*journal, "one");
  ASSERT_TRUE(is_in_memory());
  ASSERT_EQ(::truncate(path.c_str(), 0), 0);
  ASSERT_EQ(::unlink(path.c_str()), 0);
  one = Batch();
  EXPECT_EQ(said("journal: "), 0u);
  Batch two = accept(*journal, "two");
  EXPECT_FALSE(two.ticket());
  EXPECT_EQ(said("it was removed"), 1u);
}

TEST_F(JournalCutTest, RemovesNoOtherFileAtItsEnd) {
  const auto journal = open();
  {
    const Batch one = accept(*journal);
  }
  ASSERT_EQ(::rename(path.c_str(), (directory() + "/moved").c_str()), 0);
  write("somebody else's");
  journal->close();
  EXPECT_EQ(read(), "somebody else's");
}

}  // namespace
}  // namespace stint
