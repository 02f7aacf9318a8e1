// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 heads: at every split point, pipelined, refused, written.
#include "wire/http1.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace stint::wire {
namespace {

using namespace std::string_literals;

const std::string post =
    "POST /v1/traces?x=1 HTTP/1.1\r\n"
    "Host: localhost:4318\r\n"
    "User-Agent: OTel-OTLP-Exporter-Python/1.40\r\n"
    "content-TYPE: application/x-protobuf; charset=utf-8\r\n"
    "Content-Encoding: gzip\r\n"
    "Empty:\r\n"
    "Content-Length:  12 \t\r\n"
    "\r\n";

// An exact copy on the heap, so that a read past its end is seen.
struct Exact {
  explicit Exact(std::string_view text) : bytes(new char[text.size()]), size(text.size()) {
    text.copy(bytes.get(), size);
  }
  std::string_view view() const { return {bytes.get(), size}; }
  std::unique_ptr<char[]> bytes;
  std::size_t size;
};

Result<std::size_t> parse(std::string_view bytes, RequestHead& head) {
  std::size_t scanned = 0;
  return parse_request_head(bytes, scanned, head);
}

Result<std::size_t> parse(std::string_view bytes, ResponseHead& head, bool to_head_request = false) {
  std::size_t scanned = 0;
  return parse_response_head(bytes, scanned, head, to_head_request);
}

ErrorCode refusal(std::string_view bytes) {
  RequestHead head;
  const Exact exact(bytes);
  const auto result = parse(exact.view(), head);
  EXPECT_FALSE(result) << bytes << " took " << (result ? *result : 0);
  return result ? ErrorCode::stopping : result.error().code;
}

ErrorCode refusal_with(std::string_view lines) {
  return refusal("POST /v1/traces HTTP/1.1\r\nHost: a\r\n" + std::string(lines) + "\r\n");
}

RequestHead accepted(const std::string& bytes) {
  RequestHead head;
  const auto result = parse(bytes, head);
  EXPECT_TRUE(result) << bytes << to_string(result ? Error{} : result.error());
  EXPECT_EQ(result ? *result : 0, bytes.size());
  return head;
}

void expect_post(const RequestHead& head) {
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.target, "/v1/traces?x=1");
  EXPECT_EQ(head.path(), "/v1/traces");
  EXPECT_EQ(head.version_minor, 1);
  EXPECT_EQ(head.headers.size(), 6u);
  EXPECT_EQ(head.headers.value("HOST"), "localhost:4318");
  EXPECT_EQ(head.headers.find("empty"), std::string_view());
  EXPECT_EQ(head.headers.find("absent"), std::nullopt);
  EXPECT_EQ(head.content_type(), "application/x-protobuf");
  EXPECT_EQ(head.content_encoding(), "gzip");
  EXPECT_EQ(head.framing, BodyFraming::length);
  EXPECT_EQ(head.content_length, 12u);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_FALSE(head.expect_continue);
}

TEST(HttpRequestHead, IsReadWhole) {
  RequestHead head;
  const auto result = parse(post, head);
  ASSERT_TRUE(result);
  EXPECT_EQ(*result, post.size());
  expect_post(head);
}

TEST(HttpRequestHead, NeedsMoreBytesAtEverySplitAndIsTheSameAfterIt) {
  for (std::size_t split = 0; split < post.size(); ++split) {
    RequestHead head;
    std::size_t scanned = 0;
    const Exact first(std::string_view(post).substr(0, split));
    const auto none = parse_request_head(first.view(), scanned, head);
    ASSERT_TRUE(none) << split;
    ASSERT_EQ(*none, 0u) << split;
    const Exact whole(post);
    const auto all = parse_request_head(whole.view(), scanned, head);
    ASSERT_TRUE(all) << split;
    ASSERT_EQ(*all, post.size());
    expect_post(head);
  }
}

TEST(HttpRequestHead, ComesByteByByteWhileTheBytesMove) {
  RequestHead head;
  std::size_t scanned = 0;
  for (std::size_t size = 0; size < post.size(); ++size) {
    const Exact part(std::string_view(post).substr(0, size));
    const auto none = parse_request_head(part.view(), scanned, head);
    ASSERT_TRUE(none && *none == 0) << size;
    ASSERT_LE(scanned, size);
  }
  const Exact whole(post);
  const auto all = parse_request_head(whole.view(), scanned, head);
  ASSERT_TRUE(all && *all == post.size());
  expect_post(head);
}

TEST(HttpRequestHead, TakesOnlyItsOwnBytesOfAPipeline) {
  const std::string second = "GET / HTTP/1.1\r\nHost: b\r\n\r\n";
  const std::string bytes = post + second + post;
  RequestHead head;
  auto result = parse(bytes, head);
  ASSERT_TRUE(result);
  ASSERT_EQ(*result, post.size());
  expect_post(head);
  result = parse(std::string_view(bytes).substr(post.size()), head);
  ASSERT_TRUE(result);
  ASSERT_EQ(*result, second.size());
  EXPECT_EQ(head.method, "GET");
  EXPECT_EQ(head.headers.size(), 1u);
  EXPECT_EQ(head.framing, BodyFraming::none);
  EXPECT_EQ(head.content_length, std::nullopt);
}

TEST(HttpRequestHead, SkipsOneEmptyLineBeforeIt) {
  const std::string bytes = "\r\n" + post;
  for (std::size_t split = 0; split < bytes.size(); ++split) {
    RequestHead head;
    std::size_t scanned = 0;
    const auto none = parse_request_head(std::string_view(bytes).substr(0, split), scanned, head);
    ASSERT_TRUE(none && *none == 0) << split;
    const auto all = parse_request_head(bytes, scanned, head);
    ASSERT_TRUE(all && *all == bytes.size()) << split;
    expect_post(head);
  }
  EXPECT_EQ(refusal("\r\n\r\n" + post), ErrorCode::malformed);
  EXPECT_EQ(refusal("\rG"), ErrorCode::malformed);
}

TEST(HttpRequestHead, AcceptsAbsoluteTargetsAndAnswersTheirPath) {
  EXPECT_EQ(accepted("POST http://h:4318/v1/logs?a HTTP/1.1\r\nHost: h\r\n\r\n").path(), "/v1/logs");
  EXPECT_EQ(accepted("POST http://h:4318 HTTP/1.1\r\nHost: h\r\n\r\n").path(), "/");
  EXPECT_EQ(accepted("POST http://h?x=/y HTTP/1.1\r\nHost: h\r\n\r\n").path(), "/");
  EXPECT_EQ(accepted("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").path(), "*");
  EXPECT_EQ(accepted("GET /a?b=http://c/d HTTP/1.1\r\nHost: h\r\n\r\n").path(), "/a");
}

TEST(HttpRequestHead, KeepsAliveAsItsVersionSays) {
  EXPECT_TRUE(accepted("GET / HTTP/1.1\r\n\r\n").keep_alive);
  EXPECT_FALSE(accepted("GET / HTTP/1.1\r\nConnection: foo, Close\r\n\r\n").keep_alive);
  EXPECT_FALSE(accepted("GET / HTTP/1.0\r\n\r\n").keep_alive);
  EXPECT_TRUE(accepted("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").keep_alive);
  EXPECT_EQ(accepted("GET / HTTP/1.0\r\n\r\n").version_minor, 0);
}

TEST(HttpRequestHead, KnowsHowItsBodyIsFramed) {
  EXPECT_TRUE(accepted("POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n").chunked());
  const RequestHead zero = accepted("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(zero.framing, BodyFraming::length);
  EXPECT_EQ(zero.content_length, 0u);
  EXPECT_EQ(accepted("POST / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n").content_length,
            18446744073709551615u);
  EXPECT_EQ(accepted("POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n").content_length, 5u);
}

TEST(HttpRequestHead, SeesTheExpectationToContinue) {
  EXPECT_TRUE(accepted("POST / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n").expect_continue);
  EXPECT_FALSE(accepted("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n").expect_continue);
}

TEST(HttpRequestHead, TakesIdentityForNoEncoding) {
  EXPECT_EQ(accepted("POST / HTTP/1.1\r\nContent-Encoding: Identity\r\n\r\n").content_encoding(), "");
}

TEST(HttpRequestHead, RefusesWhatCouldBeReadInTwoWays) {
  EXPECT_EQ(refusal_with("Content-Length: 5\r\nContent-Length: 6\r\n"), ErrorCode::malformed);
  EXPECT_EQ(refusal_with("Content-Length: 5, 6\r\n"), ErrorCode::malformed);
  EXPECT_EQ(refusal_with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), ErrorCode::malformed);
  EXPECT_EQ(refusal_with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), ErrorCode::malformed);
  EXPECT_EQ(refusal_with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), ErrorCode::malformed);
  EXPECT_EQ(refusal_with("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"), ErrorCode::malformed);
  EXPECT_EQ(refusal("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), ErrorCode::malformed);
  for (const char* const coding : {"", "identity", "gzip", "chunked, gzip", "chunkedx", "x chunked", "\"chunked\""}) {
    EXPECT_EQ(refusal_with("Transfer-Encoding: "s + coding + "\r\n"), ErrorCode::malformed) << coding;
  }
  EXPECT_EQ(refusal_with("Transfer-Encoding: gzip, chunked\r\n"), ErrorCode::unsupported);
}

TEST(HttpRequestHead, RefusesBadLengths) {
  for (const char* const length : {"", "-1", "+1", "0x10", "1 2", "1,", "12a", "18446744073709551616", "1.0"}) {
    EXPECT_EQ(refusal_with("Content-Length: "s + length + "\r\n"), ErrorCode::malformed) << length;
  }
}

TEST(HttpRequestHead, RefusesBadLines) {
  EXPECT_EQ(refusal_with("A: b\nC: d\r\n"), ErrorCode::malformed);
  EXPECT_EQ(refusal("GET / HTTP/1.1\n\n"), ErrorCode::malformed);
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\nA: b\r\n\n"), ErrorCode::malformed);
  EXPECT_EQ(refusal_with("A: b\rc\r\n"), ErrorCode::malformed);
  EXPECT_EQ(refusal_with("A: b\r\r\n"), ErrorCode::malformed);
  EXPECT_EQ(refusal_with("A : b\r\n"), ErrorCode::malformed);
  EXPECT_EQ(refusal_with("A\t: b\r\n"), ErrorCode::malformed);
  EXPECT_EQ(refusal_with(": b\r\n"), ErrorCode::malformed);
  EXPECT_EQ(refusal_with("A\r\n"), ErrorCode::malformed);
  EXPECT_EQ(refusal_with("A: b\r\n folded\r\n"), ErrorCode::malformed);
  EXPECT_EQ(refusal_with("A: b\r\n\tfolded\r\n"), ErrorCode::malformed);
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\n A: b\r\n\r\n"), ErrorCode::malformed);
}

TEST(HttpRequestHead, RefusesControlCharacters) {
  for (int c = 0; c < 256; ++c) {
    const std::string character(1, static_cast<char>(c));
    const bool control = (c < 32 && c != '\t') || c == 127;
    if (control) {
      EXPECT_EQ(refusal_with("A: b" + character + "c\r\n"), ErrorCode::malformed) << c;
      EXPECT_EQ(refusal("GET /" + character + " HTTP/1.1\r\n\r\n"), ErrorCode::malformed) << c;
    } else {
      EXPECT_EQ(accepted("GET / HTTP/1.1\r\nA: b" + character + "c\r\n\r\n").headers.value("a"), "b" + character + "c");
    }
    if (!is_token(character) && c != ':') {
      EXPECT_EQ(refusal_with("A" + character + "b: c\r\n"), ErrorCode::malformed) << c;
    }
  }
}

TEST(HttpRequestHead, RefusesBadRequestLines) {
  for (const char* const line : {"GET  / HTTP/1.1", "GET /", "GET / HTTP/1.1 ", "GET / http/1.1", "GET / HTTP/11",
                                 "G(T / HTTP/1.1", "GET / / HTTP/1.1", "GET / HTTP/x.1"}) {
    EXPECT_EQ(refusal(line + "\r\n\r\n"s), ErrorCode::malformed) << line;
  }
}

TEST(HttpRequestHead, NamesOtherVersionsAsUnsupported) {
  EXPECT_EQ(refusal("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), ErrorCode::unsupported);
  EXPECT_EQ(refusal("GET / HTTP/1.2\r\n\r\n"), ErrorCode::unsupported);
  EXPECT_EQ(refusal("GET / HTTP/0.9\r\n\r\n"), ErrorCode::unsupported);
}

TEST(HttpRequestHead, RefusesOtherProtocolsAtTheFirstByte) {
  EXPECT_EQ(refusal("\x16"), ErrorCode::malformed);  // a TLS hello
  EXPECT_EQ(refusal("{"), ErrorCode::malformed);
  EXPECT_EQ(refusal("\0"s), ErrorCode::malformed);
  EXPECT_EQ(refusal("\n"), ErrorCode::malformed);
  EXPECT_EQ(refusal(" GET"), ErrorCode::malformed);
}

TEST(HttpRequestHead, HoldsAsManyHeadersAsTheLimitAndNoMore) {
  std::string head = "GET / HTTP/1.1\r\n";
  for (std::size_t i = 0; i < limits::http_headers_max; ++i) head += "A: b\r\n";
  EXPECT_EQ(accepted(head + "\r\n").headers.size(), limits::http_headers_max);
  EXPECT_EQ(refusal(head + "A: b\r\n\r\n"), ErrorCode::too_many);
}

TEST(HttpRequestHead, MayBeAsLongAsTheLimitAndNoLonger) {
  const std::string start = "GET / HTTP/1.1\r\nA: ";
  const std::string exact = start + std::string(limits::http_head_bytes_max - start.size() - 4, 'x') + "\r\n\r\n";
  EXPECT_EQ(accepted(exact).headers.value("A").size(), exact.size() - start.size() - 4);
  EXPECT_EQ(refusal(start + "x" + exact.substr(start.size())), ErrorCode::too_large);
  // Not one byte more is waited for.
  EXPECT_EQ(refusal(start + std::string(limits::http_head_bytes_max - start.size(), 'x')), ErrorCode::too_large);
  RequestHead head;
  const auto waiting = parse(start + std::string(limits::http_head_bytes_max - start.size() - 1, 'x'), head);
  ASSERT_TRUE(waiting);
  EXPECT_EQ(*waiting, 0u);
}

TEST(HttpRequestHead, SurvivesEveryByteReplaced) {
  for (std::size_t at = 0; at < post.size(); ++at) {
    for (const char c : {'\0', '\r', '\n', ' ', ':', 'a', '\xff'}) {
      std::string bytes = post;
      bytes[at] = c;
      const Exact exact(bytes);
      RequestHead head;
      const auto result = parse(exact.view(), head);
      if (result) {
        EXPECT_LE(*result, bytes.size());
      } else {
        EXPECT_EQ(result.error().code == ErrorCode::malformed || result.error().code == ErrorCode::unsupported, true);
      }
    }
  }
}

const std::string response =
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n";

TEST(HttpResponseHead, IsReadWholeAtEverySplit) {
  for (std::size_t split = 0; split < response.size(); ++split) {
    ResponseHead head;
    std::size_t scanned = 0;
    const Exact first(std::string_view(response).substr(0, split));
    const auto none = parse_response_head(first.view(), scanned, head);
    ASSERT_TRUE(none && *none == 0) << split;
    const auto all = parse_response_head(response + "{}", scanned, head);
    ASSERT_TRUE(all && *all == response.size());
    EXPECT_EQ(head.status, 503);
    EXPECT_TRUE(head.keep_alive);
    EXPECT_EQ(head.framing, BodyFraming::length);
    EXPECT_EQ(head.content_length, 2u);
  }
}

TEST(HttpResponseHead, GivesReasonAndHeaders) {
  ResponseHead head;
  ASSERT_TRUE(parse(response, head));
  EXPECT_EQ(head.reason, "Service Unavailable");
  EXPECT_EQ(head.headers.value("retry-after"), "3");
  EXPECT_EQ(head.content_type(), "application/json");
}

TEST(HttpResponseHead, HasNoBodyWhereTheProtocolSaysSo) {
  for (const char* const status : {"100 Continue", "204 No Content", "304 Not Modified"}) {
    const std::string bytes = "HTTP/1.1 "s + status + "\r\nContent-Length: 7\r\n\r\n";
    ResponseHead head;
    ASSERT_TRUE(parse(bytes, head)) << status;
    EXPECT_EQ(head.framing, BodyFraming::none);
    EXPECT_EQ(head.content_length, 7u);
    EXPECT_TRUE(head.keep_alive);
  }
  ResponseHead head;
  const std::string ok = "HTTP/1.1 200 OK\r\n\r\n";
  ASSERT_TRUE(parse(ok, head, true));
  EXPECT_EQ(head.framing, BodyFraming::none);
  EXPECT_TRUE(head.keep_alive);
}

TEST(HttpResponseHead, LastsUntilTheCloseWithoutLengthAndChunks) {
  ResponseHead head;
  const std::string ok = "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n";
  ASSERT_TRUE(parse(ok, head));
  EXPECT_EQ(head.framing, BodyFraming::until_close);
  EXPECT_FALSE(head.keep_alive);
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  ASSERT_TRUE(parse(chunked, head));
  EXPECT_TRUE(head.chunked());
  EXPECT_TRUE(head.keep_alive);
}

TEST(HttpResponseHead, MayLackItsReason) {
  for (const char* const line : {"HTTP/1.1 202 ", "HTTP/1.1 202"}) {
    const std::string bytes = line + "\r\nContent-Length: 3\r\n\r\n"s;
    ResponseHead head;
    const Exact exact(bytes);
    const auto result = parse(exact.view(), head);
    ASSERT_TRUE(result) << line;
    EXPECT_EQ(*result, bytes.size());
    EXPECT_EQ(head.status, 202);
    EXPECT_EQ(head.reason, "");
    EXPECT_EQ(head.content_length, 3u);
  }
  ResponseHead head;
  const std::string shortest = "HTTP/1.1 204\r\n\r\n";
  ASSERT_TRUE(parse(shortest, head));
  EXPECT_EQ(head.status, 204);
}

TEST(HttpResponseHead, RefusesBadOnes) {
  for (const char* const line : {"HTTP/1.1 2x0 OK", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1  200 OK",
                                 "HTTP/1.1 099 OK", "HTTP 200 OK", "HTTP/1.1", "HTTP/1.1 200 O\x01K"}) {
    ResponseHead head;
    const auto result = parse(line + "\r\n\r\n"s, head);
    ASSERT_FALSE(result) << line;
    EXPECT_EQ(result.error().code, ErrorCode::malformed);
  }
  ResponseHead head;
  EXPECT_EQ(parse("<html>", head).error().code, ErrorCode::malformed);
  EXPECT_EQ(parse("HTTP/2.0 200 OK\r\n\r\n", head).error().code, ErrorCode::unsupported);
  EXPECT_EQ(parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", head).error().code,
            ErrorCode::malformed);
}

TEST(HttpWriter, WritesARequestThatParses) {
  std::string bytes = "kept";
  const Header headers[] = {{"Content-Type", "application/json"}, {"X", ""}};
  ASSERT_TRUE(append_request_head(bytes, "POST", "/v1/logs", "h:1", headers, 42));
  EXPECT_EQ(
      bytes,
      "keptPOST /v1/logs HTTP/1.1\r\nHost: h:1\r\nContent-Type: application/json\r\nX: \r\nContent-Length: 42\r\n\r\n");
  const std::string head = bytes.substr(4);
  EXPECT_EQ(accepted(head).content_length, 42u);
}

TEST(HttpWriter, WritesAResponseThatParses) {
  std::string bytes;
  const Header headers[] = {{"Retry-After", "1"}};
  ASSERT_TRUE(append_response_head(bytes, 429, headers, 0, false));
  EXPECT_EQ(bytes,
            "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  ResponseHead head;
  ASSERT_TRUE(parse(bytes, head));
  EXPECT_FALSE(head.keep_alive);
  bytes.clear();
  ASSERT_TRUE(append_response_head(bytes, 100, {}, std::nullopt));
  EXPECT_EQ(bytes, "HTTP/1.1 100 Continue\r\n\r\n");
  bytes.clear();
  ASSERT_TRUE(append_response_head(bytes, 599, {}, std::nullopt));
  EXPECT_EQ(bytes, "HTTP/1.1 599 Unknown\r\n\r\n");
}

TEST(HttpWriter, RefusesPartsThatWouldBreakTheHead) {
  std::string bytes;
  const Header good[] = {{"A", "b"}};
  for (const Header& bad : {Header{"A", "b\r\nC: d"}, Header{"A", "b\n"}, Header{"A:", "b"}, Header{"", "b"},
                            Header{"A b", "c"}, Header{"A", std::string_view("\0", 1)}}) {
    const Header headers[] = {bad};
    EXPECT_FALSE(append_request_head(bytes, "GET", "/", "h", headers, std::nullopt));
    EXPECT_FALSE(append_response_head(bytes, 200, headers, 0));
  }
  EXPECT_FALSE(append_request_head(bytes, "G T", "/", "h", good, std::nullopt));
  EXPECT_FALSE(append_request_head(bytes, "GET", "/a b", "h", good, std::nullopt));
  EXPECT_FALSE(append_request_head(bytes, "GET", "", "h", good, std::nullopt));
  EXPECT_FALSE(append_request_head(bytes, "GET", "/", "h\r\nX: y", good, std::nullopt));
  EXPECT_FALSE(append_response_head(bytes, 42, good, 0));
  EXPECT_EQ(bytes, "");
}

}  // namespace
}  // namespace stint::wire
