// SPDX-License-Identifier: Apache-2.0
// UTF-8: the tables of Unicode's section 3.9, and the fast check against the slow one at every length and position.
#include "otlp/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace stint::otlp {
namespace {

std::string repaired(std::string_view text) {
  std::string out(repaired_utf8_size(text), '\0');
  EXPECT_EQ(write_repaired_utf8(out.data(), text), out.data() + out.size());
  return out;
}

std::string in_words(std::string_view text) {
  std::string words;
  for (std::string rest = repaired(text); !rest.empty();) {
    const bool mark = rest.starts_with("\xEF\xBF\xBD");
    words.push_back(mark ? '?' : rest[0]);
    rest.erase(0, mark ? 3 : 1);
  }
  return words;
}

TEST(Utf8, AcceptsTheEdgesOfEveryRange) {
  for (const std::string_view text : {"\x7f", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
                                      "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(is_valid_utf8(text));
    EXPECT_EQ(repaired(text), text);
  }
}

TEST(Utf8, RefusesOverlongSurrogatesAndBeyondUnicode) {
  for (const std::string_view text :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xFF", "\xC3", "\xE2\x82", "\xF0\x9F\x90"}) {
    EXPECT_FALSE(is_valid_utf8(text));
  }
}

// The example of Unicode 15, table 3-8, and its neighbours 3-9 to 3-11.
TEST(Utf8, ReplacesOneMaximalSubpartByOneMark) {
  EXPECT_EQ(in_words("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82"
                     "A"),
            "????????A");
  EXPECT_EQ(in_words("\xED\xA0\x80\xED\xBF\xBF\xED\xAF"
                     "A"),
            "????????A");
  EXPECT_EQ(in_words("\xF4\x91\x92\x93\xFF"
                     "A\x80\xBF"
                     "B"),
            "?????A??B");
  EXPECT_EQ(in_words("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF"
                     "A"),
            "????A");
}

TEST(Utf8, FindsABadByteAtEveryPlaceOfEveryLength) {
  for (std::size_t size = 0; size < 40; ++size) {
    const std::string text(size, 'a');
    EXPECT_TRUE(is_valid_utf8(text));
    for (std::size_t place = 0; place < size; ++place) {
      std::string bad = text;
      bad[place] = '\x80';
      EXPECT_FALSE(is_valid_utf8(bad)) << size << " " << place;
    }
    for (std::size_t place = 0; place + 1 < size; ++place) {
      std::string good = text;
      good.replace(place, 2, "\xC3\xA9");
      EXPECT_TRUE(is_valid_utf8(good)) << size << " " << place;
    }
  }
}

}  // namespace
}  // namespace stint::otlp
