// SPDX-License-Identifier: Apache-2.0
// Endpoints that are unix sockets: whose file is taken over, and what becomes of it.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "net/server_config.h"
#include "net/socket_file.h"
#include "runtime/epoll_loop.h"

namespace stint::net {
namespace {

class UnixEndpointTest : public testing::Test {
 public:
  UnixEndpointTest() { EXPECT_NE(::mkdtemp(folder_.data()), nullptr); }
  ~UnixEndpointTest() override {
    ::unlink(path().c_str());
    ::rmdir(folder_.c_str());
  }
  std::string path() const { return folder_ + "/otlp.sock"; }
  Result<std::vector<Listener>> bind() {
    Result<std::vector<Listener>> bound = Error{ErrorCode::not_found};
    runtime.run(bind_into(runtime, path(), bound));
    return bound;
  }
  static Task<> bind_into(Runtime& runtime, std::string path, Result<std::vector<Listener>>& bound) {
    bound = co_await bind_endpoint(runtime, path, Transport::unix_socket);
  }
  bool is_there() const {
    struct stat found{};
    return ::lstat(path().c_str(), &found) == 0;
  }

  EpollLoop loop;
  Runtime runtime{loop};

 private:
  std::string folder_ = "/tmp/stint-unix-XXXXXX";
};

TEST_F(UnixEndpointTest, RemovesItsFileAtTheEndAndNoOther) {
  {
    auto bound = bind();
    ASSERT_TRUE(bound && bound->size() == 1);
    const SocketFile file(path());
    EXPECT_TRUE(is_there());
  }
  EXPECT_FALSE(is_there());
  auto first = bind();
  ASSERT_TRUE(first);
  SocketFile file(path());
  ASSERT_EQ(::rename(path().c_str(), (path() + ".old").c_str()), 0);
  auto second = bind();  // somebody else's by now
  ASSERT_TRUE(second);
  file.remove();
  EXPECT_TRUE(is_there());
  ::unlink((path() + ".old").c_str());
}

TEST_F(UnixEndpointTest, TakesThePlaceOfADeadSocketOnly) {
  {
    auto bound = bind();  // its process dies without removing the file
    ASSERT_TRUE(bound);
  }
  ASSERT_TRUE(is_there());
  auto alive = bind();
  ASSERT_TRUE(alive);
  const auto refused = bind();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::in_use);
  EXPECT_TRUE(is_there());
}

TEST_F(UnixEndpointTest, LeavesFilesOfOtherKindsAlone) {
  ASSERT_EQ(::symlink("/nonexistent/target", path().c_str()), 0);
  EXPECT_EQ(bind().error().code, ErrorCode::in_use);
  EXPECT_TRUE(is_there());
  ::unlink(path().c_str());
  ASSERT_EQ(::mknod(path().c_str(), S_IFREG | 0600, 0), 0);
  EXPECT_EQ(bind().error().code, ErrorCode::in_use);
  EXPECT_TRUE(is_there());
}

TEST_F(UnixEndpointTest, GivesTheFileThePermissionsOfTheUmask) {
  for (const mode_t mask : {mode_t{0077}, mode_t{0007}}) {
    const mode_t before = ::umask(mask);
    const auto bound = bind();
    ::umask(before);
    ASSERT_TRUE(bound);
    const SocketFile file(path());
    struct stat found{};
    ASSERT_EQ(::lstat(path().c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, 0777 & ~mask);
  }
}

TEST_F(UnixEndpointTest, BindsNamesWithoutAFile) {
  Result<std::vector<Listener>> bound = Error{ErrorCode::not_found};
  const std::string name = "@stint-test-" + std::to_string(::getpid());
  runtime.run(bind_into(runtime, name, bound));
  ASSERT_TRUE(bound);
  EXPECT_EQ(bound->front().address()->to_string(), "unix:" + name);
  Result<std::vector<Listener>> again = Error{ErrorCode::not_found};
  runtime.run(bind_into(runtime, name, again));
  EXPECT_FALSE(again);
}

TEST(UnixEndpoint, IsAPathThatASocketCanHave) {
  const auto wrong = [](const std::string& endpoint) { return check_endpoint_of(endpoint, Transport::unix_socket); };
  EXPECT_EQ(wrong("/tmp/otlp.sock"), "");
  EXPECT_EQ(wrong("@name"), "");
  EXPECT_EQ(wrong(std::string(107, 'x')), "");
  EXPECT_NE(wrong(std::string(108, 'x')), "");
  EXPECT_NE(wrong(std::string("a\0b", 3)), "");
  EXPECT_NE(wrong(""), "");
  EXPECT_NE(wrong("unix:///tmp/otlp.sock"), "");
}

}  // namespace
}  // namespace stint::net
