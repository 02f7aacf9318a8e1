// SPDX-License-Identifier: Apache-2.0
// The server and the client against each other and against raw bytes: framing, limits, copies, the end.
#include "net/http_server.h"

#include <gtest/gtest.h>

#include "net/http_client.h"
#include "pipeline/component_world.h"

namespace stint {
namespace {

/// Answers with the body it got, and keeps a share of it.
class Echo final : public net::HttpService {
 public:
  Task<net::HttpReply> serve(net::HttpRequest request) override {
    net::HttpReply reply{.content_type = "application/octet-stream", .body = std::string(request.body.view())};
    if (keep) bodies.push_back(std::move(request.body));
    paths.emplace_back(request.head.path());
    co_return std::move(reply);
  }
  bool keep = false;
  std::vector<Slice> bodies;
  std::vector<std::string> paths;
};

class HttpServerTest : public ComponentWorld {
 public:
  net::HttpServer& serve(net::HttpServerSettings settings = {}) {
    server_.emplace(runtime, pool, copies, echo, settings);
    Result<Listener> listener = Listener::open(runtime, Address::ipv4_loopback(0));
    address = *listener->address();
    server_->serve(std::move(*listener));
    return *server_;
  }
  Echo echo;
  Address address;

 private:
  std::optional<net::HttpServer> server_;
};

std::string post(std::string_view path, std::string_view body) {
  return concat("POST ", path, " HTTP/1.1\r\nHost: x\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
}

// Everything the server sends until it closes or falls silent for `silence`.
Task<std::string> received(Stream& stream, Nanoseconds silence) {
  std::string all;
  char buffer[8192];
  for (;;) {
    const Result<std::size_t> size = co_await stream.receive(buffer, sizeof buffer, silence);
    if (!size || *size == 0) co_return all;
    all.append(buffer, *size);
  }
}

// Sends `pieces` with a pause between them, and gives the answer's bytes.
Task<> exchange(HttpServerTest& test, std::vector<std::string> pieces, std::string& answer,
                net::HttpServerSettings settings = {}) {
  net::HttpServer& server = test.serve(settings);
  Result<Stream> stream = co_await connect(test.runtime, test.address, Seconds(5));
  EXPECT_TRUE(stream);
  for (const std::string& piece : pieces) {
    EXPECT_TRUE(co_await stream->send(piece));
    (void)co_await test.runtime.sleep(Milliseconds(1));
  }
  stream->shutdown_send();
  answer = co_await received(*stream, Seconds(10));
  stream->close();
  co_await server.stop(Seconds(1));
}

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST_F(HttpServerTest, ReceivesABodyWithALengthWithoutACopyHoweverItComes) {
  const std::string body(300'000, 'b');
  const std::string whole = post("/a", body);
  std::string answer;
  echo.keep = true;
  run([](HttpServerTest& test, std::string bytes, std::string& out) -> Task<> {
    std::vector<std::string> pieces{bytes.substr(0, 10), bytes.substr(10, 20'000), bytes.substr(20'010)};
    co_await exchange(test, std::move(pieces), out);
    test.echo.bodies.clear();
  }(*this, whole, answer));
  EXPECT_EQ(count_of(answer, "HTTP/1.1 200"), 1u);
  EXPECT_TRUE(answer.ends_with(body));
  EXPECT_EQ(copies.compacts, 0u);
  EXPECT_EQ(copies.copies, 0u);
}

TEST_F(HttpServerTest, CompactsAChunkedBodyOnce) {
  std::string bytes = "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 100; ++i) bytes.append("64\r\n").append(100, 'c').append("\r\n");
  bytes.append("0\r\n\r\n");
  std::string answer;
  run(exchange(*this, {bytes.substr(0, 70), bytes.substr(70, 33), bytes.substr(103)}, answer));
  EXPECT_TRUE(answer.ends_with(std::string(10'000, 'c')));
  EXPECT_EQ(copies.compacts, 1u);
  EXPECT_EQ(copies.compact_bytes, 10'000u);
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrder) {
  std::string bytes;
  for (int i = 0; i < 50; ++i) bytes.append(post(concat("/", i), concat("body-", i, ";")));
  std::string answer;
  echo.keep = true;
  run([](HttpServerTest& test, std::string all, std::string& out) -> Task<> {
    std::vector<std::string> pieces{all};
    co_await exchange(test, std::move(pieces), out);
    test.echo.bodies.clear();
  }(*this, bytes, answer));
  EXPECT_EQ(count_of(answer, "HTTP/1.1 200"), 50u);
  EXPECT_LT(answer.find("body-3;"), answer.find("body-4;"));
  EXPECT_EQ(echo.paths.size(), 50u);
}

TEST_F(HttpServerTest, RefusesByStatusWhatIsOverALimit) {
  net::HttpServerSettings settings;
  settings.body_bytes_max = 1000;
  std::string too_large, chunked, head, garbage;
  run(exchange(*this, {post("/", std::string(1001, 'x'))}, too_large, settings));
  EXPECT_EQ(too_large.substr(0, 12), "HTTP/1.1 413");
  std::string chunks = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 11; ++i) chunks.append("64\r\n").append(100, 'c').append("\r\n");
  run(exchange(*this, {chunks}, chunked, settings));
  EXPECT_EQ(chunked.substr(0, 12), "HTTP/1.1 413");
  run(exchange(*this, {"GET / HTTP/1.1\r\nX: " + std::string(70'000, 'h')}, head, settings));
  EXPECT_EQ(head.substr(0, 12), "HTTP/1.1 431");
  run(exchange(*this, {"\x16\x03\x01\x02 this is no HTTP\r\n\r\n"}, garbage, settings));
  EXPECT_EQ(garbage.substr(0, 12), "HTTP/1.1 400");
}

TEST_F(HttpServerTest, SaysContinueBeforeTheBodyAndOnlyThen) {
  std::string answer;
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
  run(exchange(*this, {head, "body"}, answer));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200"));
  std::string at_once;
  run(exchange(*this, {head + "body"}, at_once));
  EXPECT_TRUE(at_once.starts_with("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, SaysThatItsMemoryIsFullAndGoesOn) {
  Block taken = *pool.allocate((16u << 20) - (80u << 10));
  std::string answer;
  run([](HttpServerTest& test, Block& block, std::string& out) -> Task<> {
    std::vector<std::string> pieces{post("/", std::string(200'000, 'm'))};
    co_await exchange(test, std::move(pieces), out);
    block.reset();
  }(*this, taken, answer));
  EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 503");
  EXPECT_NE(answer.find("Retry-After: 1"), std::string::npos);
}

TEST_F(HttpServerTest, ClosesAfterEachAnswerWhereConnectionsAreNotKept) {
  net::HttpServerSettings settings;
  settings.keep_alive = false;
  std::string answer;
  run(exchange(*this, {post("/", "one"), post("/", "two")}, answer, settings));
  EXPECT_EQ(count_of(answer, "HTTP/1.1 200"), 1u);
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
}

Task<> silent(HttpServerTest& test, std::string& answer) {
  net::HttpServerSettings settings;
  settings.silence_max = Milliseconds(20);
  net::HttpServer& server = test.serve(settings);
  Result<Stream> stream = co_await connect(test.runtime, test.address, Seconds(5));
  EXPECT_TRUE(co_await stream->send("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc"));
  answer = co_await received(*stream, Seconds(10));
  stream->close();
  co_await server.stop(Seconds(1));
}
TEST_F(HttpServerTest, GivesUpOnASenderThatFallsSilent) {
  std::string answer;
  run(silent(*this, answer));
  EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 408");
}

Task<> request_twice(HttpServerTest& test, std::size_t& opened) {
  net::HttpServer& server = test.serve();
  net::HttpClient client(test.runtime, test.pool, test.copies,
                         net::HttpOrigin{.host = "127.0.0.1", .port = test.address.port()});
  for (int i = 0; i < 3; ++i) {
    const std::string head = "POST /again HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n";
    const iovec body{const_cast<char*>("hello"), 5};
    Result<net::HttpResponse> response = co_await client.request(head, std::span<const iovec>(&body, 1), Seconds(5));
    EXPECT_TRUE(response);
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body.view(), "hello");
  }
  opened = client.connections_opened();
  client.close_idle_connections();
  co_await server.stop(Seconds(1));
}
TEST_F(HttpServerTest, ServesAClientThatKeepsItsConnection) {
  std::size_t opened = 0;
  run(request_twice(*this, opened));
  EXPECT_EQ(opened, 1u);
}

}  // namespace
}  // namespace stint
