// SPDX-License-Identifier: Apache-2.0
// Whom the client trusts, what it says of those whom it does not, and what it remembers of those whom it did.
#include "net/tls_client.h"

#include "net/http_client.h"
#include "tls_world.h"

namespace stint::net {
namespace {

class TlsClientTest : public TlsTest {};
STINT_TLS_ON_BOTH_LOOPS(TlsClientTest);

std::string why(const TlsPeer& peer, const Pair& pair) {
  if (pair.client) return "connected";
  return is_tls(pair.error) ? peer.explain(pair.error) : to_string(pair.error);
}

// What comes of a meeting with this server under this name.
Task<std::string> outcome(TlsTest& world, TlsServerContext& server, TlsClientConfig config, std::string host) {
  TlsClient client(std::move(config), world.environment);
  TlsPeer peer(client, std::move(host));
  const Pair pair = co_await meet(world, server, peer);
  co_return why(peer, pair);
}

Task<> names(TlsClientTest& world) {
  TlsServerContext server = world.good_server();
  for (const char* good : {"localhost", "LOCALHOST", "localhost.", "127.0.0.1", "a.wader.test"}) {
    EXPECT_EQ(co_await outcome(world, server, world.trusting(world.authority.root), good), "connected") << good;
  }
  for (const char* bad :
       {"example.com", "127.0.0.2", "::1", "leaf", "a.b.wader.test", "wader.test", "localhost.evil"}) {
    EXPECT_EQ(co_await outcome(world, server, world.trusting(world.authority.root), bad),
              "the certificate of " + std::string(bad) + " is refused: it is for other names, not for " + bad);
  }
  TlsClientConfig config = world.trusting(world.authority.root);
  config.server_name_override = "localhost";
  EXPECT_EQ(co_await outcome(world, server, config, "example.com"), "connected");
  config.server_name_override = "other";
  EXPECT_EQ((co_await outcome(world, server, config, "localhost")).substr(0, 24), "the certificate of other");
}
TEST_P(TlsClientTest, ChecksNamesAndAddresses) { run(names(*this)); }

struct Refused {
  const char* what;
  CertificateWish leaf;
  bool sends_middle, self_signed;
  std::string said;
};

Task<> refusals(TlsClientTest& world) {
  const std::string names = "DNS:localhost";
  const Refused cases[] = {
      {"expired", {.subject = "l", .names = names, .from = -9 * day, .to = -day}, true, false, "has expired"},
      {"future", {.subject = "l", .names = names, .from = day}, true, false, "is not valid yet"},
      {"self-signed", {.subject = "l", .names = names}, false, true, "it is self-signed; tls::ca_file can trust it"},
      {"incomplete", {.subject = "l", .names = names}, false, false, "its issuer is unknown: neither sent"},
      {"client's", {.subject = "l", .names = names, .extended_usage = "clientAuth"}, true, false, "not meant for serv"},
      {"common name only", {.subject = "localhost"}, true, false, "it is for other names, not for localhost"},
  };
  for (const Refused& one : cases) {
    const Certificate leaf(one.leaf, one.self_signed ? nullptr : &world.authority.middle);
    TlsServerContext server(leaf, {});
    if (one.sends_middle) SSL_CTX_add1_chain_cert(server.get(), world.authority.middle.x509());
    const std::string said = co_await outcome(world, server, world.trusting(world.authority.root), "localhost");
    EXPECT_EQ(said.find("the certificate of localhost is refused: "), 0u) << one.what;
    EXPECT_NE(said.find(one.said), std::string::npos) << one.what << ": " << said;
    TlsClientConfig careless;
    careless.insecure_skip_verify = true;
    EXPECT_EQ(co_await outcome(world, server, careless, "localhost"), "connected") << one.what;
  }
}
TEST_P(TlsClientTest, RefusesWithASentenceThatSaysWhich) { run(refusals(*this)); }

Task<> trust(TlsClientTest& world) {
  TlsServerContext server = world.good_server();
  const Certificate stranger({.subject = "Stranger", .authority = true});
  const std::string refused =
      "the certificate of localhost is refused: its issuer is unknown: neither sent with it nor trusted";
  EXPECT_EQ(co_await outcome(world, server, world.trusting(stranger), "localhost"), refused);
  EXPECT_EQ(co_await outcome(world, server, TlsClientConfig(), "localhost"),
            refused + "; no bundle of root certificates was found on this machine (SSL_CERT_FILE can name one)");
  // Of the same name as the root, but another key.
  const Certificate impostor({.subject = "Test Root", .authority = true});
  EXPECT_NE(co_await outcome(world, server, world.trusting(impostor), "localhost"), "connected");
  // Whatever is trusted is enough: the issuer in between, or the certificate itself.
  EXPECT_EQ(co_await outcome(world, server, world.trusting(world.authority.middle), "localhost"), "connected");
  EXPECT_EQ(co_await outcome(world, server, world.trusting(world.authority.leaf), "localhost"), "connected");
  SSL_CTX_add1_chain_cert(server.get(), world.authority.root.x509());
  EXPECT_EQ(co_await outcome(world, server, world.trusting(stranger), "localhost"),
            "the certificate of localhost is refused: its chain ends in a root that is not trusted; tls::ca_file can "
            "trust it");
  const Certificate lone({.subject = "lone", .names = "DNS:localhost"});
  TlsServerContext lonely(lone, {});
  EXPECT_EQ(co_await outcome(world, lonely, world.trusting(lone), "localhost"), "connected");
  // `insecure` without a CA leaves the section without effect: nothing is skipped.
  TlsClientConfig config;
  config.insecure = config.insecure_skip_verify = true;
  EXPECT_NE(co_await outcome(world, server, config, "localhost"), "connected");
}
TEST_P(TlsClientTest, TrustsWhatItWasGivenAndNothingElse) { run(trust(*this)); }

Task<> bundle(TlsClientTest& world) {
  std::string text = "# a bundle\n";
  for (int i = 0; i < 30; ++i) {
    text += Certificate({.subject = "Other Root " + std::to_string(i), .authority = true}).pem();
    if (i == 15) text += world.authority.root.pem();
  }
  const TemporaryFile file(text);
  world.environment = config::FixedEnvironment({{"SSL_CERT_FILE", file.path()}});
  TlsServerContext server = world.good_server();
  TlsClient client({}, world.environment);
  TlsPeer peer(client, "localhost");
  EXPECT_FALSE(client.used());
  for (int i = 0; i < 2; ++i) {
    const Pair pair = co_await meet(world, server, peer);
    EXPECT_EQ(why(peer, pair), "connected");
    EXPECT_TRUE(client.used());
    EXPECT_EQ(client.roots_decoded(), 1u);
  }
  // Beside a CA of one's own only if asked for.
  const Certificate stranger({.subject = "Stranger", .authority = true});
  TlsClientConfig config = world.trusting(stranger);
  EXPECT_NE(co_await outcome(world, server, config, "localhost"), "connected");
  config.include_system_ca_certs_pool = true;
  EXPECT_EQ(co_await outcome(world, server, config, "localhost"), "connected");
}
TEST_P(TlsClientTest, DecodesOnlyTheRootThatIsWanted) { run(bundle(*this)); }

Task<> sessions(TlsClientTest& world) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsServerContext server = world.good_server();
    server.versions(version, version);
    TlsClient client(world.trusting(world.authority.root), world.environment);
    TlsPeer peer(client, "localhost");
    for (int i = 0; i < 4; ++i) {
      Pair pair = co_await meet(world, server, peer);
      STINT_CHECK(pair.client && pair.server.stream);
      EXPECT_EQ(SSL_session_reused(pair.server.ssl), i > 0);
      // TLS 1.3 sends its tickets behind the handshake.
      EXPECT_TRUE(co_await send_text(*pair.server.stream, "x"));
      char byte = 0;
      EXPECT_TRUE(co_await pair.client->receive(&byte, 1, Seconds(20)));
      EXPECT_TRUE(peer.has_session());
      // However the connection ends.
      if (i == 1) co_await pair.client->close(Seconds(1));
    }
    EXPECT_EQ(peer.resumed(), 3u);
  }
}
TEST_P(TlsClientTest, ResumesSessions) { run(sessions(*this)); }

Task<> forgotten(TlsClientTest& world) {
  TlsClient client(world.trusting(world.authority.root), world.environment);
  TlsPeer peer(client, "localhost");
  for (int i = 0; i < 2; ++i) {
    TlsServerContext server = world.good_server();  // with ticket keys of its own
    Pair pair = co_await meet(world, server, peer);
    STINT_CHECK(pair.client && pair.server.stream);
    EXPECT_EQ(SSL_session_reused(pair.server.ssl), 0);
    EXPECT_TRUE(co_await send_text(*pair.server.stream, "x"));
    char byte = 0;
    EXPECT_TRUE(co_await pair.client->receive(&byte, 1, Seconds(20)));
  }
}
TEST_P(TlsClientTest, StartsAnewWithABackEndThatHasForgotten) { run(forgotten(*this)); }

Task<> own_certificate(TlsClientTest& world) {
  const Certificate own({.subject = "client"}, &world.authority.root);
  TlsServerContext server = world.good_server();
  server.demand_certificate(world.authority.root);
  TlsClientConfig config = world.trusting(world.authority.root);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    server.versions(version, version);
    TlsClient client(config, world.environment);
    TlsPeer peer(client, "localhost");
    Pair pair = co_await meet(world, server, peer);
    EXPECT_FALSE(pair.server.stream);
    Error error = pair.error;
    if (pair.client) {  // TLS 1.3: told with the first bytes
      const Result<std::string> received = co_await receive_all(*pair.client);
      EXPECT_FALSE(received);
      if (!received) error = received.error();
    }
    EXPECT_TRUE(is_tls(error));
    EXPECT_NE(peer.explain(error).find("wants a client certificate"), std::string::npos) << peer.explain(error);
  }
  config.cert_pem = own.pem() + world.authority.root.pem();
  config.key_pem = own.key_pem();
  EXPECT_EQ(co_await outcome(world, server, config, "localhost"), "connected");
  const TemporaryFile certificate(own.pem()), key(own.key_pem());
  config.cert_pem.clear();
  config.key_pem.clear();
  config.cert_file = certificate.path();
  config.key_file = key.path();
  EXPECT_EQ(co_await outcome(world, server, config, "localhost"), "connected");
}
TEST_P(TlsClientTest, ShowsItsOwnCertificate) { run(own_certificate(*this)); }

Task<> unusable(TlsClientTest& world) {
  const Certificate own({.subject = "client"}), other({.subject = "other"});
  struct Case {
    TlsConfig config;
    const char* said;
  };
  const Case cases[] = {
      {{.ca_file = "/nonexistent/ca"}, "tls::ca_file or ca_pem cannot be read: No such file or directory"},
      {{.ca_file = "/tmp"}, "tls::ca_file or ca_pem cannot be read: Is a directory"},
      {{.ca_pem = "x"}, "tls::ca_file or ca_pem holds nothing that can be used"},
      {{.cert_file = "/nonexistent/c", .key_pem = "x"}, "tls::cert_file or cert_pem cannot be read: No such file"},
      {{.cert_pem = "x", .key_pem = "x"}, "tls::cert_file or cert_pem holds nothing"},
      {{.cert_pem = own.pem(), .key_pem = "x"}, "tls::key_file or key_pem holds nothing"},
      {{.cert_pem = own.pem(), .key_pem = other.key_pem()}, "tls::key_file or key_pem is the key of another"},
      {{.cert_pem = own.pem(), .key_file = "/nonexistent/k"}, "tls::key_file or key_pem cannot be read: No such"},
  };
  TlsServerContext server = world.good_server();
  for (const Case& one : cases) {
    const TlsClientConfig config{one.config};
    const std::string said = co_await outcome(world, server, config, "localhost");
    EXPECT_EQ(said.find(one.said), 0u) << said;
  }
}
TEST_P(TlsClientTest, SaysWhichFileCannotBeUsed) { run(unusable(*this)); }

Task<> versions(TlsClientTest& world) {
  TlsServerContext server = world.good_server();
  TlsClientConfig config = world.trusting(world.authority.root);
  const std::string refused = "the back end speaks none of the TLS versions that are allowed here";
  server.versions(TLS1_2_VERSION, TLS1_2_VERSION);
  config.min_version = TlsVersion::tls_1_3;
  EXPECT_EQ(co_await outcome(world, server, config, "localhost"), refused);
  config.min_version = TlsVersion::tls_1_2;
  EXPECT_EQ(co_await outcome(world, server, config, "localhost"), "connected");
  server.versions(TLS1_3_VERSION, TLS1_3_VERSION);
  config.max_version = TlsVersion::tls_1_2;
  EXPECT_EQ(co_await outcome(world, server, config, "localhost"), refused);
  // TLS 1.1 by default is refused on our side, and is spoken when it is wanted.
  SSL_CTX_set_security_level(server.get(), 0);
  server.versions(TLS1_1_VERSION, TLS1_1_VERSION);
  config = world.trusting(world.authority.root);
  EXPECT_EQ(co_await outcome(world, server, config, "localhost"), refused);
  config.min_version = TlsVersion::tls_1_0;
  EXPECT_EQ(co_await outcome(world, server, config, "localhost"), "connected");
}
TEST_P(TlsClientTest, KeepsToTheVersionsThatAreAllowed) { run(versions(*this)); }

Task<> ciphers(TlsClientTest& world) {
  TlsServerContext server = world.good_server();
  server.versions(TLS1_2_VERSION, TLS1_2_VERSION);
  TlsClientConfig config = world.trusting(world.authority.root);
  config.cipher_suites = {"TLS_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"};
  config.curve_preferences = {"P384", "P256"};  // the certificate is of P256
  TlsClient client(config, world.environment);
  TlsPeer peer(client, "localhost");
  const Pair pair = co_await meet(world, server, peer);
  STINT_CHECK(pair.client && pair.server.stream);
  EXPECT_STREQ(SSL_CIPHER_get_name(SSL_get_current_cipher(pair.server.ssl)), "ECDHE-ECDSA-CHACHA20-POLY1305");
  EXPECT_EQ(SSL_get_shared_group(pair.server.ssl, 0), NID_secp384r1);
  EXPECT_STREQ(SSL_get_servername(pair.server.ssl, TLSEXT_NAMETYPE_host_name), "localhost");
  SSL_CTX_set_cipher_list(server.get(), "ECDHE-ECDSA-AES128-GCM-SHA256");
  EXPECT_EQ((co_await outcome(world, server, config, "localhost")).find("the back end refuses the TLS handshake"), 0u);
}
TEST_P(TlsClientTest, OffersTheCipherSuitesAndCurvesThatWereNamed) { run(ciphers(*this)); }

Task<> reloaded(TlsClientTest& world) {
  const Certificate stranger({.subject = "Stranger", .authority = true});
  const TemporaryFile file(stranger.pem());
  TlsServerContext server = world.good_server();
  TlsClientConfig config;
  config.ca_file = file.path();
  config.reload_interval = Nanoseconds(1);
  TlsClient client(config, world.environment);
  TlsPeer peer(client, "localhost");
  EXPECT_NE(why(peer, co_await meet(world, server, peer)), "connected");
  std::FILE* const out = std::fopen(file.path().c_str(), "w");
  std::fputs(world.authority.root.pem().c_str(), out);
  std::fclose(out);
  EXPECT_EQ(why(peer, co_await meet(world, server, peer)), "connected");
}
TEST_P(TlsClientTest, ReadsItsFilesAgain) { run(reloaded(*this)); }

}  // namespace
}  // namespace stint::net
