// SPDX-License-Identifier: Apache-2.0
// The link that carries the account's id.
#include "lambda/account_id.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace stint::lambda {
namespace {

class AccountId : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "account_id_XXXXXX";
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    path_ = folder_ + "/.otel-aws-account-id";
  }
  void TearDown() override {
    ::unlink(path_.c_str());
    ::rmdir(path_.c_str());
    ::rmdir(folder_.c_str());
  }
  std::string target() const {
    char text[64];
    const ssize_t size = ::readlink(path_.c_str(), text, sizeof text);
    return size < 0 ? "none" : std::string(text, static_cast<std::size_t>(size));
  }
  std::string folder_, path_;
};

TEST_F(AccountId, IsTheTargetOfALinkWithItsLeadingZeros) {
  ASSERT_TRUE(link_account_id(path_, "001234567890"));
  EXPECT_EQ(target(), "001234567890");
}

TEST_F(AccountId, ReplacesWhatAFormerProcessLeft) {
  ASSERT_EQ(::symlink("999999999999", path_.c_str()), 0);
  ASSERT_TRUE(link_account_id(path_, "123456789012"));
  EXPECT_EQ(target(), "123456789012");
  ASSERT_TRUE(link_account_id(path_, "123456789012"));
  EXPECT_EQ(target(), "123456789012");
}

TEST_F(AccountId, KeepsALinkThatIsRight) {
  ASSERT_TRUE(link_account_id(path_, "123456789012"));
  struct stat before{}, after{};
  ASSERT_EQ(::lstat(path_.c_str(), &before), 0);
  ASSERT_TRUE(link_account_id(path_, "123456789012"));
  ASSERT_EQ(::lstat(path_.c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
}

TEST_F(AccountId, MustBeDigits) {
  EXPECT_EQ(link_account_id(path_, "../../etc").error().code, ErrorCode::malformed);
  EXPECT_EQ(link_account_id(path_, "").error().code, ErrorCode::malformed);
  EXPECT_EQ(target(), "none");
}

TEST_F(AccountId, SaysWhyItCannotBeThere) {
  ASSERT_EQ(::mkdir(path_.c_str(), 0700), 0);
  EXPECT_EQ(link_account_id(path_, "123456789012").error().code, ErrorCode::system);
  EXPECT_EQ(link_account_id(folder_ + "/missing/link", "123456789012").error(), system_error(ENOENT));
}

}  // namespace
}  // namespace stint::lambda
