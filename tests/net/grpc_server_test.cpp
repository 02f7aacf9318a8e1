// SPDX-License-Identifier: Apache-2.0
// The gRPC server over a real socket, with clients that send whatever bytes they like: what is answered, what it costs
// in copies, and that bad company ends its own connection and nothing else.
#include "net/grpc_server.h"

#include <gtest/gtest.h>

#include "base/slices.h"
#include "net/http2_frames.h"
#include "pipeline/component_world.h"

namespace stint {
namespace {

using http2::Answers;

constexpr std::string_view path = "/test.Service/Echo";

// Answers with the size of the message; or waits until it is let go; or until it is cancelled.
class Counting final : public net::GrpcService {
 public:
  explicit Counting(Runtime& runtime) : released(runtime) {}
  std::optional<std::size_t> find_method(std::string_view name) const override {
    return name == path ? std::optional<std::size_t>(7) : std::nullopt;
  }
  bool has_service(std::string_view name) const override { return name == "test.Service"; }
  net::GrpcReply memory_full() const override {
    return {.code = wire::RpcCode::unavailable, .message = "full", .details = "d"};
  }
  Task<net::GrpcReply> serve(net::GrpcRequest request) override {
    EXPECT_EQ(request.method, 7u);
    const std::string text(request.message.view());
    metadata = request.metadata;
    if (keep) messages.push_back(std::move(request.message));
    ++served;
    running_most = std::max(running_most, ++running);
    if (hold) {
      const Result<> waited = co_await released.wait();
      cancelled += !waited && waited.error().code == ErrorCode::cancelled;
    }
    --running;
    co_return net::GrpcReply{.body = concat(text.size(), ":", text.substr(0, 20))};
  }

  Notifier released;
  bool hold = false;
  bool keep = false;
  std::vector<Slice> messages;
  net::GrpcMetadata metadata;  // of the last call
  std::size_t served = 0, cancelled = 0, running = 0, running_most = 0;
};

class GrpcServerTest : public ComponentWorld {
 public:
  net::GrpcServer& serve() {
    server_.emplace(runtime, pool, copies, static_cast<net::GrpcService&>(service), settings);
    Result<Listener> listener = Listener::open(runtime, Address::ipv4_loopback(0));
    address = *listener->address();
    server_->serve(std::move(*listener));
    return *server_;
  }
  /// Sends the pieces with pauses, ends its side (when told so) and gives what the server said until it closed or was
  /// silent.
  Answers exchange(std::vector<std::string> pieces) {
    std::string bytes;
    run(exchange_all(*this, std::move(pieces), bytes));
    return http2::read_answers(bytes);
  }
  static Task<> exchange_all(GrpcServerTest& test, std::vector<std::string> pieces, std::string& out);

  Counting service{runtime};
  net::GrpcSettings settings;
  Address address;
  CopyCounters client_copies;
  Nanoseconds pause = Milliseconds(1);
  Nanoseconds patience = Milliseconds(300);
  bool ends_its_side = false;

 private:
  std::optional<net::GrpcServer> server_;
};

// Everything until the end, or until nothing came for `silence`. True: the end.
Task<bool> read_until_silence(Stream& stream, Nanoseconds silence, std::string& out) {
  char buffer[16384];
  for (;;) {
    const Result<std::size_t> size = co_await stream.receive(buffer, sizeof buffer, silence);
    if (!size) co_return size.error().code != ErrorCode::timed_out;
    if (*size == 0) co_return true;
    out.append(buffer, *size);
  }
}

Task<> GrpcServerTest::exchange_all(GrpcServerTest& test, std::vector<std::string> pieces, std::string& out) {
  net::GrpcServer& server = test.serve();
  Result<Stream> stream = co_await connect(test.runtime, test.address, Seconds(5));
  EXPECT_TRUE(stream);
  for (const std::string& piece : pieces) {
    const Result<> sent = co_await stream->send(piece);
    if (!sent) break;
    (void)co_await test.runtime.sleep(test.pause);
  }
  if (test.ends_its_side) stream->shutdown_send();
  (void)co_await read_until_silence(*stream, test.patience, out);
  stream->close();
  test.service.messages.clear();
  co_await server.stop(Seconds(1));
}

TEST_F(GrpcServerTest, AnswersACallWithHeadMessageAndTrailers) {
  const Answers answers = exchange({http2::start() + http2::call(1, path, "hello")});
  const http2::Answer& answer = answers.streams.at(1);
  EXPECT_EQ(answer.field(":status"), "200");
  EXPECT_EQ(answer.field("content-type"), "application/grpc");
  EXPECT_EQ(answer.status(), "0");
  EXPECT_EQ(answer.body, http2::message("5:hello"));
  EXPECT_TRUE(answer.ended);
  EXPECT_EQ(answers.settings_acks, 1u);
  EXPECT_TRUE(answers.well_formed);
}

TEST_F(GrpcServerTest, TakesTheMessageWhereItWasReceived) {
  service.keep = true;
  const std::string body(300'000, 'b');
  const std::string whole = http2::call(1, path, body);
  // Frames of this size are allowed to a client that has read the settings.
  const std::string acknowledged = http2::frame(http2::settings_frame, http2::ack, 0, "");
  pause = Milliseconds(20);
  const Answers answers =
      exchange({http2::start(), acknowledged + whole.substr(0, 200), whole.substr(200, 40'000), whole.substr(40'200)});
  EXPECT_EQ(answers.streams.at(1).status(), "0");
  EXPECT_EQ(copies.compacts, 0u);
  EXPECT_EQ(copies.copies, 0u);
}

TEST_F(GrpcServerTest, CompactsAMessageThatIsSplitOnce) {
  const std::string all = http2::message(std::string(50'000, 's'));
  std::string bytes = http2::start() + http2::headers(1, http2::call_head(path));
  for (std::size_t at = 0; at < all.size(); at += 16384) {
    const std::string_view piece = std::string_view(all).substr(at, 16384);
    bytes += http2::frame(http2::data_frame, at + 16384 >= all.size() ? http2::end_stream : 0, 1, piece);
  }
  const Answers answers = exchange({bytes});
  EXPECT_EQ(answers.streams.at(1).body, http2::message(concat("50000:", std::string(20, 's'))));
  EXPECT_EQ(copies.compacts, 1u);
  EXPECT_EQ(copies.compact_bytes, all.size());
}

TEST_F(GrpcServerTest, ReadsWhatComesByteByByte) {
  const std::string bytes = http2::start() + http2::call(1, path, "slow") + http2::call(3, path, "slower");
  std::vector<std::string> pieces;
  for (const char byte : bytes) pieces.emplace_back(1, byte);
  pause = Nanoseconds(1);
  const Answers answers = exchange(std::move(pieces));
  EXPECT_EQ(answers.streams.at(1).body, http2::message("4:slow"));
  EXPECT_EQ(answers.streams.at(3).body, http2::message("6:slower"));
}

TEST_F(GrpcServerTest, KeepsMessagesApartThatComeInTurns) {
  const std::string one = http2::message(std::string(1000, '1')), two = http2::message(std::string(2000, '2'));
  std::string bytes =
      http2::start() + http2::headers(1, http2::call_head(path)) + http2::headers(3, http2::call_head(path));
  for (std::size_t at = 0; at < two.size(); at += 100) {
    if (at < one.size()) {
      const bool last = at + 100 >= one.size();
      bytes += http2::frame(http2::data_frame, last ? http2::end_stream : 0, 1, one.substr(at, 100));
    }
    bytes += http2::frame(http2::data_frame, at + 100 >= two.size() ? http2::end_stream : 0, 3, two.substr(at, 100));
  }
  const Answers answers = exchange({bytes.substr(0, 700), bytes.substr(700, 33), bytes.substr(733)});
  EXPECT_EQ(answers.streams.at(1).body, http2::message("1000:" + std::string(20, '1')));
  EXPECT_EQ(answers.streams.at(3).body, http2::message("2000:" + std::string(20, '2')));
  EXPECT_EQ(copies.compacts, 2u);
}

struct Refused {
  const char* what;
  std::string bytes;
  const char* http_status;
  const char* status;
  const char* text;
};

TEST_F(GrpcServerTest, KeepsMetadataForTheServiceWhereItIsWanted) {
  const http2::Fields sent{{"x-tenant", "a"}, {"grpc-timeout", "20S"}, {"trace-bin", "AP8"}};
  exchange({http2::start() + http2::call(1, path, "m", sent)});
  EXPECT_EQ(service.served, 1u);
  EXPECT_TRUE(service.metadata.empty());
  settings.keep_metadata = true;
  exchange({http2::start() + http2::call(1, path, "m", sent) + http2::call(3, path, "m")});
  EXPECT_EQ(service.metadata, (net::GrpcMetadata{{"host", "localhost"}, {"content-type", "application/grpc"}}));
  exchange({http2::start() + http2::call(1, path, "m", sent)});
  EXPECT_EQ(service.metadata,
            (net::GrpcMetadata{
                {"host", "localhost"}, {"content-type", "application/grpc"}, {"x-tenant", "a"}, {"trace-bin", "AP8"}}));
}

TEST_F(GrpcServerTest, RefusesInGrpcGosWords) {
  using http2::call;
  settings.message_bytes_max = 1000;
  const std::string head = http2::headers(1, http2::call_head(path));
  const Refused table[] = {
      {"media type", call(1, path, "x", {{"content-type", "application/json"}}), "415", "3",
       "invalid gRPC request content-type \"application/json\""},
      {"method", call(1, path, "x", {{":method", "PUT"}}), "405", "13",
       "Received a HEADERS frame with :method \"PUT\" which should be POST"},
      {"path", call(1, "/nothing", "x"), "200", "12", "malformed method name: \"/nothing\""},
      {"service", call(1, "/a.B/C", "x"), "200", "12", "unknown service a.B"},
      {"method of a service", call(1, "/test.Service/C", "x"), "200", "12",
       "unknown method C for service test.Service"},
      {"encoding", call(1, path, "x", {{"grpc-encoding", "br"}}), "200", "12",
       "grpc: Decompressor is not installed for grpc-encoding \"br\""},
      {"timeout", call(1, path, "x", {{"grpc-timeout", "5"}}), "400", "13",
       "malformed grpc-timeout: transport: timeout string is too short: \"5\""},
      {"no time", call(1, path, "x", {{"grpc-timeout", "0n"}}), "200", "4", "context deadline exceeded"},
      {"too large", call(1, path, std::string(1001, 'x')), "200", "8",
       "grpc: received message larger than max (1001 vs. 1000)"},
      {"flag without encoding", call(1, path, "x", {}, 1), "200", "13",
       "grpc: compressed flag set with identity or empty encoding"},
      {"unknown flag", call(1, path, "x", {}, 2), "200", "13", "grpc: received unexpected payload format 2"},
      {"no gzip", call(1, path, "x", {{"grpc-encoding", "gzip"}}, 1), "200", "13",
       "grpc: failed to decompress the message: malformed"},
      {"no message", http2::headers(1, http2::call_head(path), http2::end_stream), "200", "13",
       "cardinality violation: received no request message from non-client-streaming RPC"},
      {"half a message",
       head + http2::frame(http2::data_frame, http2::end_stream, 1, http2::message("xyz").substr(0, 6)), "200", "13",
       "unexpected EOF"},
      {"two messages",
       head + http2::frame(http2::data_frame, http2::end_stream, 1, http2::message("a") + http2::message("b")), "200",
       "13", "cardinality violation: received more than one request message from non-client-streaming RPC"},
  };
  for (const Refused& refused : table) {
    patience = Milliseconds(50);
    const Answers answers = exchange({http2::start() + refused.bytes});
    ASSERT_TRUE(answers.streams.contains(1)) << refused.what;
    const http2::Answer& answer = answers.streams.at(1);
    EXPECT_EQ(answer.field(":status"), refused.http_status) << refused.what;
    EXPECT_EQ(answer.status(), refused.status) << refused.what;
    EXPECT_EQ(answer.text(), refused.text) << refused.what;
    EXPECT_TRUE(answer.ended) << refused.what;
  }
  EXPECT_EQ(service.served, 0u);
}

TEST_F(GrpcServerTest, AnswersBeforeTheEndAndResetsWhatStillComes) {
  // Refused by its head: the stream is over for the client, whatever it had in mind.
  const Answers answers = exchange({http2::start() + http2::headers(1, http2::call_head("/a.B/C"))});
  EXPECT_EQ(answers.streams.at(1).status(), "12");
  EXPECT_EQ(answers.streams.at(1).reset, 0u);
}

TEST_F(GrpcServerTest, GivesUpACallAtItsDeadlineAndCancelsTheWork) {
  service.hold = true;
  patience = Milliseconds(500);
  const Answers answers = exchange({http2::start() + http2::call(1, path, "x", {{"grpc-timeout", "50m"}})});
  EXPECT_EQ(answers.streams.at(1).status(), "4");
  EXPECT_EQ(answers.streams.at(1).text(), "context deadline exceeded");
  EXPECT_EQ(service.cancelled, 1u);
}

TEST_F(GrpcServerTest, CancelsTheWorkOfAStreamThatTheClientResets) {
  service.hold = true;
  const std::string reset = http2::frame(http2::reset_frame, 0, 1, std::string("\0\0\0\x08", 4));
  const Answers answers = exchange({http2::start() + http2::call(1, path, "x"), reset});
  EXPECT_FALSE(answers.streams.contains(1));
  EXPECT_EQ(service.served, 1u);
  EXPECT_EQ(service.cancelled, 1u);
  EXPECT_EQ(service.running, 0u);
}

TEST_F(GrpcServerTest, EndsASilentCallAndServesTheOthers) {
  settings.silence_max = Milliseconds(60);
  patience = Milliseconds(400);
  std::vector<std::string> pieces{http2::start() + http2::headers(1, http2::call_head(path))};
  // Others keep the connection busy meanwhile: only the call's own bytes count.
  for (std::uint32_t stream = 3; stream < 23; stream += 2) pieces.push_back(http2::call(stream, path, "y"));
  pause = Milliseconds(12);
  const Answers answers = exchange(std::move(pieces));
  EXPECT_EQ(answers.streams.at(1).status(), "4");
  EXPECT_EQ(answers.streams.at(21).status(), "0");
  EXPECT_TRUE(answers.goaways.empty());
}

TEST_F(GrpcServerTest, RefusesStreamsBeyondTheLimitAndWorksOnNoMore) {
  settings.streams_max = 5;
  service.hold = true;
  std::string bytes = http2::start();
  for (std::uint32_t i = 0; i < 50; ++i) {
    bytes += http2::call(2 * i + 1, path, "x");
    if (i % 2 == 0) bytes += http2::frame(http2::reset_frame, 0, 2 * i + 1, std::string("\0\0\0\x08", 4));
  }
  const Answers answers = exchange({bytes});
  EXPECT_LE(service.running_most, 5u);
  EXPECT_EQ(service.running, 0u);
}

// Frames that are legal one by one and harmful by their number: the connection is told why and ends.
TEST_F(GrpcServerTest, EndsFloodsOfFramesWithoutARequest) {
  const std::string reset = std::string("\0\0\0\x08", 4);
  const std::pair<const char*, std::string> floods[] = {
      {"settings", http2::frame(http2::settings_frame, 0, 0, "")},
      {"pings", http2::frame(http2::ping_frame, 0, 0, "12345678")},
      {"windows", http2::frame(http2::window_frame, 0, 0, std::string("\0\0\0\1", 4))},
      {"empty data", http2::frame(http2::data_frame, 0, 1, "")},
  };
  for (const auto& [what, one] : floods) {
    std::string bytes = http2::start() + http2::headers(1, http2::call_head(path));
    for (int i = 0; i < 3000; ++i) bytes += one;
    const Answers answers = exchange({bytes});
    ASSERT_FALSE(answers.goaways.empty()) << what;
    EXPECT_EQ(answers.goaways.back(), 11u) << what;
  }
  std::string rapid = http2::start();
  for (std::uint32_t i = 0; i < 3000; ++i) {
    rapid += http2::call(2 * i + 1, path, "x") + http2::frame(http2::reset_frame, 0, 2 * i + 1, reset);
  }
  service.hold = true;
  const Answers answers = exchange({rapid});
  ASSERT_FALSE(answers.goaways.empty());
  EXPECT_EQ(answers.goaways.back(), 11u);
  EXPECT_LE(service.running_most, settings.streams_max);
  EXPECT_EQ(pool.bytes_in_use(), 0u);
}

TEST_F(GrpcServerTest, BoundsHeadsAndTheirContinuations) {
  http2::Fields large = http2::call_head(path);
  for (int i = 0; i < 40; ++i) large.emplace_back(concat("x-", i), std::string(2000, 'h'));
  const std::string block = http2::header_block(large);
  std::string bytes = http2::start() + http2::frame(http2::headers_frame, 0, 1, block.substr(0, 16000));
  for (std::size_t at = 16000; at < block.size(); at += 16000) {
    const bool last = at + 16000 >= block.size();
    bytes += http2::frame(http2::continuation_frame, last ? http2::end_headers : 0, 1, block.substr(at, 16000));
  }
  const Answers answers = exchange({bytes + http2::call(3, path, "y")});
  EXPECT_NE(answers.streams.at(1).reset, 0xffff'ffffu);
  EXPECT_EQ(answers.streams.at(3).status(), "0");

  std::string endless = http2::start() + http2::frame(http2::headers_frame, 0, 1, block.substr(0, 10));
  for (int i = 0; i < 100; ++i) endless += http2::frame(http2::continuation_frame, 0, 1, "");
  EXPECT_FALSE(exchange({endless}).streams.contains(1));
  // A bomb: one entry of the table, named again and again.
  std::string bomb = "\x40";
  http2::append_text(bomb, "x-bomb");
  http2::append_text(bomb, std::string(3000, 'b'));
  bomb = http2::header_block(http2::call_head(path)) + bomb + std::string(15'000, '\xbe');
  const Answers bombed =
      exchange({http2::start() + http2::frame(http2::headers_frame, http2::end_headers, 1, bomb.substr(0, 16384)) +
                http2::call(3, path, "y")});
  EXPECT_NE(bombed.streams.at(1).reset, 0xffff'ffffu);
  EXPECT_EQ(bombed.streams.at(3).status(), "0");
}

TEST_F(GrpcServerTest, ClosesWhenTheClientSpeaksSomethingElse) {
  for (const std::string_view junk :
       {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 tls",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"}) {
    const Answers answers = exchange({std::string(junk)});
    EXPECT_TRUE(answers.streams.empty());
    EXPECT_TRUE(answers.well_formed);
  }
  EXPECT_EQ(service.served, 0u);
}

TEST_F(GrpcServerTest, ClosesWhenTheClientNeverGreets) {
  settings.silence_max = Milliseconds(50);
  patience = Seconds(5);
  std::string out;
  const MonotonicTime before = runtime.now();
  run(exchange_all(*this, {"PRI * HT"}, out));
  EXPECT_LT(runtime.now() - before, Seconds(5));
}

TEST_F(GrpcServerTest, IgnoresDataBehindTheTrailersOfTheRequest) {
  const std::string ended = http2::headers(1, http2::call_head(path)) +
                            http2::frame(http2::data_frame, 0, 1, http2::message("x")) +
                            http2::headers(1, {{"x-trailer", "1"}}, http2::end_stream);
  const Answers good = exchange({http2::start() + ended});
  EXPECT_EQ(good.streams.at(1).status(), "0");
  const Answers bad = exchange({http2::start() + ended + http2::frame(http2::data_frame, 0, 1, "more")});
  EXPECT_TRUE(bad.well_formed);
  EXPECT_EQ(service.served, 2u);
}

TEST_F(GrpcServerTest, RefusesAMessageForWhichThereIsNoMemory) {
  const Block most = *pool.allocate(pool.bytes_max() - (64u << 10));
  const Answers answers = [&] {
    std::string bytes, whole = http2::start() + http2::headers(1, http2::call_head(path));
    for (int i = 0; i < 20; ++i) {
      std::string part =
          i == 0 ? http2::message(std::string(200'000, 'x')).substr(0, 10'000) : std::string(10'000, 'x');
      whole += http2::frame(http2::data_frame, 0, 1, part);
    }
    runtime.run(exchange_all(*this, {whole}, bytes));
    return http2::read_answers(bytes);
  }();
  EXPECT_EQ(answers.streams.at(1).status(), "14");
  EXPECT_EQ(answers.streams.at(1).field("grpc-status-details-bin"), "ZA");
}

TEST_F(GrpcServerTest, TellsClientsThatItStopsAndFinishesTheirCalls) {
  service.hold = true;
  std::string out;
  run([](GrpcServerTest& test, std::string& bytes) -> Task<> {
    net::GrpcServer& server = test.serve();
    Result<Stream> stream = co_await connect(test.runtime, test.address, Seconds(5));
    (void)co_await stream->send(http2::start() + http2::call(1, path, "x"));
    while (test.service.running == 0) (void)co_await test.runtime.sleep(Milliseconds(1));
    Scope scope(test.runtime);
    scope.spawn(server.stop(Seconds(5)));
    (void)co_await test.runtime.sleep(Milliseconds(20));
    test.service.released.notify_all();
    (void)co_await read_until_silence(*stream, Seconds(5), bytes);
    stream->close();
    co_await scope.join();
  }(*this, out));
  const Answers answers = http2::read_answers(out);
  EXPECT_EQ(answers.streams.at(1).status(), "0");
  ASSERT_FALSE(answers.goaways.empty());
  EXPECT_EQ(answers.goaways.front(), 0u);
}

TEST_F(GrpcServerTest, DecompressesWhatTheReferenceRegisters) {
  const std::string body(5000, 'c');
  const Slice plain = slice_of(pool, body);
  const std::pair<const char*, wire::ContentEncoding> encodings[] = {{"gzip", wire::ContentEncoding::gzip},
                                                                     {"zstd", wire::ContentEncoding::zstd},
                                                                     {"snappy", wire::ContentEncoding::x_snappy_framed},
                                                                     {"snappy", wire::ContentEncoding::snappy}};
  std::string bytes = http2::start(), out;
  std::uint32_t stream = 1;
  for (const auto& [name, encoding] : encodings) {
    const Result<Slice> packed =
        wire::Compressor(encoding).compress(std::span<const Slice>(&plain, 1), pool, client_copies);
    ASSERT_TRUE(packed);
    bytes += http2::call(stream, path, packed->view(), {{"grpc-encoding", name}}, 1);
    stream += 2;
  }
  runtime.run(exchange_all(*this, {bytes}, out));
  const Answers answers = http2::read_answers(out);
  for (stream = 1; stream < 9; stream += 2) {
    EXPECT_EQ(answers.streams.at(stream).body, http2::message(concat("5000:", std::string(20, 'c')))) << stream;
  }
}

TEST_F(GrpcServerTest, ClosesTheLongestIdleConnectionForANewOne) {
  settings.connections_max = 2;
  service.hold = true;
  run([](GrpcServerTest& test) -> Task<> {
    net::GrpcServer& server = test.serve();
    std::vector<Stream> streams;
    // The first is busy, the second idle, the third finds its place.
    for (int i = 0; i < 3; ++i) {
      Result<Stream> stream = co_await connect(test.runtime, test.address, Seconds(5));
      const std::string bytes = http2::start() + (i == 1 ? "" : http2::call(1, path, "x"));
      EXPECT_TRUE(co_await stream->send(bytes));
      streams.push_back(std::move(*stream));
      const std::size_t running = i == 0 ? 1 : static_cast<std::size_t>(i);
      const MonotonicTime end = test.runtime.now() + Seconds(5);
      while (test.service.running < running && test.runtime.now() < end) co_await test.runtime.yield();
      if (i == 1) (void)co_await test.runtime.sleep(Milliseconds(50));
    }
    std::string said;
    EXPECT_TRUE(co_await read_until_silence(streams[1], Seconds(5), said));
    EXPECT_EQ(http2::read_answers(said).goaways.size(), 1u);
    EXPECT_EQ(test.service.running, 2u);
    EXPECT_EQ(server.connections_evicted(), 1u);
    // Without an idle one the newest is closed.
    Result<Stream> fourth = co_await connect(test.runtime, test.address, Seconds(5));
    EXPECT_TRUE(co_await read_until_silence(*fourth, Seconds(5), said));
    EXPECT_EQ(server.connections_refused(), 1u);
    fourth->close();
    test.service.released.notify_all();
    co_await server.stop(Seconds(1));
    streams.clear();
  }(*this));
}

TEST_F(GrpcServerTest, RefusesPingsThatComeTooOften) {
  std::vector<std::string> pieces{http2::start()};
  for (int i = 0; i < 5; ++i) pieces.push_back(http2::frame(http2::ping_frame, 0, 0, "pingping"));
  const Answers answers = exchange(std::move(pieces));
  ASSERT_FALSE(answers.goaways.empty());
  EXPECT_EQ(answers.goaways.back(), 11u);
  EXPECT_EQ(answers.debug, "too_many_pings");
}

TEST_F(GrpcServerTest, DrainsAnOldConnection) {
  settings.keepalive.age_max = Milliseconds(60);
  settings.keepalive.age_grace = Milliseconds(100);
  const Answers answers = exchange({http2::start() + http2::call(1, path, "x")});
  EXPECT_EQ(answers.streams.at(1).status(), "0");
  ASSERT_FALSE(answers.goaways.empty());
  EXPECT_EQ(answers.goaways.front(), 0u);
  EXPECT_EQ(answers.pings, 1u);
}

TEST_F(GrpcServerTest, ProbesASilentClientAndClosesWhenItDoesNotAnswer) {
  settings.keepalive.ping_after = Milliseconds(50);
  settings.keepalive.ping_timeout = Milliseconds(50);
  patience = Seconds(5);
  const MonotonicTime before = runtime.now();
  const Answers answers = exchange({http2::start()});
  EXPECT_EQ(answers.pings, 1u);
  EXPECT_LT(runtime.now() - before, Seconds(5));
}

}  // namespace
}  // namespace stint
