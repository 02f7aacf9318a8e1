// SPDX-License-Identifier: Apache-2.0
// Bytes over TLS: what is sent arrives, an end is told from a cut, and whatever a peer does ends in an error, not in a
// wait or in memory.
#include "net/tls_stream.h"

#include <openssl/err.h>

#include <cstdlib>
#include <new>

#include "tls_world.h"

namespace {
std::size_t allocations = 0;
}

// Counts what our own code allocates; OpenSSL takes its memory from malloc.
void* operator new(std::size_t size) {
  ++allocations;
  void* const memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace stint::net {
namespace {

class TlsStreamTest : public TlsTest {};
STINT_TLS_ON_BOTH_LOOPS(TlsStreamTest);

std::string sentence(Error error) { return is_tls(error) ? tls_text(error, "localhost") : to_string(error); }

// So many bytes, or what came before something went wrong.
Task<std::string> receive_exactly(TlsStream& stream, std::size_t size) {
  std::string text(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const Result<std::size_t> received = co_await stream.receive(text.data() + done, size - done, Seconds(20));
    if (!received || *received == 0) break;
    done += *received;
  }
  text.resize(done);
  co_return std::move(text);
}

Task<> parts(TlsStreamTest& world) {
  TlsServerContext server = world.good_server();
  TlsClient client(world.trusting(world.authority.root), world.environment);
  TlsPeer peer(client, "localhost");
  Pair pair = co_await meet(world, server, peer);
  STINT_CHECK(pair.client && pair.server.stream);
  // Small ones before, between and behind large ones, and one that needs many records.
  std::vector<std::string> sent{
      "head\r\n", "", std::string(5000, 'a'), std::string(4000, 'b'), std::string(4000, 'c'), std::string(3 << 20, 'd'),
      "end"};
  std::string expected;
  std::vector<iovec> vector;
  for (std::string& one : sent) {
    expected += one;
    vector.push_back({one.data(), one.size()});
  }
  auto both = all(world.runtime(), pair.client->send(vector, Seconds(20)),
                  receive_exactly(*pair.server.stream, expected.size()));
  const auto [done, received] = co_await std::move(both);
  EXPECT_TRUE(done);
  EXPECT_TRUE(received == expected);
  // Only the parts below 4 KiB: 6 + 4000 + 4000 + 3.
  EXPECT_EQ(pair.client->bytes_gathered(), 8009u);
}
TEST_P(TlsStreamTest, SendsPartsInOrderAndGathersOnlySmallOnes) { run(parts(*this)); }

Task<> both_ways(TlsStreamTest& world) {
  TlsServerContext server = world.good_server();
  TlsClient client(world.trusting(world.authority.root), world.environment);
  TlsPeer peer(client, "localhost");
  Pair pair = co_await meet(world, server, peer);
  STINT_CHECK(pair.client && pair.server.stream);
  const auto speak = [](TlsStream& stream, char letter) -> Task<Result<>> {
    const Result<> done = co_await send_text(stream, std::string(2 << 20, letter));
    co_return done;
  };
  constexpr std::size_t size = 2 << 20;
  auto four = all(world.runtime(), speak(*pair.client, 'c'), speak(*pair.server.stream, 's'),
                  receive_exactly(*pair.client, size), receive_exactly(*pair.server.stream, size));
  const auto [first, second, to_client, to_server] = co_await std::move(four);
  EXPECT_TRUE(first && second);
  EXPECT_TRUE(to_client == std::string(size, 's') && to_server == std::string(size, 'c'));
}
TEST_P(TlsStreamTest, SendsAndReceivesAtOneTime) { run(both_ways(*this)); }

Task<> ends(TlsStreamTest& world) {
  TlsServerContext server = world.good_server();
  TlsClient client(world.trusting(world.authority.root), world.environment);
  TlsPeer peer(client, "localhost");
  for (const bool orderly : {true, false}) {
    Pair pair = co_await meet(world, server, peer);
    STINT_CHECK(pair.client && pair.server.stream);
    EXPECT_TRUE(co_await send_text(*pair.server.stream, "part"));
    if (orderly) co_await pair.server.stream->close(Seconds(1));
    pair.server.stream.reset();
    const Result<std::string> received = co_await receive_all(*pair.client);
    EXPECT_EQ(received.has_value(), orderly);
    if (orderly && received) EXPECT_EQ(*received, "part");
    if (!received) EXPECT_EQ(received.error(), Error{ErrorCode::closed});
  }
}
TEST_P(TlsStreamTest, TellsAnEndFromACut) { run(ends(*this)); }

Task<> late(TlsStreamTest& world) {
  TlsServerContext server = world.good_server();
  TlsClient client(world.trusting(world.authority.root), world.environment);
  TlsPeer peer(client, "localhost");
  Pair pair = co_await meet(world, server, peer);
  STINT_CHECK(pair.client && pair.server.stream);
  char byte = 0;
  const Result<std::size_t> nothing = co_await pair.client->receive(&byte, 1, Milliseconds(5));
  EXPECT_TRUE(!nothing && nothing.error().code == ErrorCode::timed_out);
  EXPECT_TRUE(co_await send_text(*pair.server.stream, "x"));
  const Result<std::size_t> received = co_await pair.client->receive(&byte, 1, Seconds(20));
  EXPECT_TRUE(received && *received == 1 && byte == 'x');
}
TEST_P(TlsStreamTest, GoesOnAfterATimeout) { run(late(*this)); }

// The peer accepts and says nothing, or these bytes and then nothing or an end.
Task<Error> answer_to_hello(TlsStreamTest& world, std::string bytes, bool end, Nanoseconds timeout) {
  TlsClient client(world.trusting(world.authority.root), world.environment);
  TlsPeer peer(client, "localhost");
  Listener listener = world.listener();
  const auto speak = [](Listener& from, const std::string& text, bool close) -> Task<Result<Stream>> {
    Result<Stream> stream = co_await from.accept();
    if (stream && !text.empty()) EXPECT_TRUE(co_await stream->send(text, Seconds(20)));
    if (stream && close) stream->shutdown_send();
    co_return std::move(stream);
  };
  auto both = all(world.runtime(), speak(listener, bytes, end), dial(world, *listener.address(), peer, timeout));
  const auto [stream, dialed] = co_await std::move(both);
  EXPECT_FALSE(dialed);
  co_return dialed ? Error{ErrorCode::not_found} : dialed.error();
}

Task<> strangers(TlsStreamTest& world) {
  struct Case {
    std::string bytes, said;
  };
  const Case cases[] = {
      {"HTTP/1.1 400 Bad Request\r\n\r\n", "what answers does not speak TLS; is the endpoint http://?"},
      {"SSH-2.0-OpenSSH\r\n", "what answers does not speak TLS; is the endpoint http://?"},
      {std::string(64, '\0'), "what answers does not speak TLS; is the endpoint http://?"},
      {std::string("\x16\x03\x03\x01\x30\x02\x00\x01\x2c", 9) + std::string(300, 'x'), "TLS: "},
      {std::string("\x16\x03\x03\x7f\xff", 5) + std::string(0x7fff, 'x'), "TLS: "},
      {std::string("\x17\x03\x03\x00\x01x", 6), "TLS: "},
      {std::string("\x15\x03\x03\x00\x02\x02\x28", 7), "the back end refuses the TLS handshake: no cipher suite"},
      {std::string("\x15\x03\x03\x00\x02\x02\x46", 7), "the back end speaks none of the TLS versions"},
      {std::string("\x15\x03\x03\x00\x02\x02\x70", 7), "the back end knows no server of this name"},
      {std::string("\x15\x03\x03\x00\x02\x02\x50", 7), "the back end ends TLS with the alert 'internal error'"},
      {"", "the connection ended in the TLS handshake"},
      {std::string("\x16\x03", 2), "the connection ended in the TLS handshake"},
  };
  for (const Case& one : cases) {
    const Error error = co_await answer_to_hello(world, one.bytes, true, Seconds(20));
    EXPECT_TRUE(is_tls(error));
    EXPECT_EQ(sentence(error).substr(0, one.said.size()), one.said) << one.bytes.substr(0, 16);
  }
}
TEST_P(TlsStreamTest, SaysWhatIsWrongWithAPeerThatDoesNotSpeakTls) { run(strangers(*this)); }

Task<> silent(TlsStreamTest& world) {
  const Error error = co_await answer_to_hello(world, "", false, Milliseconds(10));
  EXPECT_EQ(error.code, ErrorCode::timed_out);
}
TEST_P(TlsStreamTest, DoesNotWaitForEverForAHandshake) { run(silent(*this)); }

Task<> cancelled(TlsStreamTest& world) {
  TlsClient client(world.trusting(world.authority.root), world.environment);
  TlsPeer peer(client, "localhost");
  Listener listener = world.listener();
  auto raced = race(world.runtime(), world.runtime().sleep(Milliseconds(5)), dial(world, *listener.address(), peer));
  const auto ended = co_await std::move(raced);
  EXPECT_EQ(ended.first, 0u);
  const auto& dialed = std::get<1>(ended.results);
  EXPECT_TRUE(!dialed && dialed.error().code == ErrorCode::cancelled);

  TlsServerContext server = world.good_server();
  Pair pair = co_await meet(world, server, peer);
  STINT_CHECK(pair.client && pair.server.stream);
  auto second = race(world.runtime(), world.runtime().sleep(Milliseconds(5)), receive_all(*pair.client));
  const auto received = co_await std::move(second);
  EXPECT_EQ(received.first, 0u);
  auto third = race(world.runtime(), world.runtime().sleep(Milliseconds(5)),
                    send_text(*pair.client, std::string(32 << 20, 'x')));
  const auto sent = co_await std::move(third);
  EXPECT_EQ(sent.first, 0u);
  EXPECT_FALSE(std::get<1>(sent.results));
  // A record is half out: nothing more may be said on this connection.
  EXPECT_FALSE(co_await send_text(*pair.client, "more"));
}
TEST_P(TlsStreamTest, CanBeCancelledAtAnyPoint) { run(cancelled(*this)); }

Task<> damaged(TlsStreamTest& world) {
  TlsServerContext server = world.good_server();
  TlsClient client(world.trusting(world.authority.root), world.environment);
  TlsPeer peer(client, "localhost");
  Listener listener = world.listener();
  auto both = all(world.runtime(), accept_tls(listener, server), dial(world, *listener.address(), peer));
  auto [accepted, dialed] = co_await std::move(both);
  STINT_CHECK(accepted.stream && dialed);
  // Below the server's TLS: a record that nobody encrypted.
  const std::string record(
      "\x17\x03\x03\x00\x20"
      "0123456789abcdef0123456789abcdef",
      37);
  BIO_write(SSL_get_wbio(accepted.ssl), record.data(), static_cast<int>(record.size()));
  EXPECT_TRUE(co_await send_text(*accepted.stream, "behind it"));
  const Result<std::string> received = co_await receive_all(**dialed);
  EXPECT_FALSE(received);
  if (!received) EXPECT_EQ(sentence(received.error()), "TLS: what came was damaged on its way");
  EXPECT_FALSE(co_await send_text(**dialed, "more"));
}
TEST_P(TlsStreamTest, EndsAtADamagedRecord) { run(damaged(*this)); }

Task<> key_update(TlsStreamTest& world) {
  TlsServerContext server = world.good_server();
  TlsClient client(world.trusting(world.authority.root), world.environment);
  TlsPeer peer(client, "localhost");
  Pair pair = co_await meet(world, server, peer);
  STINT_CHECK(pair.client && pair.server.stream);
  SSL_key_update(pair.server.ssl, SSL_KEY_UPDATE_REQUESTED);
  for (int i = 0; i < 3; ++i) {
    char byte = 0;
    EXPECT_TRUE(co_await send_text(*pair.server.stream, "a"));
    const Result<std::size_t> there = co_await pair.client->receive(&byte, 1, Seconds(20));
    EXPECT_TRUE(there && *there == 1);
    EXPECT_TRUE(co_await send_text(*pair.client, "b"));
    const Result<std::size_t> back = co_await pair.server.stream->receive(&byte, 1, Seconds(20));
    EXPECT_TRUE(back && *back == 1 && byte == 'b');
  }
}
TEST_P(TlsStreamTest, FollowsNewKeys) { run(key_update(*this)); }

Task<> renegotiation(TlsStreamTest& world) {
  TlsServerContext server = world.good_server();
  server.versions(TLS1_2_VERSION, TLS1_2_VERSION);
  TlsClient client(world.trusting(world.authority.root), world.environment);
  TlsPeer peer(client, "localhost");
  Pair pair = co_await meet(world, server, peer);
  STINT_CHECK(pair.client && pair.server.stream);
  EXPECT_EQ(SSL_renegotiate(pair.server.ssl), 1);
  SSL_do_handshake(pair.server.ssl);
  EXPECT_TRUE(co_await send_text(*pair.server.stream, "asked"));
  char text[5];
  const Result<std::size_t> received = co_await pair.client->receive(text, sizeof text, Seconds(20));
  // The connection goes on as it was, and the server is told that it stays so.
  EXPECT_TRUE(received && std::string_view(text, *received) == "asked");
  const Result<std::string> refusal = co_await receive_all(*pair.server.stream);
  EXPECT_FALSE(refusal);
  if (!refusal) EXPECT_EQ(sentence(refusal.error()), "TLS: no renegotiation");
}
TEST_P(TlsStreamTest, DoesNotRenegotiate) { run(renegotiation(*this)); }

Task<> chain_bomb(TlsStreamTest& world) {
  const std::vector<const Certificate*> many(400, &world.authority.middle);
  TlsServerContext server(world.authority.leaf, many);
  TlsClient client(world.trusting(world.authority.root), world.environment);
  TlsPeer peer(client, "localhost");
  const Pair pair = co_await meet(world, server, peer);
  EXPECT_FALSE(pair.client);
  EXPECT_EQ(sentence(pair.error), "TLS: the back end's certificates are larger than 100 KiB");
}
TEST_P(TlsStreamTest, RefusesAGiantChain) { run(chain_bomb(*this)); }

Task<> allocation_free(TlsStreamTest& world) {
  TlsServerContext server = world.good_server();
  TlsClient client(world.trusting(world.authority.root), world.environment);
  TlsPeer peer(client, "localhost");
  Pair pair = co_await meet(world, server, peer);
  STINT_CHECK(pair.client && pair.server.stream);
  std::string head(300, 'h'), body(40'000, 'b'), room(64 << 10, '\0');
  const std::vector<iovec> request{{head.data(), head.size()}, {body.data(), body.size()}};
  for (int round = 0; round < 5; ++round) {
    const std::size_t before = allocations;
    EXPECT_TRUE(co_await pair.client->send(request, Seconds(20)));
    for (std::size_t total = 0; total < head.size() + body.size();) {
      const Result<std::size_t> received = co_await pair.server.stream->receive(room.data(), room.size(), Seconds(20));
      if (!received) break;
      total += *received;
    }
    if (round > 1) EXPECT_EQ(allocations - before, 0u) << round;
  }
}
TEST_P(TlsStreamTest, AllocatesNothingOnceItIsWarm) { run(allocation_free(*this)); }

}  // namespace
}  // namespace stint::net
