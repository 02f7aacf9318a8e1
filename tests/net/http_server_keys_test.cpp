// SPDX-License-Identifier: Apache-2.0
// What the keys of an HTTP server ask for beyond the requests themselves: times, room for connections, headers.
#include <gtest/gtest.h>

#include "net/http_server.h"
#include "pipeline/component_world.h"

namespace stint::net {
namespace {

class Hello final : public HttpService {
 public:
  Task<HttpReply> serve(HttpRequest) override { co_return HttpReply{.content_type = "text/plain", .body = "hello"}; }
};

class HttpServerKeysTest : public ComponentWorld {
 public:
  HttpServer& serve(HttpServerSettings settings) {
    server_.emplace(runtime, pool, copies, hello, settings);
    Result<Listener> listener = Listener::open(runtime, Address::ipv4_loopback(0));
    address = *listener->address();
    server_->serve(std::move(*listener));
    return *server_;
  }
  Hello hello;
  Address address;

 private:
  std::optional<HttpServer> server_;
};

constexpr std::string_view request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

// Everything until the server closes, or has nothing more to say.
Task<std::string> answer_of(Stream& stream, Nanoseconds silence) {
  std::string all;
  char buffer[4096];
  for (;;) {
    const Result<std::size_t> size = co_await stream.receive(buffer, sizeof buffer, silence);
    if (!size || *size == 0) co_return all;
    all.append(buffer, *size);
  }
}

Task<std::string> ask(Stream& stream) {
  const Result<> sent = co_await stream.send(request);
  if (!sent) co_return "not sent";
  char buffer[4096];
  const Result<std::size_t> size = co_await stream.receive(buffer, sizeof buffer, Seconds(10));
  co_return size ? std::string(buffer, *size) : "nothing";
}

// A byte now and then, for longer than the server wants to wait.
Task<> drip(HttpServerKeysTest& test, HttpServerSettings settings, std::string bytes, std::string& answer) {
  HttpServer& server = test.serve(settings);
  Result<Stream> stream = co_await connect(test.runtime, test.address, Seconds(5));
  EXPECT_TRUE(stream);
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const Result<> taken = co_await stream->send(std::string_view(bytes).substr(sent, 1));
    if (!taken) break;
    ++sent;
    test.loop.freeze(Seconds(4));  // time goes on, without anybody waiting
    (void)co_await test.runtime.sleep(Milliseconds(1));
    if (server.connections() == 0) break;
    char first[1];
    const Result<std::size_t> came = co_await stream->receive(first, 1, Milliseconds(2));
    if (came) {
      answer.assign(first, *came);
      break;
    }
  }
  EXPECT_LT(sent, bytes.size()) << "nobody stopped it";
  const std::string rest = co_await answer_of(*stream, Seconds(10));
  answer += rest;
  stream->close();
  co_await server.stop(Seconds(1));
}

TEST_F(HttpServerKeysTest, EndsAHeadThatComesInDrops) {
  std::string answer;
  run(drip(*this, {.head_max = Seconds(30)}, "GET / HTTP/1.1\r\nX: " + std::string(100, 'x'), answer));
  EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 408");
}

TEST_F(HttpServerKeysTest, EndsABodyThatComesInDrops) {
  std::string answer;
  const HttpServerSettings settings{
      .silence_max = Seconds(100), .head_max = Seconds(1000), .request_max = Seconds(300)};
  run(drip(*this, settings, "POST / HTTP/1.1\r\nContent-Length: 500\r\n\r\n" + std::string(499, 'x'), answer));
  EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 408");
}

Task<> crowd(HttpServerKeysTest& test, std::size_t count) {
  HttpServer& server = test.serve({.connections_max = 8});
  Result<Stream> working = co_await connect(test.runtime, test.address, Seconds(5));
  EXPECT_TRUE(working);
  EXPECT_EQ((co_await ask(*working)).substr(0, 12), "HTTP/1.1 200");
  std::vector<Stream> idle;
  for (std::size_t i = 0; i < count; ++i) {
    Result<Stream> stream = co_await connect(test.runtime, test.address, Seconds(5));
    EXPECT_TRUE(stream);
    idle.push_back(std::move(*stream));
    if (i % 10 == 0) EXPECT_EQ((co_await ask(*working)).substr(0, 12), "HTTP/1.1 200") << i;
  }
  Result<Stream> fresh = co_await connect(test.runtime, test.address, Seconds(5));
  EXPECT_TRUE(fresh);
  EXPECT_EQ((co_await ask(*fresh)).substr(0, 12), "HTTP/1.1 200");
  EXPECT_EQ((co_await ask(*working)).substr(0, 12), "HTTP/1.1 200");
  EXPECT_EQ(server.connections(), 8u);
  EXPECT_EQ(server.connections_refused(), 0u);
  EXPECT_EQ(server.connections_evicted(), count + 2 - 8);
  EXPECT_EQ(test.said("more than 8 connections: idle ones are closed for new ones"), 1u);
  idle.clear();
  working->close();
  fresh->close();
  co_await server.stop(Seconds(1));
}
TEST_F(HttpServerKeysTest, ClosesIdleConnectionsForNewOnesAndKeepsTheWorkingOne) { run(crowd(*this, 200)); }

Task<> full(HttpServerKeysTest& test) {
  HttpServer& server = test.serve({.connections_max = 2});
  std::vector<Stream> busy;
  for (int i = 0; i < 2; ++i) {
    Result<Stream> stream = co_await connect(test.runtime, test.address, Seconds(5));
    EXPECT_TRUE(stream);
    busy.push_back(std::move(*stream));
    EXPECT_TRUE(co_await busy.back().send("GET / HTTP/1.1\r\n"));
    (void)co_await test.runtime.sleep(Milliseconds(2));
  }
  Result<Stream> third = co_await connect(test.runtime, test.address, Seconds(5));
  EXPECT_EQ(co_await answer_of(*third, Seconds(10)), "");
  EXPECT_EQ(server.connections_refused(), 1u);
  for (Stream& stream : busy) {
    EXPECT_TRUE(co_await stream.send("\r\n"));
    char first[12];
    const Result<std::size_t> came = co_await stream.receive(first, sizeof first, Seconds(10));
    EXPECT_TRUE(came && std::string_view(first, *came) == "HTTP/1.1 200");
  }
  busy.clear();
  third->close();
  co_await server.stop(Seconds(1));
}
TEST_F(HttpServerKeysTest, ClosesNewConnectionsWhenNoneIsIdle) { run(full(*this)); }

Task<> with_headers(HttpServerKeysTest& test, HttpServerSettings settings, std::vector<std::string>& answers) {
  HttpServer& server = test.serve(settings);
  for (const char* bytes : {"GET / HTTP/1.1\r\nOrigin: http://a\r\n\r\n", "GET / HTTP/1.1\r\nbroken\r\n\r\n",
                            "OPTIONS / HTTP/1.1\r\nOrigin: http://a\r\nAccess-Control-Request-Method: GET\r\n\r\n"}) {
    Result<Stream> stream = co_await connect(test.runtime, test.address, Seconds(5));
    EXPECT_TRUE(co_await stream->send(std::string_view(bytes)));
    stream->shutdown_send();
    const std::string answer = co_await answer_of(*stream, Seconds(10));
    answers.push_back(answer);
  }
  co_await server.stop(Seconds(1));
}
TEST_F(HttpServerKeysTest, AddsHeadersToEveryAnswer) {
  const std::vector<std::pair<std::string, std::string>> extra{{"X-Own", "1"}, {"content-type", "not/this"}};
  const Cors cors({.allowed_origins = {"*"}});
  std::vector<std::string> answers;
  run(with_headers(*this, {.extra_headers = extra, .cors = &cors}, answers));
  ASSERT_EQ(answers.size(), 3u);
  EXPECT_EQ(answers[0],
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nVary: Origin\r\nAccess-Control-Allow-Origin: *\r\n"
            "Access-Control-Allow-Credentials: true\r\nX-Own: 1\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_NE(answers[1].find("HTTP/1.1 400 "), std::string::npos);
  EXPECT_NE(answers[1].find("\r\nX-Own: 1\r\n"), std::string::npos);
  EXPECT_EQ(answers[2].substr(0, 25), "HTTP/1.1 204 No Content\r\n");
  EXPECT_NE(answers[2].find("\r\nX-Own: 1\r\n"), std::string::npos);
}

}  // namespace
}  // namespace stint::net
