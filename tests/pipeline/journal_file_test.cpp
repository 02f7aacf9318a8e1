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
#include "pipeline/journal_world.h"

namespace stint {
namespace {

class JournalFileTest : public ComponentWorld {
 public:
  JournalFileTest() {
    char directory[] = "/tmp/stint-journal-test-XXXXXX";
    EXPECT_NE(::mkdtemp(directory), nullptr);
    directory_ = directory;
    path = directory_ + "/journal";
  }
  ~JournalFileTest() override {
    std::error_code ignored;
    std::filesystem::permissions(directory_, std::filesystem::perms::owner_all, ignored);
    std::filesystem::remove_all(directory_, ignored);
  }

  std::unique_ptr<Journal> open() {
    return std::make_unique<Journal>(runtime, data, make_journal_file(path), 4u << 20);
  }
  Batch accept(Journal& journal, std::string_view text = "text") {
    Batch batch(otlp::Signal::logs, slice_of(pool, text), 1);
    journal.append("otlp", batch);
    return batch;
  }
  void expect_off(const char* why) {
    const auto journal = open();
    EXPECT_FALSE(journal->look_for_former_life());
    Batch one = accept(*journal), two = accept(*journal);
    EXPECT_FALSE(one.ticket());
    EXPECT_EQ(said(why), 1u) << whole_log();
    EXPECT_EQ(said("going on without"), 1u) << whole_log();
    journal->close();
  }
  void write(std::string_view text) { std::ofstream(path) << text; }
  std::string read() const {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// Whether a part of it is mapped.
  bool is_in_memory() const {
    std::ifstream maps("/proc/self/maps");
    const std::string all{std::istreambuf_iterator<char>(maps), {}};
    return all.find(path) != all.npos;
  }
  const std::string& directory() const { return directory_; }

  std::string path;

 private:
  std::string directory_;
};

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

TEST_F(JournalFileTest, SurvivesAKilledProcessWithRecordsInTheRoomOfFormerOnes) {
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
  ASSERT_TRUE(journal->look_for_former_life());
  std::vector<std::string> found;
  while (auto recovered = journal->recover_next(pool)) found.emplace_back(recovered->batch.slices.front().view());
  EXPECT_EQ(found, (std::vector<std::string>{"one", "three"}));
}

TEST_F(JournalFileTest, SaysThatItWasCutAndWritesByCallThen) {
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

TEST_F(JournalFileTest, NoticesThatItWasRemovedOrCut) {
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
  ASSERT_TRUE(journal->look_for_former_life());
  {
    const auto recovered = journal->recover_next(pool);
    ASSERT_TRUE(recovered);
    EXPECT_EQ(recovered->batch.slices.front().view(), "two");
  }
  ASSERT_EQ(::unlink(path.c_str()), 0);
  write("somebody else's");
  loop.freeze(Seconds(1));
  Batch three = accept(*journal), four = accept(*journal);
  EXPECT_EQ(said("it was removed"), 1u);
  journal->close();
  EXPECT_EQ(read(), "somebody else's");
}

// A record in the room of others finds no page.
TEST_F(JournalFileTest, NoticesAtOnceThatItWasCutUnderItsHands) {
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
  ASSERT_TRUE(journal->look_for_former_life());
  const auto recovered = journal->recover_next(pool);
  ASSERT_TRUE(recovered);
  EXPECT_EQ(recovered->batch.slices.front().view(), "two");
}

// The mark of a record's end does, too, and the next record looks for what has happened.
TEST_F(JournalFileTest, NoticesSoonThatItWasRemovedAndCut) {
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

TEST_F(JournalFileTest, RemovesNoOtherFileAtItsEnd) {
  const auto journal = open();
  {
    const Batch one = accept(*journal);
  }
  ASSERT_EQ(::rename(path.c_str(), (directory() + "/moved").c_str()), 0);
  write("somebody else's");
  journal->close();
  EXPECT_EQ(read(), "somebody else's");
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
