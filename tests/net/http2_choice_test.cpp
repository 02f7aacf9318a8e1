// SPDX-License-Identifier: Apache-2.0
// HTTP/2 or HTTP/1.1: the origin chooses in TLS, and what is sent means the same in both.
#include <gtest/gtest.h>

#include "base/slices.h"
#include "net/http2_script.h"
#include "net/http_client.h"
#include "runtime/combine.h"
#include "tls_certificates.h"

namespace stint {
namespace {

using http2::ScriptedBackEnd;

constexpr std::string_view head =
    "POST /v1/traces?a=b HTTP/1.1\r\nHost: telemetry.example\r\nContent-Type: application/x-protobuf\r\n"
    "X-Tenant: Wader\r\nContent-Length: 4\r\n\r\n";
constexpr std::string_view ok1 = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

class Http2Choice : public ComponentWorld {
 public:
  std::unique_ptr<net::TlsServer> server(net::TlsServer::Protocol protocol) {
    net::TlsServerConfig config;
    config.cert_pem = authority.leaf.pem() + authority.middle.pem();
    config.key_pem = authority.leaf.key_pem();
    return std::make_unique<net::TlsServer>(runtime, config, "back end", protocol);
  }
  net::TlsClientConfig trusting() const {
    net::TlsClientConfig config;
    config.ca_pem = authority.root.pem();
    return config;
  }

  net::Authority authority;
  BlockPool answers{4u << 20, 0, 16384};
};

struct Client {
  Client(Http2Choice& test, const ScriptedBackEnd& back_end, bool http2)
      : world(test),
        tls(test.trusting(), test.environment),
        client(test.runtime, test.answers, test.copies, {.host = "localhost", .port = back_end.port()}, &tls,
               {.http2 = http2}) {}
  Task<Result<net::HttpResponse>> post(std::string_view text) {
    std::vector<Slice> body;
    body.push_back(slice_of(world.pool, text));
    co_return co_await client.post(head, body, Seconds(20));
  }
  Task<> finish(ScriptedBackEnd& back_end) {
    co_await client.close(Seconds(1));
    co_await back_end.stop();
  }

  Http2Choice& world;
  net::TlsClient tls;
  net::HttpClient client;
};

Task<> two(Http2Choice& world) {
  const auto tls = world.server(net::TlsServer::http2);
  const http2::Fields later{{":status", "503"}, {"content-type", "text/plain; charset=utf-8"}, {"retry-after", "7"}};
  ScriptedBackEnd back_end(world,
                           {{{{2, http2::settings() + http2::answer(3, "later", {}, later) +
                                      http2::answer(1, "", {}, {{":status", "200"}})}}}},
                           tls.get());
  Client client(world, back_end, true);
  auto first = client.post("abcd"), second = client.post("efgh");
  const auto results = co_await all(world.runtime, std::move(first), std::move(second));
  EXPECT_TRUE(std::get<0>(results) && std::get<0>(results)->status == 200);
  const Result<net::HttpResponse>& answer = std::get<1>(results);
  EXPECT_TRUE(answer);
  if (answer) {
    EXPECT_EQ(answer->status, 503);
    EXPECT_EQ(answer->content_type, "text/plain");
    EXPECT_EQ(answer->retry_after, "7");
    EXPECT_EQ(answer->body.view(), "later");
  }
  EXPECT_EQ(back_end.connections, 1u) << "both on one";
  const http2::Answer request = back_end.heard(0).streams.at(1);
  EXPECT_EQ(request.fields.size(), 7u);
  EXPECT_EQ(request.field(":method"), "POST");
  EXPECT_EQ(request.field(":scheme"), "https");
  EXPECT_EQ(request.field(":path"), "/v1/traces?a=b");
  EXPECT_EQ(request.field(":authority"), "telemetry.example");
  EXPECT_EQ(request.field("content-type"), "application/x-protobuf");
  EXPECT_EQ(request.field("x-tenant"), "Wader");
  EXPECT_EQ(request.field("content-length"), "4");
  EXPECT_EQ(request.body, "abcd");
  co_await client.finish(back_end);
}
TEST_F(Http2Choice, ManyRequestsShareAConnectionWhereHttp2IsChosen) { run(two(*this)); }

Task<> one(Http2Choice& world) {
  const auto tls = world.server(net::TlsServer::http1);
  ScriptedBackEnd back_end(
      world, {{{{0, std::string(ok1), "\r\n\r\nabcd"}, {0, std::string(ok1), "efgh"}, {0, std::string(ok1), "ijkl"}}}},
      tls.get());
  Client client(world, back_end, true);
  for (const std::string_view text : {"abcd", "efgh", "ijkl"}) {
    const Result<net::HttpResponse> response = co_await client.post(text);
    EXPECT_TRUE(response && response->body.view() == "hi");
  }
  EXPECT_EQ(back_end.connections, 1u) << "what was opened to find out is used";
  EXPECT_EQ(back_end.received[0].substr(0, head.size()), head);
  co_await client.finish(back_end);
}
TEST_F(Http2Choice, RequestsFollowEachOtherWhereHttp1IsChosen) { run(one(*this)); }

Task<> not_offered(Http2Choice& world) {
  const auto tls = world.server(net::TlsServer::http2);
  ScriptedBackEnd back_end(world, {{}}, tls.get());
  Client client(world, back_end, false);
  const Result<net::HttpResponse> response = co_await client.post("abcd");
  EXPECT_FALSE(response);
  if (!response) {
    EXPECT_NE(client.client.explain(response.error()).find("protocol"), std::string::npos);
  }
  co_await client.finish(back_end);
}
TEST_F(Http2Choice, WithoutHttp2OnlyHttp1IsOffered) { run(not_offered(*this)); }

Task<> moved(Http2Choice& world) {
  const auto tls = world.server(net::TlsServer::http2);
  const std::string words = http2::settings() + http2::answer(1, "", {}, {{":status", "200"}});
  ScriptedBackEnd back_end(world, {{{{1, words}, {2, ""}}, true}, {{{1, words}}}}, tls.get());
  Client client(world, back_end, true);
  EXPECT_TRUE(co_await client.post("abcd"));
  EXPECT_TRUE(co_await client.post("efgh")) << "its connection died";
  EXPECT_EQ(client.client.silent_retries(), 1u);
  EXPECT_EQ(client.client.sessions_resumed(), 1u);
  co_await client.finish(back_end);
}
TEST_F(Http2Choice, AConnectionThatDiedIsReplacedAndItsSessionResumed) { run(moved(*this)); }

}  // namespace
}  // namespace stint
