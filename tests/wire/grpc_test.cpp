// SPDX-License-Identifier: Apache-2.0
// The little languages of gRPC's headers, against what grpc-go says of the same values.
#include "wire/grpc.h"

#include <gtest/gtest.h>

namespace stint::wire {
namespace {

TEST(Grpc, ReadsAndWritesThePrefixOfAMessage) {
  std::string bytes;
  append_grpc_prefix(bytes, {1, 0x0102'03ff});
  EXPECT_EQ(bytes, std::string_view("\x01\x01\x02\x03\xff", 5));
  const GrpcPrefix prefix = parse_grpc_prefix(bytes);
  EXPECT_EQ(prefix.format, 1);
  EXPECT_EQ(prefix.size, 0x0102'03ffu);
}

TEST(Grpc, KnowsItsMediaTypes) {
  for (const auto type : {"application/grpc", "application/grpc+proto", "application/grpc;x=1", "application/grpc+"}) {
    EXPECT_TRUE(is_grpc_content_type(type)) << type;
  }
  for (const auto type : {"", "application/grpc-web", "application/grp", "Application/grpc", "text/plain"}) {
    EXPECT_FALSE(is_grpc_content_type(type)) << type;
  }
}

TEST(Grpc, ReadsTimeouts) {
  std::string mistake;
  const std::pair<const char*, Nanoseconds> good[] = {{"1H", Seconds(3600)},
                                                      {"2M", Seconds(120)},
                                                      {"10S", Seconds(10)},
                                                      {"99999999m", Milliseconds(99'999'999)},
                                                      {"7u", Nanoseconds(7000)},
                                                      {"0n", Nanoseconds(0)},
                                                      {"99999999H", Nanoseconds::max()}};
  for (const auto& [text, value] : good) EXPECT_EQ(parse_grpc_timeout(text, mistake).value(), value) << text;
  const std::pair<const char*, const char*> bad[] = {
      {"", "transport: timeout string is too short: \"\""},
      {"5", "transport: timeout string is too short: \"5\""},
      {"123456789S", "transport: timeout string is too long: \"123456789S\""},
      {"10s", "transport: timeout unit is not recognized: \"10s\""},
      {"-1S", "strconv.ParseUint: parsing \"-1\": invalid syntax"},
      {"1\nS", "strconv.ParseUint: parsing \"1\\n\": invalid syntax"}};
  for (const auto& [text, words] : bad) {
    EXPECT_FALSE(parse_grpc_timeout(text, mistake)) << text;
    EXPECT_EQ(mistake, words);
  }
}

TEST(Grpc, EncodesMessages) {
  EXPECT_EQ(encode_grpc_message("plain text ~"), "plain text ~");
  EXPECT_EQ(encode_grpc_message("100% \n\x7f"), "100%25 %0A%7F");
  EXPECT_EQ(encode_grpc_message("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), "%C3%A4%E2%82%AC%F0%9F%98%80");
  EXPECT_EQ(encode_grpc_message("a\xff\xc3"), "a%EF%BF%BD%EF%BF%BD");
  EXPECT_EQ(encode_grpc_message("\xed\xa0\x80"), "%EF%BF%BD%EF%BF%BD%EF%BF%BD");
}

TEST(Grpc, EncodesBinaryHeadersWithoutPadding) {
  EXPECT_EQ(encode_binary_header("a"), "YQ");
  EXPECT_EQ(encode_binary_header("ab"), "YWI");
  EXPECT_EQ(encode_binary_header("abc"), "YWJj");
}

TEST(Grpc, WritesTimeoutsAsFinelyAsEightDigitsCan) {
  const std::pair<Nanoseconds, const char*> values[] = {
      {Nanoseconds(1), "1n"},        {Nanoseconds(99'999'999), "99999999n"},
      {Seconds(5), "5000000u"},      {Seconds(3600), "3600000m"},
      {Seconds(999'999), "999999S"}, {std::chrono::hours(1'000'000), "60000000M"}};
  std::string mistake;
  for (const auto& [timeout, text] : values) {
    EXPECT_EQ(grpc_timeout_text(timeout), text);
    EXPECT_EQ(parse_grpc_timeout(text, mistake).value(), timeout);
  }
}

TEST(Grpc, ReadsWhatItEncodes) {
  const std::string text = "100% \n\x7f\xc3\xa4";
  EXPECT_EQ(decode_grpc_message(encode_grpc_message(text)), text);
  EXPECT_EQ(decode_grpc_message("%"), "%");
  EXPECT_EQ(decode_grpc_message("a%4"), "a%4");
  EXPECT_EQ(decode_grpc_message("%zz%41"), "%zzA");
  for (const std::string_view bytes : {"", "a", "ab", "abc"}) {
    EXPECT_EQ(decode_binary_header(encode_binary_header(bytes)).value(), bytes);
  }
  EXPECT_EQ(decode_binary_header("YQ==").value(), "a");
  EXPECT_FALSE(decode_binary_header("Y"));
  EXPECT_FALSE(decode_binary_header("\n\n"));
}

TEST(Grpc, MapsHttpStatusesWhereThereIsNoOther) {
  const std::pair<int, RpcCode> statuses[] = {{400, RpcCode::internal},          {401, RpcCode::unauthenticated},
                                              {403, RpcCode::permission_denied}, {404, RpcCode::unimplemented},
                                              {429, RpcCode::unavailable},       {503, RpcCode::unavailable},
                                              {500, RpcCode::unknown},           {200, RpcCode::unknown}};
  for (const auto& [status, code] : statuses) EXPECT_EQ(code_of_http_status(status), code) << status;
  EXPECT_EQ(name(RpcCode::cancelled), "Canceled");
  EXPECT_EQ(name(RpcCode::unauthenticated), "Unauthenticated");
}

TEST(Grpc, QuotesAndCutsWhatItShows) {
  EXPECT_EQ(in_quotes("a\"b\\\t\x01"), R"("a\"b\\\t\x01")");
  EXPECT_LT(in_quotes(std::string(100'000, 'x')).size(), 300u);
}

}  // namespace
}  // namespace stint::wire
