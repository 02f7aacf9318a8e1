// SPDX-License-Identifier: Apache-2.0
// Bodies of answers: their exact bytes, and what comes back from reading them. The official library's opinion is in
// check_status.py.
#include "otlp/status.h"

#include <gtest/gtest.h>

#include "otlp/write.h"

namespace stint::otlp {
namespace {

using namespace std::string_view_literals;

TEST(Response, OfFullSuccessIsTheTwoBytesOfTheReference) {
  EXPECT_EQ(encode_response(), "\x0a\0"sv);
  EXPECT_EQ(encode_response_json(Signal::logs), R"({"partialSuccess":{}})");
}

TEST(Response, GivesBackWhatWasRejected) {
  const PartialSuccess partial{.rejected = 300, .message = "too old"};
  const auto decoded = decode_response(encode_response(partial));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, partial);
  EXPECT_EQ(encode_response_json(Signal::metrics, partial),
            R"({"partialSuccess":{"rejectedDataPoints":"300","errorMessage":"too old"}})");
}

TEST(Response, IsFullSuccessWhenEmptyAndMalformedWhenCut) {
  const auto empty = decode_response("");
  ASSERT_TRUE(empty);
  EXPECT_TRUE(empty->empty());
  const auto cut = decode_response("\x0a\x05\x08\x01");
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, ErrorCode::malformed);
  EXPECT_FALSE(decode_response("\x0a\x02\x12\x05"));
}

TEST(Status, GivesBackCodeMessageAndDelay) {
  for (const std::optional<Nanoseconds> delay : {std::optional<Nanoseconds>(), std::optional<Nanoseconds>(Seconds(3)),
                                                 std::optional<Nanoseconds>(Milliseconds(1500))}) {
    const RpcStatus status{.code = RpcCode::unavailable, .message = "later", .retry_delay = delay};
    const auto decoded = decode_status(encode_status(status));
    ASSERT_TRUE(decoded);
    EXPECT_EQ(*decoded, status);
  }
}

TEST(Status, ReadsAsJson) {
  EXPECT_EQ(encode_status_json({.code = RpcCode::invalid_argument, .message = "a \"b\"\n\x01\xff"}),
            "{\"code\":3,\"message\":\"a \\\"b\\\"\\n\\u0001\xEF\xBF\xBD\"}");
  EXPECT_EQ(
      encode_status_json({.code = RpcCode::resource_exhausted, .message = "full", .retry_delay = Milliseconds(1050)}),
      R"({"code":8,"message":"full","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.050s"}]})");
}

TEST(Status, ReadsWhatBackEndsSayInJson) {
  const auto partial = [](std::string_view body) { return decode_response_json(body); };
  EXPECT_EQ(*partial(R"({"partialSuccess":{"rejectedSpans":"3","errorMessage":"too \"old\""}})"),
            (PartialSuccess{.rejected = 3, .message = "too \"old\""}));
  EXPECT_EQ(*partial(R"({"partial_success":{"rejected_data_points":7,"other":[{}]}})"),
            (PartialSuccess{.rejected = 7, .message = ""}));
  EXPECT_EQ(partial(R"({"partialSuccess":{"rejectedLogRecords":-1}})")->rejected, -1);
  for (const char* const nothing : {"{}", R"({"partialSuccess":{}})", R"({"partialSuccess":null})",
                                    R"({"partialSuccess":{"rejectedSpans":null}})", R"({"rejectedSpans":3})", "[]"}) {
    EXPECT_TRUE(partial(nothing)->empty()) << nothing;
  }
  for (const char* const wrong : {"", "{", "accepted", R"({"partialSuccess":{"rejectedSpans":"many"}})",
                                  R"({"partialSuccess":{"rejectedSpans":1e400}})"}) {
    EXPECT_FALSE(partial(wrong)) << wrong;
  }
  const auto status = decode_status_json(R"({"code":14,"message":"later","details":[{"code":3}]})");
  EXPECT_EQ(*status, (RpcStatus{.code = RpcCode::unavailable, .message = "later", .retry_delay = std::nullopt}));
  EXPECT_EQ(decode_status_json(R"({"message":"no code"})")->code, RpcCode::ok);
  EXPECT_FALSE(decode_status_json("<html>"));
}

TEST(Status, PassesOverDetailsItDoesNotKnow) {
  std::string body;
  {
    MessageWriter status(body);
    MessageWriter any(status, fields::RpcStatus::details);
    write(any, fields::Any::type_url, "type.googleapis.com/google.rpc.DebugInfo");
    write(any, fields::Any::value, "\xff\xff");
  }
  const auto decoded = decode_status(body);
  ASSERT_TRUE(decoded);
  EXPECT_FALSE(decoded->retry_delay);
}

TEST(Status, RefusesBytesThatAreCut) {
  const std::string body = encode_status({.code = RpcCode::unavailable, .message = "x", .retry_delay = Seconds(1)});
  int refused = 0;
  for (std::size_t size = 0; size < body.size(); ++size) refused += !decode_status(body.substr(0, size));
  EXPECT_GT(refused, 30);
}

TEST(Status, RefusesADelayThatNobodyCouldWait) {
  std::string body;
  {
    MessageWriter status(body);
    MessageWriter any(status, fields::RpcStatus::details);
    write(any, fields::Any::type_url, "type.googleapis.com/google.rpc.RetryInfo");
    MessageWriter info(any, fields::Any::value);
    MessageWriter duration(info, fields::RetryInfo::retry_delay);
    duration.add_int64(fields::Duration::seconds, -1);
  }
  EXPECT_FALSE(decode_status(body));
}

}  // namespace
}  // namespace stint::otlp
