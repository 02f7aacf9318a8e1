// SPDX-License-Identifier: Apache-2.0
// Stores into a file that others cut or whose disk is full: they are lost, never the process. Each other SIGBUS goes
// where it would have gone without us.
#include "pipeline/file_window.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>

namespace stint {
namespace {

constexpr std::size_t page = 4096;
constexpr int own_handler = 77;

class FileWindowTest : public testing::Test {
 public:
  FileWindowTest() {
    char path[] = "/tmp/stint-window-test-XXXXXX";
    file = ::mkostemp(path, O_CLOEXEC);
    EXPECT_GE(file, 0);
    ::unlink(path);
    resize(2 * FileWindow::bytes);
  }
  ~FileWindowTest() override { ::close(file); }

  void resize(std::size_t bytes) { EXPECT_EQ(::ftruncate(file, static_cast<off_t>(bytes)), 0); }
  std::string read(std::uint64_t offset, std::size_t bytes) const {
    std::string text(bytes, '?');
    const ssize_t got = ::pread(file, text.data(), bytes, static_cast<off_t>(offset));
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
  }
  bool store(std::uint64_t offset, std::string_view head, std::string_view rest = {}) {
    const std::array<iovec, 2> parts = {iovec{const_cast<char*>(head.data()), head.size()},
                                        iovec{const_cast<char*>(rest.data()), rest.size()}};
    return window.store(offset, parts);
  }
  // How a child ends that does this: its status, or that of the signal, negative.
  static int end_of_child(const std::function<void()>& work) {
    const pid_t child = ::fork();
    if (child == 0) {
      work();
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  }
  // A page of a file that has none.
  static volatile char* page_that_is_missing() {
    const int empty = ::memfd_create("empty", MFD_CLOEXEC);
    void* const pages = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, empty, 0);
    return static_cast<volatile char*>(pages);
  }

  int file = -1;
  FileWindow window;
};

TEST_F(FileWindowTest, WritesToTheFile) {
  ASSERT_TRUE(window.open(file, FileWindow::bytes + 10));
  EXPECT_TRUE(window.has(2 * FileWindow::bytes - 1));
  EXPECT_FALSE(window.has(FileWindow::bytes - 1));
  EXPECT_FALSE(window.has(2 * FileWindow::bytes));
  EXPECT_TRUE(store(FileWindow::bytes + 10, "head", "and rest"));
  EXPECT_EQ(read(FileWindow::bytes + 8, 16), std::string("\0\0headand rest\0\0", 16));
}

TEST_F(FileWindowTest, HasTheTwoEndsOfWhatFits) {
  EXPECT_TRUE(FileWindow::fits(0, FileWindow::bytes));
  EXPECT_TRUE(FileWindow::fits(FileWindow::bytes - 1, 1));
  EXPECT_FALSE(FileWindow::fits(FileWindow::bytes - 1, 2));
  EXPECT_FALSE(FileWindow::fits(1, FileWindow::bytes));
}

TEST_F(FileWindowTest, CannotBeOpenedOnWhatIsNoFile) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  EXPECT_FALSE(window.open(ends[1], 0));
  EXPECT_FALSE(window.has(0));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(FileWindowTest, SaysThatAFileWasCutAndWorksAgainWhenOpenedAnew) {
  ASSERT_TRUE(window.open(file, 0));
  resize(0);
  EXPECT_FALSE(store(page, "lost"));
  EXPECT_FALSE(window.has(page));
  resize(FileWindow::bytes);
  EXPECT_EQ(read(page, 4), std::string(4, '\0'));
  ASSERT_TRUE(window.open(file, 0));
  EXPECT_TRUE(store(page, "kept"));
  EXPECT_EQ(read(page, 4), "kept");
}

TEST_F(FileWindowTest, SaysThatAFileEndsInTheMiddleOfAStore) {
  ASSERT_TRUE(window.open(file, 0));
  resize(2 * page);
  EXPECT_FALSE(store(page, "head", std::string(3 * page, 'x')));
}

TEST_F(FileWindowTest, SurvivesAnyNumberOfCuts) {
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(window.open(file, 0));
    resize(0);
    ASSERT_FALSE(store(page, "lost"));
    resize(FileWindow::bytes);
  }
}

TEST_F(FileWindowTest, WritesTheFirstPartLast) {
  char* const unreadable = static_cast<char*>(::mmap(nullptr, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(unreadable, MAP_FAILED);
  const auto dies = [&](std::string_view head, std::string_view rest) {
    return end_of_child([&] {
      ::signal(SIGSEGV, SIG_DFL);
      (void)(window.open(file, 0) && store(0, head, rest));
    });
  };
  EXPECT_EQ(dies("head", {unreadable, 4}), -SIGSEGV);
  EXPECT_EQ(read(0, 8), std::string(8, '\0'));
  EXPECT_EQ(dies({unreadable, 4}, "rest"), -SIGSEGV);
  EXPECT_EQ(read(0, 8), std::string("\0\0\0\0rest", 8));
  ::munmap(unreadable, page);
}

TEST_F(FileWindowTest, LeavesOtherMissingPagesToWhoeverCaredForThem) {
  const auto die_with = [&](void (*handler)(int)) {
    return end_of_child([&] {
      ::signal(SIGBUS, handler);
      if (!window.open(file, 0) || !store(0, "text")) return;
      *page_that_is_missing() = 1;
    });
  };
  EXPECT_EQ(die_with([](int) { ::_exit(own_handler); }), own_handler);
  EXPECT_EQ(die_with(SIG_DFL), -SIGBUS);
}

TEST_F(FileWindowTest, GivesAHandlerWhatItWasToldOfTheFault) {
  const int end = end_of_child([&] {
    struct sigaction action{};
    action.sa_flags = SA_SIGINFO;
    action.sa_sigaction = [](int, siginfo_t* info, void* context) {
      ::_exit(info->si_code == BUS_ADRERR && info->si_addr != nullptr && context != nullptr ? own_handler : 1);
    };
    ::sigaction(SIGBUS, &action, nullptr);
    if (!window.open(file, 0) || !window.open(file, FileWindow::bytes)) return;  // taken once, not from ourselves
    *page_that_is_missing() = 1;
  });
  EXPECT_EQ(end, own_handler);
}

TEST_F(FileWindowTest, LeavesASignalThatSomebodySentToWhomItWasMeantFor) {
  const auto die_with = [&](void (*handler)(int)) {
    return end_of_child([&] {
      ::signal(SIGBUS, handler);
      if (window.open(file, 0)) ::kill(::getpid(), SIGBUS);
    });
  };
  EXPECT_EQ(die_with([](int) { ::_exit(own_handler); }), own_handler);
  EXPECT_EQ(die_with(SIG_DFL), -SIGBUS);
}

TEST_F(FileWindowTest, SaysThatTheDiskIsFull) {
  char directory[] = "/tmp/stint-window-test-XXXXXX";
  ASSERT_NE(::mkdtemp(directory), nullptr);
  if (::geteuid() != 0 || ::mount("none", directory, "tmpfs", 0, "size=1m") != 0) {
    ::rmdir(directory);
    GTEST_SKIP() << "a file system of our own cannot be mounted here";
  }
  const std::string path = std::string(directory) + "/file";
  const int full = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  EXPECT_EQ(::ftruncate(full, 2 * FileWindow::bytes), 0);
  const std::string all(FileWindow::bytes, 'x');
  EXPECT_GT(::pwrite(full, all.data(), all.size(), FileWindow::bytes), 0);
  EXPECT_TRUE(window.open(full, 0));
  EXPECT_FALSE(store(0, "no room"));
  ::close(full);
  EXPECT_EQ(::umount2(directory, MNT_DETACH), 0);
  ::rmdir(directory);
}

}  // namespace
}  // namespace stint
