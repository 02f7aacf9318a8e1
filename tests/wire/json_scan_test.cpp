// SPDX-License-Identifier: Apache-2.0
// The inner loops of JSON against loops of one byte at a time, at every length and position.
#include "wire/json_scan.h"

#include <gtest/gtest.h>

#include <string>

namespace stint::wire {
namespace {

TextEnd scan_slowly(const std::string& text, std::size_t from) {
  bool ascii = true;
  std::size_t at = from;
  for (; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte == '"' || byte == '\\' || byte < 0x20) break;
    ascii = ascii && byte < 0x80;
  }
  return {text.data() + at, ascii};
}

void expect_equal(const std::string& text, std::size_t from = 0) {
  const TextEnd wanted = scan_slowly(text, from);
  const char* const begin = text.data() + from;
  const char* const end = text.data() + text.size();
  for (const TextEnd got : {scan_text(begin, end), scan_text_by_words(begin, end)}) {
    ASSERT_EQ(got.at, wanted.at) << text;
    ASSERT_EQ(got.ascii, wanted.ascii) << text;
  }
}

TEST(JsonScan, FindsEveryByteThatEndsTextAtEveryPlace) {
  for (std::size_t size = 0; size < 70; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (const char c : {'"', '\\', '\x1f', '\0', '!', '#', '[', ']', ' ', '\x7f', '\x80', '\xa2', '\xdc', '\xff'}) {
        std::string text(size, 'x');
        text[at] = c;
        expect_equal(text);
        if (at + 1 < size) text[at + 1] = '"';
        expect_equal(text, size % 9);
      }
    }
  }
}

TEST(JsonScan, TellsEveryByteFromItsNeighbour) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string pair = {static_cast<char>(first), static_cast<char>(second)};
      expect_equal(pair + "abcdef" + pair + "abcdef");
      expect_equal("abcdefghijk" + pair + "abcdefghi");
    }
  }
}

std::string unescaped(std::string_view text, bool repaired_wanted = false) {
  std::string out(text.size(), '\0');
  bool repaired = false;
  const char* const end = write_unescaped(out.data(), text, repaired);
  EXPECT_EQ(repaired, repaired_wanted) << text;
  return out.substr(0, static_cast<std::size_t>(end - out.data()));
}

TEST(JsonScan, ReplacesEscapes) {
  EXPECT_EQ(unescaped(R"(a\"\\\/\b\f\n\r\tz)"), "a\"\\/\b\f\n\r\tz");
  EXPECT_EQ(unescaped(R"(\u007f\u0080\u07ff\u0800\uffff)"), "\x7f\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF");
  EXPECT_EQ(unescaped(R"(\ud800\udc00\udbff\udfff)"), "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF");
  EXPECT_EQ(unescaped(R"(\udfff\ud800\ud800\udc00)", true), "\xEF\xBF\xBD\xEF\xBF\xBD\xF0\x90\x80\x80");
  EXPECT_EQ(unescaped(R"(\ud800\u0041)", true),
            "\xEF\xBF\xBD"
            "A");
}

TEST(JsonScan, KnowsWhatIsAnEscape) {
  const auto size = [](std::string_view text) {
    const char* const end = skip_escape(text.data(), text.data() + text.size());
    return end == nullptr ? -1 : static_cast<int>(end - text.data());
  };
  EXPECT_EQ(size("\\n"), 2);
  EXPECT_EQ(size("\\u00e9x"), 6);
  for (const std::string_view text : {"\\", "\\x", "\\u", "\\u12", "\\u123", "\\u123g", "\\U0041", "\\'"}) {
    EXPECT_EQ(size(text), -1) << text;
  }
}

TEST(JsonScan, KnowsWhatIsANumber) {
  const auto scan = [](std::string_view text) {
    const NumberEnd number = scan_number(text.data(), text.data() + text.size());
    if (number.at == nullptr) return std::string("none");
    return std::to_string(number.at - text.data()) + (number.whole ? " whole" : " real");
  };
  EXPECT_EQ(scan("0"), "1 whole");
  EXPECT_EQ(scan("-0,"), "2 whole");
  EXPECT_EQ(scan("1234567890]"), "10 whole");
  EXPECT_EQ(scan("0.5e+10 "), "7 real");
  EXPECT_EQ(scan("1E5"), "3 real");
  EXPECT_EQ(scan("1-"), "1 whole");
  for (const std::string_view text : {"", "-", "+1", ".5", "1.", "1.e5", "1e", "1e+", "01", "-01", "x"}) {
    EXPECT_EQ(scan(text), "none") << text;
  }
}

TEST(JsonScan, ReadsDigitsUpToSixtyFourBits) {
  const auto read = [](std::string_view text) {
    std::uint64_t value = 0;
    bool overflow = false;
    const char* const end = read_digits(text.data(), text.data() + text.size(), value, overflow);
    EXPECT_EQ(end, text.data() + text.find_first_not_of("0123456789"));
    return overflow ? "overflow" : std::to_string(value);
  };
  for (const std::string_view text :
       {"0", "7", "9999999999999999999", "10000000000000000000", "18446744073709551615"}) {
    EXPECT_EQ(read(std::string(text) + ","), text);
  }
  EXPECT_EQ(read("00000000000000000000000000000000012x"), "12");
  EXPECT_EQ(read("18446744073709551616 "), "overflow");
  EXPECT_EQ(read("99999999999999999999 "), "overflow");
  EXPECT_EQ(read("184467440737095516150 "), "overflow");
}

}  // namespace
}  // namespace stint::wire
