// SPDX-License-Identifier: Apache-2.0
// Our side as the server: whom it lets in, what it says to the others, and which files it goes by.
#include "net/tls_server.h"

#include <openssl/ssl.h>

#include "base/taken_log.h"
#include "net/byte_stream.h"
#include "tls_world.h"

namespace stint::net {
namespace {

class TlsServerTest : public TlsTest {
 public:
  TlsServerConfig config() const {
    TlsServerConfig made;
    made.cert_pem = authority.leaf.pem() + authority.middle.pem();
    made.key_pem = authority.leaf.key_pem();
    return made;
  }
  std::unique_ptr<TlsServer> server(TlsServerConfig config, TlsServer::Protocol protocol = TlsServer::http1) {
    return std::make_unique<TlsServer>(runtime(), std::move(config), "test", protocol);
  }
  void SetUp() override {
    set_log_level(LogLevel::warn);
    TlsTest::SetUp();
  }
  TakenLog log;
};
STINT_TLS_ON_BOTH_LOOPS(TlsServerTest);

// What a client is told: its greeting back, or why not.
struct Met {
  std::string client;
  Error server{ErrorCode::not_found};  // when its handshake failed
};

Task<Error> greet(Listener& listener, TlsServer& server, Nanoseconds patience) {
  Result<Stream> stream = co_await listener.accept();
  if (!stream) co_return stream.error();
  const MonotonicTime end = stream->runtime().now() + patience;
  Result<std::unique_ptr<TlsStream>> secured = co_await server.secure(std::move(*stream), end);
  if (!secured) co_return secured.error();
  ByteStream bytes(std::move(*secured));
  char data[64];
  const Result<std::size_t> received = co_await bytes.receive(data, sizeof data, Seconds(20));
  if (!received) co_return received.error();
  const Result<> sent = co_await bytes.send(std::string_view(data, *received), Seconds(20));
  EXPECT_TRUE(sent);
  co_await bytes.close(Seconds(20));
  co_return Error{ErrorCode::not_found};
}

Task<std::string> call(TlsTest& world, Address address, TlsPeer& peer) {
  Result<std::unique_ptr<TlsStream>> stream = co_await dial(world, address, peer);
  if (!stream) co_return is_tls(stream.error()) ? peer.explain(stream.error()) : to_string(stream.error());
  (void)co_await send_text(**stream, "hello");
  const Result<std::string> answer = co_await receive_all(**stream);
  if (answer) co_return *answer;
  co_return is_tls(answer.error()) ? peer.explain(answer.error()) : to_string(answer.error());
}

Task<Met> meet(TlsTest& world, TlsServer& server, TlsPeer& peer) {
  Listener listener = world.listener();
  auto both = all(world.runtime(), greet(listener, server, Seconds(20)), call(world, *listener.address(), peer));
  auto [served, called] = co_await std::move(both);
  co_return Met{called, served};
}

Task<Met> meet(TlsTest& world, TlsServer& server, TlsClientConfig config) {
  TlsClient client(std::move(config), world.environment);
  TlsPeer peer(client, "localhost");
  const Met met = co_await meet(world, server, peer);
  co_return met;
}

Task<> serves(TlsServerTest& world) {
  const auto server = world.server(world.config());
  TlsClient client(world.trusting(world.authority.root), world.environment);
  TlsPeer peer(client, "localhost");
  for (int i = 0; i < 3; ++i) EXPECT_EQ((co_await meet(world, *server, peer)).client, "hello");
  EXPECT_EQ(server->handshakes(), 3u);
  EXPECT_EQ(server->sessions_resumed(), 2u);
  EXPECT_EQ(server->handshakes_failed(), 0u);
}
TEST_P(TlsServerTest, ServesClientsAndResumesTheirSessions) { run(serves(*this)); }

Task<> client_certificates(TlsServerTest& world) {
  const Certificate root({.subject = "Client Root", .authority = true}), stranger({.subject = "S", .authority = true});
  const Certificate own({.subject = "client", .extended_usage = "clientAuth"}, &root);
  const Certificate foreign({.subject = "client", .extended_usage = "clientAuth"}, &stranger);
  const Certificate expired({.subject = "client", .from = -9 * day, .to = -day}, &root);
  const Certificate servers({.subject = "client", .extended_usage = "serverAuth"}, &root);
  TlsServerConfig config = world.config();
  config.client_ca_pem = root.pem();
  const auto server = world.server(config);
  struct Case {
    const Certificate* shown;
    std::string_view told, logged;
  };
  const Case cases[] = {
      {nullptr, "the back end wants a client certificate (tls::cert_file)", "the client shows no certificate"},
      {&foreign, "the back end refuses our client certificate: unknown CA", "the client's certificate is refused: "},
      {&expired, "the back end refuses our client certificate: certificate expired", "certificate has expired"},
      {&servers, "the back end refuses our client certificate: ", "purpose"},
      {&own, "hello", ""},
  };
  std::size_t failed = 0;
  for (const Case& one : cases) {
    TlsClientConfig client = world.trusting(world.authority.root);
    if (one.shown != nullptr) {
      client.cert_pem = one.shown->pem();
      client.key_pem = one.shown->key_pem();
    }
    const Met met = co_await meet(world, *server, client);
    EXPECT_EQ(met.client.substr(0, one.told.size()), one.told);
    if (!one.logged.empty()) {
      EXPECT_NE(tls_client_fault(met.server).find(one.logged), std::string::npos) << tls_client_fault(met.server);
      ++failed;
    }
    EXPECT_EQ(server->handshakes_failed(), failed);
  }
  EXPECT_EQ(server->handshakes(), 1u);
  EXPECT_EQ(world.log.text(),
            "test: a TLS handshake failed: the client shows no certificate (tls::client_ca_file wants one)\n");
}
TEST_P(TlsServerTest, LetsInClientsWithACertificateItTrusts) { run(client_certificates(*this)); }

TEST_P(TlsServerTest, SaysWhichFileIsOfNoUse) {
  const Certificate other({.subject = "other"});
  const TemporaryFile text("no certificate"), certificate(authority.leaf.pem()), key(authority.leaf.key_pem());
  const TemporaryFile broken("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  const TemporaryFile other_key(other.key_pem());
  struct Case {
    std::string certificate, key, client_ca;
    bool seen_at_once;
    std::string said;
  };
  const Case cases[] = {
      {"/nonexistent/c", key.path(), "", true,
       "tls::cert_file or cert_pem cannot be read: No such file or directory"
       " (/nonexistent/c)"},
      {certificate.path(), "/nonexistent/k", "", true, "tls::key_file or key_pem cannot be read: No such"},
      {text.path(), key.path(), "", true, "tls::cert_file or cert_pem holds nothing that can be used (" + text.path()},
      {certificate.path(), certificate.path(), "", true, "tls::key_file or key_pem holds nothing that can be used"},
      {certificate.path(), key.path(), text.path(), true, "tls::client_ca_file or client_ca_pem holds nothing"},
      {broken.path(), key.path(), "", false, "tls::cert_file or cert_pem holds nothing"},
      {certificate.path(), other_key.path(), "", false, "tls::key_file or key_pem is the key of another certificate ("},
      {certificate.path(), key.path(), broken.path(), false, "tls::client_ca_file or client_ca_pem holds nothing"},
      {certificate.path(), key.path(), certificate.path(), true, ""},
  };
  for (const Case& one : cases) {
    TlsServerConfig config;
    config.cert_file = one.certificate;
    config.key_file = one.key;
    config.client_ca_file = one.client_ca;
    const auto made = server(config);
    const Result<> seen = made->check_files();
    EXPECT_EQ(!seen, one.seen_at_once && !one.said.empty()) << one.said;
    const Result<> prepared = seen ? made->prepare() : seen;
    EXPECT_EQ(prepared.has_value(), one.said.empty());
    if (!prepared) EXPECT_EQ(made->explain(prepared.error()).find(one.said), 0u) << made->explain(prepared.error());
  }
}

Task<> renewal(TlsServerTest& world) {
  const Certificate new_root({.subject = "New Root", .authority = true});
  const Certificate renewed({.subject = "new", .names = "DNS:localhost"}, &new_root);
  TemporaryFile certificate(world.authority.leaf.pem() + world.authority.middle.pem());
  TemporaryFile key(world.authority.leaf.key_pem());
  TlsServerConfig config;
  config.cert_file = certificate.path();
  config.key_file = key.path();
  config.reload_interval = Milliseconds(1);
  const auto server = world.server(config);
  EXPECT_EQ((co_await meet(world, *server, world.trusting(world.authority.root))).client, "hello");
  // Half of the renewal is there: the former pair stays, and it is said once.
  certificate.replace(renewed.pem());
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(co_await world.runtime().sleep(Milliseconds(2)));
    EXPECT_EQ((co_await meet(world, *server, world.trusting(world.authority.root))).client, "hello");
  }
  EXPECT_EQ(world.log.text(), "test: tls::key_file or key_pem is the key of another certificate (" + key.path() +
                                  "); the former files stay in use\n");
  key.replace(renewed.key_pem());
  EXPECT_TRUE(co_await world.runtime().sleep(Milliseconds(2)));
  EXPECT_EQ((co_await meet(world, *server, world.trusting(new_root))).client, "hello");
}
TEST_P(TlsServerTest, TakesUpFilesThatHaveChanged) { run(renewal(*this)); }

Task<> authorities(TlsServerTest& world) {
  const Certificate root({.subject = "Client Root", .authority = true}), next({.subject = "Next", .authority = true});
  const Certificate own({.subject = "client"}, &next);
  TlsClientConfig client = world.trusting(world.authority.root);
  client.cert_pem = own.pem();
  client.key_pem = own.key_pem();
  for (const bool reload : {false, true}) {
    TemporaryFile trusted(root.pem());
    TlsServerConfig config = world.config();
    config.client_ca_file = trusted.path();
    config.client_ca_file_reload = reload;
    const auto server = world.server(config);
    EXPECT_NE((co_await meet(world, *server, client)).client, "hello");
    trusted.replace(root.pem() + next.pem());
    EXPECT_EQ((co_await meet(world, *server, client)).client == "hello", reload);
  }
}
TEST_P(TlsServerTest, TakesUpNewAuthoritiesOfClientsWhenAskedTo) { run(authorities(*this)); }

Task<> versions(TlsServerTest& world) {
  TlsServerConfig config = world.config();
  config.min_version = TlsVersion::tls_1_3;
  TlsClientConfig old = world.trusting(world.authority.root);
  old.max_version = TlsVersion::tls_1_2;
  const auto modern = world.server(config);
  const Met met = co_await meet(world, *modern, old);
  EXPECT_EQ(met.client, "the back end speaks none of the TLS versions that are allowed here");
  EXPECT_EQ(tls_client_fault(met.server), "the client speaks none of the TLS versions that are allowed here");
  config.min_version = TlsVersion::unset;
  config.cipher_suites = {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"};
  const auto choosy = world.server(config);
  EXPECT_EQ((co_await meet(world, *choosy, old)).client, "hello");
  old.cipher_suites = {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"};
  EXPECT_EQ(tls_client_fault((co_await meet(world, *choosy, old)).server),
            "the client offers no cipher suite that is allowed here");
  const auto grpc = world.server(world.config(), TlsServer::http2);
  EXPECT_EQ((co_await meet(world, *grpc, world.trusting(world.authority.root))).client,
            "the back end ends TLS with the alert 'no application protocol'");
}
TEST_P(TlsServerTest, GoesByItsVersionsCiphersAndProtocols) { run(versions(*this)); }

Task<std::string> say(TlsTest& world, Address address, std::string words) {
  Result<Stream> stream = co_await connect(world.runtime(), address, Seconds(20));
  EXPECT_TRUE(stream);
  if (!words.empty()) (void)co_await stream->send(words, Seconds(20));
  std::string answer;
  char data[1024];
  for (;;) {
    const Result<std::size_t> received = co_await stream->receive(data, sizeof data, Seconds(20));
    if (!received || *received == 0) co_return answer;
    answer.append(data, *received);
  }
}

Task<> strangers(TlsServerTest& world) {
  const auto server = world.server(world.config());
  Listener listener = world.listener();
  struct Case {
    std::string words, answer;
  };
  const std::string body(100'000, 'x');
  const Case cases[] = {
      {"POST /v1/traces HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + body, "HTTP/1.0 400 Bad Request\r\n"},
      {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.0 400 Bad Request\r\n"},
      {std::string(300, '\xff'), ""},
      {std::string("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10), "\x15"},  // an empty hello: an alert
  };
  for (const Case& one : cases) {
    auto both = all(world.runtime(), greet(listener, *server, Seconds(20)), say(world, *listener.address(), one.words));
    auto [served, answer] = co_await std::move(both);
    EXPECT_TRUE(is_tls(served));
    EXPECT_EQ(answer.substr(0, one.answer.size()), one.answer);
  }
  // One that says nothing is not waited for.
  auto both = all(world.runtime(), greet(listener, *server, Milliseconds(5)), say(world, *listener.address(), ""));
  auto [served, answer] = co_await std::move(both);
  EXPECT_EQ(served.code, ErrorCode::timed_out);
  EXPECT_EQ(answer, "");
  EXPECT_EQ(server->handshakes_failed(), std::size(cases) + 1);
  EXPECT_EQ((co_await meet(world, *server, world.trusting(world.authority.root))).client, "hello");
}
TEST_P(TlsServerTest, AnswersThoseWhoDoNotSpeakTls) { run(strangers(*this)); }

}  // namespace
}  // namespace stint::net
