// SPDX-License-Identifier: Apache-2.0
// base64 against the vectors of its RFC, and refusals.
#include "wire/base64.h"

#include <gtest/gtest.h>

#include <string>

#include "wire/hex.h"

namespace stint::wire {
namespace {

std::string encoded(std::string_view bytes) {
  std::string out;
  append_base64(out, bytes);
  return out;
}

TEST(Base64, WritesTheVectorsOfItsSpecification) {
  EXPECT_EQ(encoded(""), "");
  EXPECT_EQ(encoded("f"), "Zg==");
  EXPECT_EQ(encoded("fo"), "Zm8=");
  EXPECT_EQ(encoded("foo"), "Zm9v");
  EXPECT_EQ(encoded("foobar"), "Zm9vYmFy");
  EXPECT_EQ(encoded("\xfb\xff\xbf"), "+/+/");
}

TEST(Base64, ReadsBackEveryByte) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    bytes.push_back(static_cast<char>(i));
    std::string back = "kept";
    ASSERT_TRUE(append_from_base64(back, encoded(bytes)));
    ASSERT_EQ(back, "kept" + bytes);
  }
}

TEST(Base64, RefusesWhatItWouldNotWrite) {
  for (const char* const text :
       {"Z", "Zg", "Zg=", "Zg===", "=", "====", "Z===", "Zh==", "Zm9=", "Zm 9", "Zg==Zg==", "Zm9v\n", "Zm-_", "Z=g="}) {
    std::string out = "kept";
    EXPECT_FALSE(append_from_base64(out, text)) << text;
    EXPECT_EQ(out, "kept");
  }
}

TEST(Hex, GoesThereAndBack) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  std::string digits;
  append_hex(digits, bytes);
  EXPECT_TRUE(digits.starts_with("000102") && digits.ends_with("fdfeff"));
  std::string back;
  ASSERT_TRUE(append_from_hex(back, digits));
  EXPECT_EQ(back, bytes);
  ASSERT_TRUE(append_from_hex(back, "aBCd"));
  EXPECT_TRUE(back.ends_with("\xab\xcd"));
}

TEST(Hex, RefusesWhatIsNone) {
  std::string out = "kept";
  for (const char* const text : {"0", "0g", "abc", " 1", "0x"}) EXPECT_FALSE(append_from_hex(out, text)) << text;
  EXPECT_EQ(out, "kept");
}

}  // namespace
}  // namespace stint::wire
