// SPDX-License-Identifier: Apache-2.0
// The journal on a real file system: what must not be opened, locks, limits and disks that are full, and the settings
// that say where it lies.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "pipeline/journal.h"
#include "pipeline/journal_file_world.h"

namespace stint {
namespace {

using JournalFileTest = JournalFileWorld;

TEST_F(JournalFileTest, IsReadableByItsOwnerAlone) {
  const auto journal = open();
  const Batch batch = accept(*journal);
  struct stat found{};
  ASSERT_EQ(::stat(path.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777u, 0600u);
}

TEST_F(JournalFileTest, SurvivesAKilledProcess) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto journal = open();
    Batch one = accept(*journal, "one"), two = accept(*journal, "two");
    one = Batch();
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  const auto journal = open();
  ASSERT_TRUE(journal->look_for_former_life());
  {
    const auto recovered = journal->recover_next(pool);
    ASSERT_TRUE(recovered);
    EXPECT_EQ(recovered->batch.slices.front().view(), "two");
    EXPECT_EQ(recovered->receiver, "otlp");
  }
  EXPECT_FALSE(journal->recover_next(pool));
  journal->close();
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
}

TEST_F(JournalFileTest, IsOffWhereTheDirectoryIsMissing) {
  path = directory() + "/missing/journal";
  const auto journal = open();
  EXPECT_FALSE(journal->look_for_former_life());
  Batch one = accept(*journal), two = accept(*journal);
  EXPECT_EQ(said("its directory does not exist"), 1u);
}

TEST_F(JournalFileTest, IsOffWhereTheDirectoryCannotBeWritten) {
  ASSERT_EQ(::chmod(directory().c_str(), 0500), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    // For root no mode is in the way.
    if (::geteuid() == 0 && ::setresuid(12345, 12345, 12345) != 0) ::_exit(2);
    const auto journal = open();
    Batch one = accept(*journal), two = accept(*journal);
    ::_exit(!one.ticket() && said("going on without") == 1 ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(JournalFileTest, FollowsNoLink) {
  std::ofstream(directory() + "/precious") << "";
  ASSERT_EQ(::symlink((directory() + "/precious").c_str(), path.c_str()), 0);
  expect_off("symbolic links");
  EXPECT_EQ(std::filesystem::file_size(directory() + "/precious"), 0u);
}

TEST_F(JournalFileTest, TakesNoFileThatHasASecondName) {
  write("");
  ASSERT_EQ(::link(path.c_str(), (directory() + "/other").c_str()), 0);
  expect_off("not a plain file of our own");
  EXPECT_EQ(std::filesystem::file_size(path), 0u);
}

TEST_F(JournalFileTest, TakesNoPipe) {
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  expect_off("not a plain file of our own");
}

TEST_F(JournalFileTest, TakesNoDirectory) {
  ASSERT_EQ(::mkdir(path.c_str(), 0700), 0);
  expect_off("journal: ");
}

TEST_F(JournalFileTest, TakesNoFileOfAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make one";
  write("");
  ASSERT_EQ(::chown(path.c_str(), 12345, 12345), 0);
  expect_off("not a plain file of our own");
}

TEST_F(JournalFileTest, LeavesAForeignFileAsItIs) {
  const std::string text(10'000, 'x');
  write(text);
  expect_off("a file of another kind");
  EXPECT_EQ(read(), text);
}

TEST_F(JournalFileTest, LeavesAFileAloneThatIsLocked) {
  write("");
  const int other = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(::flock(other, LOCK_EX | LOCK_NB), 0);
  expect_off("another process holds it");
  ::close(other);
  EXPECT_EQ(read(), "");
}

// In a child: the limit cannot be taken back.
TEST_F(JournalFileTest, GoesOnBeyondTheLimitOfAFilesSize) {
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit limit{6000, 6000};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(2);
    const auto journal = open();
    const std::string large(5000, 'x');
    Batch one = accept(*journal, "one"), two = accept(*journal, large), three = accept(*journal, large);
    ::_exit(one.ticket() && !two.ticket() && !three.ticket() && said("would not survive") == 1 ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0) << "killed by a signal, or not said once";
  const auto journal = open();
  ASSERT_TRUE(journal->look_for_former_life());
  EXPECT_TRUE(journal->recover_next(pool));
}

TEST_F(JournalFileTest, GoesOnWhenTheDiskIsFull) {
  if (::geteuid() != 0 || ::mount("none", directory().c_str(), "tmpfs", 0, "size=16m") != 0) {
    GTEST_SKIP() << "a file system of our own cannot be mounted here";
  }
  const auto journal = open();
  Batch one = accept(*journal, "one");
  EXPECT_TRUE(one.ticket());
  std::ofstream filler(directory() + "/filler");
  const std::string much(1u << 20, 'x');
  while (filler.write(much.data(), static_cast<std::streamsize>(much.size())).flush()) {
  }
  filler.close();
  Batch two = accept(*journal, std::string(100'000, 'x')), three = accept(*journal, std::string(100'000, 'x'));
  EXPECT_FALSE(two.ticket());
  EXPECT_FALSE(three.ticket());
  EXPECT_EQ(said("would not survive a kill"), 1u) << whole_log();
  one = Batch();
  journal->close();
  EXPECT_EQ(::umount2(directory().c_str(), MNT_DETACH), 0);
}

TEST_F(JournalFileTest, IsOffOnAReadOnlyFileSystem) {
  if (::geteuid() != 0 || ::mount("none", directory().c_str(), "tmpfs", MS_RDONLY, "size=16m") != 0) {
    GTEST_SKIP() << "a file system of our own cannot be mounted here";
  }
  expect_off("going on without");
  EXPECT_EQ(::umount2(directory().c_str(), MNT_DETACH), 0);
}

std::string path_for(config::FixedEnvironment::Variables variables, bool in_sandbox) {
  return journal_settings(config::FixedEnvironment(std::move(variables)), in_sandbox).path;
}

TEST(JournalSettings, LieInTheTemporaryDirectoryOfASandboxAndNowhereElseUnlessTold) {
  EXPECT_EQ(path_for({}, true), "/tmp/.stint-journal");
  EXPECT_EQ(path_for({{"TMPDIR", "/private"}}, true), "/private/.stint-journal");
  EXPECT_EQ(path_for({{"TMPDIR", "/private"}}, false), "");
  EXPECT_EQ(path_for({{"STINT_JOURNAL", "/here/it"}}, false), "/here/it");
  EXPECT_EQ(path_for({{"STINT_JOURNAL", "/here/it"}}, true), "/here/it");
  EXPECT_EQ(path_for({{"STINT_JOURNAL", "off"}}, true), "");
  EXPECT_EQ(path_for({{"STINT_JOURNAL", ""}}, true), "/tmp/.stint-journal");
}

TEST_F(JournalFileTest, TakesASizeInMebibytesAndSaysWhatIsNone) {
  const auto bytes_for = [](std::string text) {
    return journal_settings(config::FixedEnvironment({{"STINT_JOURNAL_MAX_MIB", std::move(text)}}), true).bytes_max;
  };
  EXPECT_EQ(bytes_for("1"), 1u << 20);
  EXPECT_EQ(bytes_for("1024"), 1u << 30);
  EXPECT_EQ(said("STINT_JOURNAL_MAX_MIB"), 0u);
  for (const char* const text : {"0", "1025", "-1", "8m", "99999999999999999999"}) {
    EXPECT_EQ(bytes_for(text), limits::journal_bytes_max) << text;
  }
  EXPECT_EQ(said("STINT_JOURNAL_MAX_MIB"), 5u);
}

}  // namespace
}  // namespace stint
