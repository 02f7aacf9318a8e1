// SPDX-License-Identifier: Apache-2.0
// The HTTP/2 client before back ends whose every byte is written down: what it sends, what it makes of goodbyes,
// resets, full and dying connections, pings, floods and junk.
#include "net/http2_client.h"

#include <gtest/gtest.h>

#include "base/slices.h"
#include "net/http2_script.h"
#include "runtime/combine.h"

namespace stint {
namespace {

using http2::ScriptedBackEnd;
using net::Http2Place;

constexpr std::uint32_t refused_stream = 7;
constexpr std::string_view wanted[] = {"grpc-status"};

class Http2ClientTest : public ComponentWorld {
 public:
  static constexpr wire::Header head[] = {
      {":method", "POST"}, {":scheme", "http"}, {":path", "/x"}, {":authority", "h"}};

  BlockPool answers{4u << 20, 0, 16384};
};

// A client of a scripted back end.
struct Client {
  Client(Http2ClientTest& test, const ScriptedBackEnd& back_end, net::Http2ClientSettings settings = {})
      : world(test),
        connector(test.runtime, {.host = "127.0.0.1", .port = back_end.port()}, nullptr, {}),
        client(connector, test.answers, test.copies, settings) {}

  Task<Result<net::HttpResponse>> send(std::string_view text, Nanoseconds timeout = Seconds(20)) {
    std::vector<Slice> body;
    body.push_back(slice_of(world.pool, text));
    const net::Http2Request request{.head = Http2ClientTest::head, .prefix = "p:", .body = body, .wanted = wanted};
    co_return co_await client.request(request, world.runtime.now() + timeout);
  }
  Task<> finish(ScriptedBackEnd& back_end) {
    co_await client.close(Seconds(1));
    co_await back_end.stop();
  }

  Http2ClientTest& world;
  net::Connector connector;
  net::Http2Client client;
};

Error error_of(const Result<net::HttpResponse>& result) { return result ? Error{ErrorCode::in_use} : result.error(); }
bool is(Error error, Http2Place place) { return error.place == static_cast<std::uint16_t>(place); }

Task<> one(Http2ClientTest& world) {
  ScriptedBackEnd back_end(world, {{{{1, http2::settings() + http2::ok(1)}}}});
  Client client(world, back_end);
  EXPECT_EQ(client.client.connections(), 0u) << "opened at first use";
  const Result<net::HttpResponse> response = co_await client.send(std::string(5000, 'b'));
  EXPECT_TRUE(response);
  if (response) {
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->content_type, "application/grpc");
    EXPECT_EQ(response->body.view(), http2::message(""));
    EXPECT_EQ(response->headers.size(), 1u);
    EXPECT_EQ(response->headers[0].second, "0");
  }
  const http2::Answer request = back_end.heard(0).streams.at(1);
  EXPECT_EQ(request.field(":path"), "/x");
  EXPECT_EQ(request.body, "p:" + std::string(5000, 'b'));
  EXPECT_TRUE(request.ended);
  EXPECT_EQ(request.reset, 0xffff'ffffu) << "what is over needs no reset";
  EXPECT_EQ(world.copies.copies + world.copies.compacts + world.copies.gathers, 0u);
  co_await client.finish(back_end);
  EXPECT_EQ(back_end.heard(0).goaways, std::vector<std::uint32_t>{0});
}
TEST_F(Http2ClientTest, SendsARequestAndReadsItsAnswer) { run(one(*this)); }

Task<> many(Http2ClientTest& world) {
  // Answered last first.
  ScriptedBackEnd back_end(world, {{{{3, http2::settings() + http2::ok(5) + http2::ok(3) + http2::ok(1)}}}});
  Client client(world, back_end);
  auto first = client.send("one"), second = client.send("two"), third = client.send("three");
  const auto results = co_await all(world.runtime, std::move(first), std::move(second), std::move(third));
  EXPECT_TRUE(std::get<0>(results) && std::get<1>(results) && std::get<2>(results));
  EXPECT_EQ(back_end.connections, 1u);
  co_await client.finish(back_end);
}
TEST_F(Http2ClientTest, HasSeveralRequestsUnderWayOnOneConnection) { run(many(*this)); }

Task<> one_at_a_time(Http2ClientTest& world) {
  ScriptedBackEnd back_end(
      world, {{{{0, http2::settings({{3, 1}})}, {1, http2::ok(1)}, {2, http2::ok(3)}, {3, http2::ok(5)}}}});
  Client client(world, back_end);
  EXPECT_TRUE(co_await client.send("zero"));
  auto second = client.send("two"), third = client.send("three");
  const auto results = co_await all(world.runtime, std::move(second), std::move(third));
  EXPECT_TRUE(std::get<0>(results) && std::get<1>(results));
  EXPECT_EQ(back_end.connections, 1u) << "a full connection is waited for";
  co_await client.finish(back_end);
}
TEST_F(Http2ClientTest, WaitsForRoomOnAConnectionThatIsFull) { run(one_at_a_time(*this)); }

Task<> windows(Http2ClientTest& world) {
  // A window of 1,000 bytes for streams, opened in two steps.
  const std::string more = http2::frame(http2::window_frame, 0, 1, http2::numbers({3000}));
  ScriptedBackEnd back_end(
      world, {{{{0, http2::settings({{4, 1000}})}, {0, more, std::string(900, 'w')}, {1, http2::ok(1)}}}});
  Client client(world, back_end);
  EXPECT_TRUE(co_await client.send("first" + std::string(3000, 'w')));
  EXPECT_EQ(back_end.heard(0).streams.at(1).body, "p:first" + std::string(3000, 'w'));
  co_await client.finish(back_end);
}
TEST_F(Http2ClientTest, SendsNoMoreThanTheWindowsAllow) { run(windows(*this)); }

Task<> goodbye(Http2ClientTest& world) {
  // The first of two streams is served, the second was not looked at.
  ScriptedBackEnd back_end(world, {{{{2, http2::settings() + http2::goaway(1, 0)}, {2, http2::ok(1)}}},
                                   {{{1, http2::settings() + http2::ok(1)}}}});
  Client client(world, back_end);
  auto first = client.send("one"), second = client.send("two");
  const auto results = co_await all(world.runtime, std::move(first), std::move(second));
  EXPECT_TRUE(std::get<0>(results) && std::get<1>(results));
  EXPECT_EQ(back_end.connections, 2u);
  EXPECT_EQ(back_end.heard(1).streams.at(1).body, "p:two");
  EXPECT_EQ(client.client.silent_retries(), 1u);
  co_await client.finish(back_end);
}
TEST_F(Http2ClientTest, SendsAgainElsewhereWhatAGoodbyeLeavesOut) { run(goodbye(*this)); }

Task<> refused(Http2ClientTest& world) {
  ScriptedBackEnd back_end(world, {{{{1, http2::settings() + http2::reset(1, refused_stream)},
                                     {2, http2::ok(3)},
                                     {3, http2::reset(5, refused_stream)},
                                     {4, http2::reset(7, refused_stream)},
                                     {5, http2::reset(9, refused_stream)},
                                     {6, http2::reset(11, refused_stream)}}}});
  Client client(world, back_end);
  EXPECT_TRUE(co_await client.send("one"));
  EXPECT_EQ(client.client.silent_retries(), 1u);
  const Error error = error_of(co_await client.send("two"));
  EXPECT_TRUE(is(error, Http2Place::reset)) << "not for ever";
  EXPECT_EQ(client.client.explain(error), "the back end reset the request: REFUSED_STREAM");
  EXPECT_EQ(client.client.silent_retries(), 4u);
  co_await client.finish(back_end);
}
TEST_F(Http2ClientTest, SendsARefusedStreamAgainButNotForEver) { run(refused(*this)); }

Task<> resets(Http2ClientTest& world) {
  ScriptedBackEnd back_end(world, {{{{1, http2::settings() + http2::reset(1, 2)}, {2, http2::ok(3)}}}});
  Client client(world, back_end);
  EXPECT_EQ(client.client.explain(error_of(co_await client.send("one"))),
            "the back end reset the request: INTERNAL_ERROR");
  EXPECT_TRUE(co_await client.send("two"));
  EXPECT_EQ(back_end.connections, 1u);
  co_await client.finish(back_end);
}
TEST_F(Http2ClientTest, AResetEndsOneRequestOnly) { run(resets(*this)); }

Task<> dead(Http2ClientTest& world) {
  ScriptedBackEnd back_end(
      world, {{{{1, http2::settings() + http2::ok(1)}, {2, ""}}, true}, {{{1, http2::settings() + http2::ok(1)}}}});
  Client client(world, back_end);
  EXPECT_TRUE(co_await client.send("one"));
  EXPECT_TRUE(co_await client.send("two")) << "its connection died before an answer";
  EXPECT_EQ(client.client.silent_retries(), 1u);
  co_await client.finish(back_end);
}
TEST_F(Http2ClientTest, AKeptConnectionThatDiedIsReplacedInSilence) { run(dead(*this)); }

Task<> dead_at_once(Http2ClientTest& world) {
  ScriptedBackEnd back_end(world, {{{{1, http2::settings()}}, true}});
  Client client(world, back_end);
  EXPECT_EQ(error_of(co_await client.send("one")).code, ErrorCode::closed);
  EXPECT_EQ(client.client.silent_retries(), 0u);
  EXPECT_EQ(client.client.connections(), 0u);
  co_await client.finish(back_end);
}
TEST_F(Http2ClientTest, AConnectionThatNeverAnsweredIsAnError) { run(dead_at_once(*this)); }

Task<> half(Http2ClientTest& world) {
  ScriptedBackEnd back_end(world,
                           {{{{1, http2::settings() + http2::ok(1)},
                              {2, http2::headers(3, {{":status", "200"}, {"content-type", "application/grpc"}})}},
                             true}});
  Client client(world, back_end);
  EXPECT_TRUE(co_await client.send("one"));
  EXPECT_EQ(error_of(co_await client.send("two")).code, ErrorCode::closed) << "it may have been taken";
  EXPECT_EQ(client.client.silent_retries(), 0u);
  co_await client.finish(back_end);
}
TEST_F(Http2ClientTest, WhatWasAnsweredInPartIsNotSentAgain) { run(half(*this)); }

Task<> silent(Http2ClientTest& world) {
  ScriptedBackEnd back_end(world,
                           {{{{1, http2::settings() + http2::ok(1)}}}, {{{1, http2::settings() + http2::ok(1)}}}});
  Client client(world, back_end);
  EXPECT_TRUE(co_await client.send("one"));
  EXPECT_EQ(error_of(co_await client.send("two", Milliseconds(50))).code, ErrorCode::timed_out);
  EXPECT_TRUE(co_await client.send("three")) << "on a new connection: the silent one may be dead";
  EXPECT_EQ(back_end.connections, 2u);
  co_await client.finish(back_end);
}
TEST_F(Http2ClientTest, AConnectionThatWasSilentForAWholeRequestIsReplaced) { run(silent(*this)); }

Task<> given_up(Http2ClientTest& world) {
  const std::string ping = http2::frame(http2::ping_frame, 0, 0, "12345678");
  ScriptedBackEnd back_end(world, {{{{0, http2::settings({{4, 10}}), ""}, {0, ping, "p:bb"}, {1, http2::ok(3)}}}});
  Client client(world, back_end);
  // Its window is full, so its body is still being read when nobody waits for it any more.
  EXPECT_EQ(error_of(co_await client.send(std::string(100'000, 'b'), Milliseconds(200))).code, ErrorCode::timed_out);
  EXPECT_EQ(world.pool.blocks_in_use(), 0u);
  EXPECT_TRUE(co_await client.send("two"));
  EXPECT_EQ(back_end.heard(0).streams.at(1).reset, 8u);
  EXPECT_EQ(back_end.heard(0).ping_acks, 1u);
  EXPECT_EQ(back_end.connections, 1u);
  co_await client.finish(back_end);
}
TEST_F(Http2ClientTest, ARequestThatIsGivenUpIsResetAndItsBodyLetGo) { run(given_up(*this)); }

Task<> cancelled(Http2ClientTest& world) {
  ScriptedBackEnd back_end(world, {{{{0, http2::settings()}}}});
  Client client(world, back_end);
  auto sending = client.send("one");
  auto pause = world.runtime.sleep(Milliseconds(50));
  const auto raced = co_await race(world.runtime, std::move(sending), std::move(pause));
  EXPECT_EQ(error_of(std::get<0>(raced.results)).code, ErrorCode::cancelled);
  co_await client.finish(back_end);
  EXPECT_EQ(back_end.heard(0).streams.at(1).reset, 8u);
}
TEST_F(Http2ClientTest, ACancelledRequestIsReset) { run(cancelled(*this)); }

Task<> nobody(Http2ClientTest& world) {
  ScriptedBackEnd back_end(world, {});
  Client client(world, back_end);
  co_await back_end.stop();
  auto first = client.send("one"), second = client.send("two");
  const auto results = co_await all(world.runtime, std::move(first), std::move(second));
  EXPECT_EQ(error_of(std::get<0>(results)), system_error(ECONNREFUSED));
  EXPECT_EQ(error_of(std::get<1>(results)), system_error(ECONNREFUSED));
  EXPECT_EQ(client.connector.opened(), 0u);
  co_await client.client.close(Seconds(1));
}
TEST_F(Http2ClientTest, ABackEndThatIsNotThereIsAnErrorForAll) { run(nobody(*this)); }

Task<> wait_for_ready(Http2ClientTest& world) {
  std::uint16_t port = 0;
  {
    Result<Listener> free = Listener::open(world.runtime, Address::ipv4_loopback(0));
    port = free->address()->port();
  }
  net::Connector connector(world.runtime, {.host = "127.0.0.1", .port = port}, nullptr, {});
  net::Http2Client client(connector, world.answers, world.copies, {.wait_for_ready = true});
  const net::Http2Request request{.head = Http2ClientTest::head, .prefix = "p", .wanted = wanted};
  const MonotonicTime began = world.runtime.now();
  const Result<net::HttpResponse> response = co_await client.request(request, began + Milliseconds(350));
  EXPECT_EQ(error_of(response), system_error(ECONNREFUSED));
  EXPECT_GE(world.runtime.now() - began, Milliseconds(100)) << "tried again meanwhile";
  co_await client.close(Seconds(1));
}
TEST_F(Http2ClientTest, CanWaitForAConnectionUntilTheRequestsTimeIsOver) { run(wait_for_ready(*this)); }

Task<> pings(Http2ClientTest& world) {
  ScriptedBackEnd back_end(world,
                           {{{{1, http2::settings() + http2::ok(1)}}}, {{{1, http2::settings() + http2::ok(1)}}}});
  Client client(world, back_end, {.keepalive = {.ping_after = Milliseconds(20), .ping_timeout = Milliseconds(20)}});
  EXPECT_TRUE(co_await client.send("one"));
  (void)co_await world.runtime.sleep(Milliseconds(200));
  EXPECT_EQ(back_end.heard(0).pings, 1u);
  EXPECT_EQ(client.client.connections(), 0u) << "not answered";
  EXPECT_TRUE(co_await client.send("two"));
  co_await client.finish(back_end);
}
TEST_F(Http2ClientTest, PingsASilentConnectionAndReplacesOneThatDoesNotAnswer) { run(pings(*this)); }

Task<> no_pings(Http2ClientTest& world) {
  ScriptedBackEnd back_end(world, {{{{1, http2::settings() + http2::ok(1)}}}});
  Client client(world, back_end,
                {.keepalive = {.ping_after = Milliseconds(20), .ping_timeout = Milliseconds(20), .needs_calls = true}});
  EXPECT_TRUE(co_await client.send("one"));
  (void)co_await world.runtime.sleep(Milliseconds(200));
  EXPECT_EQ(back_end.heard(0).pings, 0u);
  EXPECT_EQ(client.client.connections(), 1u);
  co_await client.finish(back_end);
}
TEST_F(Http2ClientTest, WithoutARequestItPingsOnlyWhereThatIsWanted) { run(no_pings(*this)); }

Task<> answers_pings(Http2ClientTest& world) {
  const std::string ping = http2::frame(http2::ping_frame, 0, 0, "12345678");
  ScriptedBackEnd back_end(world, {{{{0, http2::settings() + ping}, {1, http2::ok(1)}}}});
  Client client(world, back_end);
  EXPECT_TRUE(co_await client.send("one"));
  EXPECT_EQ(back_end.heard(0).ping_acks, 1u);
  EXPECT_EQ(back_end.heard(0).settings_acks, 1u);
  co_await client.finish(back_end);
}
TEST_F(Http2ClientTest, AnswersPings) { run(answers_pings(*this)); }

Task<> floods(Http2ClientTest& world) {
  std::string many = http2::settings();
  for (std::size_t i = 0; i < 2 * limits::http2_idle_frames_max; ++i) {
    many += http2::frame(http2::ping_frame, 0, 0, "12345678");
  }
  ScriptedBackEnd back_end(world, {{{{1, many}}}});
  Client client(world, back_end);
  EXPECT_FALSE(co_await client.send("one"));
  EXPECT_EQ(client.client.connections(), 0u);
  co_await client.finish(back_end);
  EXPECT_EQ(back_end.heard(0).goaways.at(0), 11u) << "ENHANCE_YOUR_CALM";
}
TEST_F(Http2ClientTest, AFloodOfPingsEndsTheConnection) { run(floods(*this)); }

Task<> narrow_windows(Http2ClientTest& world) {
  // A reader that opens its windows by little, each time it has read a piece.
  std::string opened = http2::ok(3);
  for (std::size_t i = 0; i < 2 * limits::http2_idle_frames_max; ++i) {
    opened += http2::frame(http2::window_frame, 0, 0, http2::numbers({1000}));
  }
  const std::string wide =
      http2::settings({{4, 1u << 30}}) + http2::frame(http2::window_frame, 0, 0, http2::numbers({1u << 24}));
  ScriptedBackEnd back_end(world, {{{{0, wide}, {1, http2::ok(1)}, {2, opened}}}});
  Client client(world, back_end);
  EXPECT_TRUE(co_await client.send("one"));
  EXPECT_TRUE(co_await client.send(std::string(1u << 20, 'b')));
  (void)co_await world.runtime.sleep(Milliseconds(50));
  EXPECT_EQ(client.client.connections(), 1u) << "our own data has opened them: no flood";
  co_await client.finish(back_end);
}
TEST_F(Http2ClientTest, WindowsThatItsOwnDataOpensAreNoFlood) { run(narrow_windows(*this)); }

Task<> junk(Http2ClientTest& world) {
  ScriptedBackEnd back_end(world, {{{{0, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"}}},
                                   {{{1, http2::settings() + http2::ok(1)}}}});
  Client client(world, back_end);
  const Error error = error_of(co_await client.send("one"));
  EXPECT_TRUE(is(error, Http2Place::protocol)) << client.client.explain(error);
  EXPECT_TRUE(co_await client.send("two"));
  co_await client.finish(back_end);
}
TEST_F(Http2ClientTest, AServerThatSpeaksSomethingElseIsNamedSo) { run(junk(*this)); }

Task<> bad_answers(Http2ClientTest& world) {
  http2::Fields many{{":status", "200"}};
  for (std::size_t i = 0; i <= limits::http_headers_max; ++i) many.emplace_back("a" + std::to_string(i), "b");
  const http2::Fields large{{":status", "200"}, {"big", std::string(limits::response_head_bytes_max, 'x')}};
  const http2::Fields early{{":status", "103"}};
  const http2::Fields late{{":status", "200"}, {"content-type", "text/plain"}};
  ScriptedBackEnd back_end(
      world, {{{{1, http2::settings() + http2::headers(1, many, http2::end_stream)},
                {2, http2::headers(3, early) + http2::headers(3, late, http2::end_stream)},
                {3, http2::headers(5, late) + http2::frame(http2::data_frame, 0, 5, std::string(16384, 'a')) +
                        http2::frame(http2::data_frame, 0, 5, std::string(16384, 'a')) +
                        http2::frame(http2::data_frame, 0, 5, std::string(16384, 'a')) +
                        http2::frame(http2::data_frame, 0, 5, std::string(16000, 'a')) +
                        http2::frame(http2::data_frame, http2::end_stream, 5, "")}}}});
  Client client(world, back_end);
  EXPECT_TRUE(is(error_of(co_await client.send("one")), Http2Place::answer)) << "too many headers";
  const Result<net::HttpResponse> response = co_await client.send("two");
  EXPECT_TRUE(response && response->status == 200 && response->content_type == "text/plain");
  const Result<net::HttpResponse> long_one = co_await client.send("three");
  EXPECT_TRUE(long_one && long_one->body.size() == 3u * 16384 + 16000);
  co_await client.finish(back_end);
  EXPECT_LE(world.answers.bytes_in_use_peak(), 200u << 10);
}
TEST_F(Http2ClientTest, AnAnswerIsBoundedAndInformationalOnesArePassedOver) { run(bad_answers(*this)); }

Task<> snapshot(Http2ClientTest& world) {
  ScriptedBackEnd back_end(world,
                           {{{{1, http2::settings() + http2::ok(1)}}}, {{{1, http2::settings() + http2::ok(1)}}}});
  Client client(world, back_end);
  EXPECT_TRUE(co_await client.send("one"));
  world.loop.jump(Seconds(3600));
  EXPECT_TRUE(co_await client.send("two"));
  EXPECT_EQ(back_end.connections, 2u) << "a connection of before is of another life";
  co_await client.finish(back_end);
}
TEST_F(Http2ClientTest, AfterASnapshotItBeginsAnew) { run(snapshot(*this)); }

Task<Result<net::HttpResponse>> send_after_jump(Client& client) {
  (void)co_await client.world.runtime.sleep(Milliseconds(50));
  client.world.loop.jump(Seconds(3600));
  co_return co_await client.send("three");
}

Task<> snapshot_meanwhile(Http2ClientTest& world) {
  ScriptedBackEnd back_end(
      world, {{{{1, http2::settings() + http2::ok(1)}}}, {{{2, http2::settings() + http2::ok(1) + http2::ok(3)}}}});
  Client client(world, back_end);
  EXPECT_TRUE(co_await client.send("one"));
  auto second = client.send("two"), third = send_after_jump(client);
  const auto results = co_await all(world.runtime, std::move(second), std::move(third));
  EXPECT_TRUE(std::get<0>(results)) << "what was under way is sent again";
  EXPECT_TRUE(std::get<1>(results));
  co_await client.finish(back_end);
  EXPECT_EQ(error_of(co_await client.send("four")).code, ErrorCode::stopping);
}
TEST_F(Http2ClientTest, WhatWasUnderWayInASnapshotIsSentAgain) { run(snapshot_meanwhile(*this)); }

}  // namespace
}  // namespace stint
