// SPDX-License-Identifier: Apache-2.0
// What inert mode makes of the platform's answers and of senders, and the arguments that it is started with.
#include "lambda/inert_answer.h"

#include <gtest/gtest.h>

#include <vector>

#include "lambda/inert_mode.h"
#include "otlp/status.h"

namespace stint::lambda {
namespace {

constexpr std::string_view invoke =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\ncontent-length: 22\r\n\r\n{\"eventType\":\"INVOKE\"}";

TEST(InertAnswer, ComesInPieces) {
  for (std::size_t size = 0; size < invoke.size(); ++size) EXPECT_FALSE(whole_answer(invoke.substr(0, size), false));
  const auto answer = whole_answer(invoke, false);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "{\"eventType\":\"INVOKE\"}");
}

TEST(InertAnswer, MayBeChunkedOrEndWithTheConnection) {
  constexpr std::string_view chunked = "HTTP/1.1 403 No\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
  EXPECT_FALSE(whole_answer(chunked.substr(0, chunked.size() - 2), false));
  EXPECT_EQ(whole_answer(chunked, false)->status, 403);
  constexpr std::string_view endless = "HTTP/1.1 200 OK\r\n\r\n{\"eventType\":\"SHUTDOWN\"";
  EXPECT_FALSE(whole_answer(endless, false));
  EXPECT_TRUE(is_shutdown(whole_answer(endless, true)->body));
}

TEST(InertAnswer, OfGarbageIsNone) {
  EXPECT_FALSE(whole_answer("", true));
  EXPECT_FALSE(whole_answer("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", false));
  EXPECT_FALSE(whole_answer("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", false));
  EXPECT_EQ(whole_answer("x\r\n\r\n", true)->status, 0);
}

TEST(InertAnswer, HeadersAreFoundWhateverTheirCase) {
  constexpr std::string_view head = "HTTP/1.1 200 OK\r\nX:1\r\nLAMBDA-extension-Identifier:\t 7f00 \r\nLast: end";
  EXPECT_EQ(header_value(head, "Lambda-Extension-Identifier"), "7f00");
  EXPECT_EQ(header_value(head, "last"), "end");
  EXPECT_EQ(header_value(head, "absent"), "");
  EXPECT_EQ(header_value("", "x"), "");
}

TEST(InertAnswer, ShutdownIsToldByTheEventsTypeAlone) {
  EXPECT_TRUE(is_shutdown(R"({"eventType":"SHUTDOWN","shutdownReason":"spindown"})"));
  EXPECT_TRUE(is_shutdown(R"({ "eventType" : "SHUTDOWN" })"));
  EXPECT_TRUE(is_shutdown("1d\r\n{\"eventType\":\"SHUTDOWN\"}\r\n0\r\n\r\n"));
  EXPECT_FALSE(is_shutdown(R"({"eventType":"INVOKE","requestId":"SHUTDOWN"})"));
  EXPECT_FALSE(is_shutdown("{\"eventType\""));
}

TEST(InertDoor, ReadsUntilAHeadIsThere) {
  EXPECT_EQ(look_at_request(""), DoorStep::read_on);
  EXPECT_EQ(look_at_request("POST /v1/traces HTTP/1.1\r\nHost: a\r\n"), DoorStep::read_on);
  EXPECT_EQ(look_at_request("POST /v1/traces HTTP/1.1\r\nHost: a\r\n\r\n"), DoorStep::answer);
  EXPECT_EQ(look_at_request("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), DoorStep::close);
  EXPECT_EQ(look_at_request("\x16\x03\x01"), DoorStep::close);
}

TEST(InertDoor, RefusesInTheSendersLanguage) {
  const auto body = [](const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); };
  const std::string json = refusal("POST / HTTP/1.1\r\ncontent-type: Application/JSON; charset=utf-8", "why");
  EXPECT_TRUE(json.starts_with("HTTP/1.1 400 "));
  EXPECT_EQ(otlp::decode_status_json(body(json))->message, "why");
  const std::string binary = refusal("POST / HTTP/1.1\r\nContent-Type: application/x-protobuf", "why");
  EXPECT_EQ(otlp::decode_status(body(binary))->message, "why");
  EXPECT_EQ(body(refusal("GET / HTTP/1.1", "why")), "why\n");
}

TEST(Inheritance, IsReadFromTheCrashHandlersArgumentsOnly) {
  const auto parse = [](std::vector<std::string> texts) {
    std::vector<char*> arguments;
    for (std::string& text : texts) arguments.push_back(text.data());
    return parse_inheritance(arguments);
  };
  const auto inherited = parse({"3", "7", "-1", "12", "127.0.0.1:9001", "id", "SIGSEGV"});
  ASSERT_TRUE(inherited);
  EXPECT_EQ(inherited->stage, Handover::Stage::waiting);
  EXPECT_EQ(inherited->connection, 7);
  EXPECT_EQ(inherited->telemetry, no_handle);
  EXPECT_EQ(inherited->items_lost, 12u);
  EXPECT_EQ(inherited->endpoint.port, 9001);
  EXPECT_EQ(inherited->identifier, "id");
  EXPECT_EQ(inherited->reason, "SIGSEGV");
  EXPECT_FALSE(parse({}));
  EXPECT_FALSE(parse({"0", "7", "-1", "12", "127.0.0.1:9001", "id", "SIGSEGV"}));
  EXPECT_FALSE(parse({"4", "7", "-1", "12", "127.0.0.1:9001", "id", "SIGSEGV"}));
  EXPECT_FALSE(parse({"3", "x", "-1", "12", "127.0.0.1:9001", "id", "SIGSEGV"}));
  EXPECT_FALSE(parse({"3", "7", "-1", "12", "nowhere", "id", "SIGSEGV"}));
}

}  // namespace
}  // namespace stint::lambda
