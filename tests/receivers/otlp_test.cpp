// SPDX-License-Identifier: Apache-2.0
// The OTLP receiver over a real socket: what is refused and how, what becomes a batch, and which copies that costs.
#include "receivers/otlp.h"

#include <gtest/gtest.h>

#include "base/slices.h"
#include "config/decoded.h"
#include "net/http_client.h"
#include "pipeline/component_world.h"
#include "pipeline/consumers.h"

namespace stint {
namespace {

struct Post {
  std::string path = "/v1/traces";
  std::string body;
  std::string type = "application/x-protobuf";
  std::string encoding;
  std::string method = "POST";
};

class OtlpReceiverTest : public ComponentWorld {
 public:
  OtlpReceiverTest() {
    config.protocols.http.on = true;
    // A port that was free a moment ago.
    Listener probe = *Listener::open(runtime, Address::ipv4_loopback(0));
    port = probe.address()->port();
    config.protocols.http->endpoint = concat("127.0.0.1:", port);
    configure([](net::HttpServerConfig&) {});
  }
  void configure(void (*change)(net::HttpServerConfig& http)) {
    change(*config.protocols.http);
    receiver.emplace(context, "otlp", config);
    receiver->connect(otlp::Signal::traces, next);
  }
  std::vector<net::HttpResponse> exchange(std::vector<Post> posts) {
    std::vector<net::HttpResponse> responses;
    run(exchange_all(*this, std::move(posts), responses));
    return responses;
  }
  static Task<> exchange_all(OtlpReceiverTest& test, std::vector<Post> posts, std::vector<net::HttpResponse>& out) {
    EXPECT_TRUE(co_await test.receiver->start());
    net::HttpClient client(test.runtime, test.client_pool, test.client_copies,
                           net::HttpOrigin{.host = "127.0.0.1", .port = test.port});
    for (const Post& post : posts) {
      std::string head =
          concat(post.method, " ", post.path, " HTTP/1.1\r\nHost: x\r\nContent-Type: ", post.type, "\r\n");
      if (!post.encoding.empty()) head += concat("Content-Encoding: ", post.encoding, "\r\n");
      head += concat("Content-Length: ", post.body.size(), "\r\n\r\n");
      const iovec body{const_cast<char*>(post.body.data()), post.body.size()};
      Result<net::HttpResponse> response =
          co_await client.request(head, std::span<const iovec>(&body, post.body.empty() ? 0 : 1), Seconds(10));
      EXPECT_TRUE(response);
      if (response) out.push_back(std::move(*response));
    }
    client.close_idle_connections();
    co_await test.receiver->stop(Deadline{test.runtime.epoch_now() + Seconds(5)});
  }

  std::uint16_t port = 0;
  OtlpReceiver::Config config;
  KeepingConsumer next{runtime};
  std::optional<OtlpReceiver> receiver;
  BlockPool client_pool{64u << 20};
  CopyCounters client_copies;
};

Task<> close_after(Runtime& runtime, [[maybe_unused]] Listener listener, Nanoseconds time) {
  (void)co_await runtime.sleep(time);
}

// As a collector leaves it that was killed, when io_uring held it.
TEST_F(OtlpReceiverTest, WaitsForAPortThatIsGivenUpAMomentLater) {
  Listener other = *Listener::open(runtime, Address::ipv4_loopback(port));
  Scope scope(runtime);
  scope.spawn(close_after(runtime, std::move(other), Milliseconds(20)));
  const auto responses = exchange({{.body = spans_request(1)}});
  ASSERT_EQ(responses.size(), 1u);
  EXPECT_EQ(responses[0].status, 200);
}

TEST_F(OtlpReceiverTest, MakesABatchOverTheReceivedBytesWithoutACopy) {
  const std::string body = spans_request(300);
  const auto responses = exchange({{.body = body}});
  ASSERT_EQ(responses.size(), 1u);
  EXPECT_EQ(responses[0].status, 200);
  EXPECT_EQ(responses[0].body.view(), std::string_view("\x0a\x00", 2));
  ASSERT_EQ(next.kept.size(), 1u);
  EXPECT_EQ(next.kept[0].items, 300u);
  EXPECT_EQ(next.kept[0].bytes, body);
  EXPECT_EQ(copies.copies + copies.gathers + copies.compacts, 0u);
  EXPECT_EQ(data.accepted, 300u);
}

std::string compressed(std::string_view text, wire::ContentEncoding encoding) {
  BlockPool pool(64u << 20);
  CopyCounters copies;
  const Slice slice = slice_of(pool, text);
  const Result<Slice> made = wire::Compressor(encoding).compress({&slice, 1}, pool, copies);
  return made ? std::string(made->view()) : std::string();
}

std::string message_of(const net::HttpResponse& response) {
  const auto status = otlp::decode_status(response.body.view());
  return status ? status->message : std::string();
}

TEST_F(OtlpReceiverTest, DecompressesEveryEncoding) {
  const std::string body = spans_request(50);
  std::vector<Post> posts;
  for (std::size_t i = 1; i < wire::content_encoding_count; ++i) {
    const auto encoding = static_cast<wire::ContentEncoding>(i);
    posts.push_back({.body = compressed(body, encoding), .encoding = std::string(wire::name(encoding))});
    posts.push_back({.body = "junk", .encoding = std::string(wire::name(encoding))});
  }
  const auto responses = exchange(posts);
  ASSERT_EQ(responses.size(), posts.size());
  for (std::size_t i = 0; i < responses.size(); i += 2) {
    EXPECT_EQ(responses[i].status, 200) << posts[i].encoding;
    EXPECT_EQ(responses[i + 1].status, 400) << posts[i].encoding;
    EXPECT_EQ(message_of(responses[i + 1]),
              concat("the body is not valid ", posts[i].encoding, ": it is cut short, damaged, or something else"));
  }
  ASSERT_EQ(next.kept.size(), wire::content_encoding_count - 1);
  for (const auto& kept : next.kept) EXPECT_EQ(kept.bytes, body);
}

TEST_F(OtlpReceiverTest, RefusesABombInTheReferencesWords) {
  const std::string bomb = compressed(std::string(limits::http_body_bytes_max + 1, '\0'), wire::ContentEncoding::zstd);
  const auto responses = exchange({{.body = bomb, .encoding = "zstd"}});
  ASSERT_EQ(responses.size(), 1u);
  EXPECT_EQ(responses[0].status, 400);
  EXPECT_TRUE(message_of(responses[0]).starts_with("http: request body too large: more than 20971520 bytes"));
}

TEST_F(OtlpReceiverTest, TakesOnlyTheEncodingsThatAreConfigured) {
  const std::string body = spans_request(1);
  configure([](net::HttpServerConfig& http) { http.compression_algorithms = {"zstd", "deflate"}; });
  const auto responses = exchange({{.body = compressed(body, wire::ContentEncoding::zstd), .encoding = "zstd"},
                                   {.body = compressed(body, wire::ContentEncoding::deflate), .encoding = "deflate"},
                                   {.body = compressed(body, wire::ContentEncoding::zlib), .encoding = "zlib"},
                                   {.body = compressed(body, wire::ContentEncoding::gzip), .encoding = "gzip"},
                                   {.body = body}});
  std::vector<int> statuses;
  for (const auto& response : responses) statuses.push_back(response.status);
  EXPECT_EQ(statuses, (std::vector<int>{200, 200, 400, 400, 400}));
  EXPECT_EQ(message_of(responses[3]), "unsupported Content-Encoding: gzip; supported: zstd, deflate");
  EXPECT_EQ(message_of(responses[4]), "unsupported Content-Encoding: ; supported: zstd, deflate");
}

TEST(OtlpReceiverConfig, RefusesAnEncodingThatNobodyKnows) {
  const config::Decoded<OtlpReceiver::Config> made("protocols:\n  http:\n    compression_algorithms: [gzip, br]\n");
  EXPECT_FALSE(made.good);
  EXPECT_NE(made.said.find("c.yaml:3: protocols::http::compression_algorithms: 'br' is not supported; there are "
                           "\"\", gzip, zstd, zlib, snappy, deflate, lz4 and x-snappy-framed"),
            std::string::npos)
      << made.said;
}

TEST_F(OtlpReceiverTest, AnEmptyListOfEncodingsLeavesBodiesAsTheyAre) {
  const std::string body = spans_request(1);
  configure([](net::HttpServerConfig& http) { http.compression_algorithms = {}; });
  const auto responses =
      exchange({{.body = body}, {.body = compressed(body, wire::ContentEncoding::gzip), .encoding = "gzip"}});
  EXPECT_EQ(responses[0].status, 200);
  EXPECT_EQ(responses[1].status, 400);
}

TEST_F(OtlpReceiverTest, RefusesAtTheDoorWithTheReferencesStatus) {
  const auto responses = exchange({{.path = "/v1/unknown"},
                                   {.path = "/v1/metrics"},
                                   {.method = "GET"},
                                   {.body = "x", .type = "text/plain"},
                                   {.body = "x", .encoding = "br"},
                                   {.body = "\xff\xff\xff"},
                                   {.body = ""}});
  std::vector<int> statuses;
  for (const auto& response : responses) statuses.push_back(response.status);
  EXPECT_EQ(statuses, (std::vector<int>{404, 404, 405, 415, 400, 400, 200}));
  const auto status = otlp::decode_status(responses[5].body.view());
  ASSERT_TRUE(status);
  EXPECT_EQ(status->code, otlp::RpcCode::invalid_argument);
  EXPECT_NE(status->message.find("malformed protobuf"), std::string::npos) << status->message;
  EXPECT_TRUE(next.kept.empty());
  EXPECT_EQ(data.accepted, 0u);
}

TEST_F(OtlpReceiverTest, SaysWhatThePipelineSaid) {
  next.errors = {Error{ErrorCode::retryable, 0, 2500}, Error{ErrorCode::permanent}, Error{ErrorCode::unauthenticated},
                 Error{ErrorCode::permission_denied}, Error{ErrorCode::memory_full},
                 // What a back end said.
                 Error{ErrorCode::permanent, 0, 400}, Error{ErrorCode::permanent, 0, 404},
                 Error{ErrorCode::permanent, 0, 501}, Error{ErrorCode::retryable, 429, 4000},
                 Error{ErrorCode::retryable, 502, 0}};
  const auto responses = exchange(std::vector<Post>(next.errors.size(), Post{.body = spans_request(1)}));
  std::vector<int> statuses;
  for (const auto& response : responses) statuses.push_back(response.status);
  EXPECT_EQ(statuses, (std::vector<int>{503, 500, 401, 403, 503, 400, 404, 500, 429, 503}));
  EXPECT_EQ(responses[0].retry_after, "3");
  EXPECT_EQ(responses[4].retry_after, "1");
  EXPECT_EQ(responses[8].retry_after, "4");
  EXPECT_EQ(data.refused, 10u);
}

Task<> exchange_with_little_memory(OtlpReceiverTest& test, std::vector<net::HttpResponse>& responses) {
  std::vector<Block> others;
  while (!test.pool.is_nearly_full()) others.push_back(*test.pool.allocate(10'000));
  EXPECT_TRUE(test.pool.allocate(10'000));
  std::vector<Post> posts = {{.body = spans_request(1)}, {.body = spans_request(2)}};
  co_await OtlpReceiverTest::exchange_all(test, std::move(posts), responses);
}

TEST_F(OtlpReceiverTest, RefusesWhileThereIsStillMemoryToReadWhatIsRefused) {
  std::vector<net::HttpResponse> responses;
  run(exchange_with_little_memory(*this, responses));
  ASSERT_EQ(responses.size(), 2u);
  EXPECT_EQ(responses[0].status, 503);
  EXPECT_EQ(responses[0].retry_after, "1");
  EXPECT_EQ(responses[1].status, 503) << "on the same connection";
  EXPECT_TRUE(next.kept.empty());
}

TEST_F(OtlpReceiverTest, RepairsTextThatIsNotUtf8AndCountsIt) {
  const std::string body = spans_request(3, "caf\xe9-");
  const auto responses = exchange({{.body = body}});
  EXPECT_EQ(responses[0].status, 200);
  ASSERT_EQ(next.kept.size(), 1u);
  EXPECT_EQ(next.kept[0].bytes, spans_request(3, "caf\xef\xbf\xbd-"));
  EXPECT_EQ(data.repaired_strings, 3u);
}

TEST_F(OtlpReceiverTest, TurnsJsonIntoProtobufAndAnswersInJson) {
  const std::string json = R"({"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a"},{"name":"b\xff"}]}]}]})";
  const std::string good = std::string(json).replace(json.find("\\xff"), 4, "\xff");
  const auto responses = exchange({{.body = good, .type = "application/json; charset=utf-8"},
                                   {.body = "{}", .type = "Application/JSON"},
                                   {.body = "{\"resourceSpans\":7}", .type = "application/json"},
                                   {.body = "", .type = "application/json"}});
  ASSERT_EQ(responses.size(), 4u);
  EXPECT_EQ(responses[0].status, 200);
  EXPECT_EQ(responses[0].body.view(), R"({"partialSuccess":{}})");
  EXPECT_EQ(responses[1].body.view(), R"({"partialSuccess":{}})");
  EXPECT_EQ(responses[2].status, 400);
  EXPECT_EQ(responses[2].body.view(),
            R"json({"code":3,"message":"resourceSpans: '7' is unexpected, want an array (byte 17)"})json");
  EXPECT_EQ(responses[3].status, 400);
  ASSERT_EQ(next.kept.size(), 1u);
  EXPECT_EQ(next.kept[0].items, 2u);
  EXPECT_EQ(next.kept[0].bytes,
            "\x0a\x0f\x12\x0d\x12\x03\x2a\x01"
            "a\x12\x06\x2a\x04"
            "b\xef\xbf\xbd");
  EXPECT_EQ(copies.copies + copies.gathers + copies.compacts, 0u);
  EXPECT_EQ(data.repaired_strings, 1u);
  EXPECT_EQ(data.refused, 2u);
}

TEST_F(OtlpReceiverTest, SaysInJsonWhatThePipelineSaid) {
  next.errors = {Error{ErrorCode::retryable, 0, 2500}};
  const auto responses =
      exchange({{.body = R"({"resourceSpans":[{"scopeSpans":[{"spans":[{}]}]}]})", .type = "application/json"}});
  ASSERT_EQ(responses.size(), 1u);
  EXPECT_EQ(responses[0].status, 503);
  EXPECT_EQ(responses[0].retry_after, "3");
  EXPECT_NE(responses[0].body.view().find(R"("retryDelay":"2.500s")"), std::string::npos) << responses[0].body.view();
}

TEST_F(OtlpReceiverTest, IsOffWhenItsPortIsTakenAndSaysWhichKey) {
  Listener taken = *Listener::open(runtime, Address::ipv4_loopback(port));
  run([](OtlpReceiver& off) -> Task<> {
    const Result<> started = co_await off.start();
    EXPECT_EQ(started.error().code, ErrorCode::in_use);
  }(*receiver));
  EXPECT_EQ(said(concat("receivers::otlp::protocols::http::endpoint: cannot listen on 127.0.0.1:", port)), 1u)
      << whole_log();
}

}  // namespace
}  // namespace stint
