// SPDX-License-Identifier: Apache-2.0
// URLs and host:port: what is taken, and the rule that a refusal names.
#include "wire/url.h"

#include <gtest/gtest.h>

#include <string>

namespace stint::wire {
namespace {

UrlMistake url_mistake(std::string_view text) {
  const auto url = parse_url(text);
  EXPECT_FALSE(url) << text;
  return url ? UrlMistake::none : static_cast<UrlMistake>(url.error().place);
}

UrlMistake host_port_mistake(std::string_view text) {
  const auto address = parse_host_port(text);
  EXPECT_FALSE(address) << text;
  return address ? UrlMistake::none : static_cast<UrlMistake>(address.error().place);
}

TEST(Url, IsTakenApart) {
  const auto url = parse_url("https://otlp.example.com:8443/base/v1/traces?key=a%20b#top");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->scheme, UrlScheme::https);
  EXPECT_EQ(url->host, "otlp.example.com");
  EXPECT_EQ(url->port, 8443);
  EXPECT_TRUE(url->port_said);
  EXPECT_EQ(url->path, "/base/v1/traces");
  EXPECT_EQ(url->query, "key=a%20b");
  EXPECT_EQ(url->authority(), "otlp.example.com:8443");
  EXPECT_EQ(url->target(), "/base/v1/traces?key=a%20b");
}

TEST(Url, HasThePortOfItsScheme) {
  const auto http = parse_url("HTTP://localhost");
  ASSERT_TRUE(http);
  EXPECT_EQ(http->port, 80);
  EXPECT_FALSE(http->port_said);
  EXPECT_EQ(http->path, "");
  EXPECT_EQ(http->target(), "/");
  EXPECT_EQ(http->authority(), "localhost");
  const auto https = parse_url("https://h:/?q");
  ASSERT_TRUE(https);
  EXPECT_EQ(https->port, 443);
  EXPECT_EQ(https->target(), "/?q");
  EXPECT_EQ(parse_url("https://h:443")->authority(), "h");
  EXPECT_EQ(parse_url("http://h:443?q")->authority(), "h:443");
  EXPECT_EQ(parse_url("http://h:443?q")->target(), "/?q");
}

TEST(Url, HoldsIpv6AddressesInBrackets) {
  const auto url = parse_url("http://[::1]:4318/x");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->port, 4318);
  EXPECT_EQ(url->authority(), "[::1]:4318");
  EXPECT_EQ(parse_url("http://[fe80::1%25eth0]/")->host, "fe80::1%eth0");
  EXPECT_EQ(parse_url("http://[::ffff:1.2.3.4]")->host, "::ffff:1.2.3.4");
}

TEST(Url, NamesAUnixSocketsFile) {
  const auto url = parse_url("unix:///tmp/a%20b.sock");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->scheme, UrlScheme::unix_socket);
  EXPECT_EQ(url->path, "/tmp/a b.sock");
  EXPECT_EQ(url->host, "");
  EXPECT_EQ(url_mistake("unix://"), UrlMistake::path);
  EXPECT_EQ(url_mistake("unix:///"), UrlMistake::path);
  EXPECT_EQ(url_mistake("unix://relative"), UrlMistake::path);
  EXPECT_EQ(url_mistake("unix:///a%00b"), UrlMistake::path);
  EXPECT_EQ(url_mistake("unix:///a%2"), UrlMistake::percent);
}

TEST(Url, SaysWhatIsWrong) {
  for (const char* const text : {"", "localhost:4318", "//h", "ftp://h", "://h", "http:/h", "grpc://h"}) {
    EXPECT_EQ(url_mistake(text), UrlMistake::scheme) << text;
  }
  EXPECT_EQ(url_mistake("http://user:password@host/"), UrlMistake::userinfo);
  EXPECT_EQ(url_mistake("http://@host/"), UrlMistake::userinfo);
  for (const char* const text :
       {"http://", "http://:4318", "http:///v1", "http://?a", "http://a b", "http://a%20b", "http://a,b", "http://[]",
        "http://[x]", "http://[1]", "http://[::1%25]", "http://h\n"}) {
    EXPECT_EQ(url_mistake(text), UrlMistake::host) << text;
  }
  for (const char* const text : {"http://[::1", "http://[::1]x", "http://::1", "http://a:1:2"}) {
    EXPECT_EQ(url_mistake(text), UrlMistake::brackets) << text;
  }
  for (const char* const text :
       {"http://h:0", "http://h:65536", "http://h:x", "http://h:-1", "http://h:+1", "http://h:1x"}) {
    EXPECT_EQ(url_mistake(text), UrlMistake::port) << text;
  }
  for (const char* const text : {"http://h/a b", "http://h/\r\nX: y", "http://h/?a\x7f"}) {
    EXPECT_EQ(url_mistake(text), UrlMistake::path) << text;
  }
  EXPECT_EQ(url_mistake("http://[::1%2]"), UrlMistake::percent);
}

TEST(Url, KeepsUserinfoInPathAndQuery) { EXPECT_EQ(parse_url("http://h/a@b?c@d")->target(), "/a@b?c@d"); }

TEST(Url, HasATextForEveryMistake) {
  for (int i = 0; i <= static_cast<int>(UrlMistake::percent); ++i) {
    EXPECT_NE(to_text(static_cast<UrlMistake>(i)), "is wrong") << i;
  }
}

TEST(HostPort, IsTakenApart) {
  struct Case {
    const char* text;
    const char* host;
    int port;
  };
  for (const Case& each :
       {Case{"localhost:4317", "localhost", 4317}, Case{":4318", "", 4318}, Case{"[::1]:0", "::1", 0},
        Case{"0.0.0.0:4318", "0.0.0.0", 4318}, Case{"[::]:65535", "::", 65535},
        Case{"[fe80::1%eth0]:1", "fe80::1%eth0", 1}, Case{"my_host-1.x:1", "my_host-1.x", 1}}) {
    const auto address = parse_host_port(each.text);
    ASSERT_TRUE(address) << each.text;
    EXPECT_EQ(address->host, each.host);
    EXPECT_EQ(address->port, each.port);
  }
}

TEST(HostPort, SaysWhatIsWrong) {
  EXPECT_EQ(host_port_mistake(""), UrlMistake::no_port);
  EXPECT_EQ(host_port_mistake("localhost"), UrlMistake::no_port);
  EXPECT_EQ(host_port_mistake("[::1]"), UrlMistake::no_port);
  EXPECT_EQ(host_port_mistake("localhost:"), UrlMistake::port);
  EXPECT_EQ(host_port_mistake("localhost:http"), UrlMistake::port);
  EXPECT_EQ(host_port_mistake("localhost:65536"), UrlMistake::port);
  EXPECT_EQ(host_port_mistake("localhost:1 "), UrlMistake::port);
  EXPECT_EQ(host_port_mistake("::1:4318"), UrlMistake::brackets);
  EXPECT_EQ(host_port_mistake("[::1:4318"), UrlMistake::brackets);
  EXPECT_EQ(host_port_mistake("http://h:1"), UrlMistake::brackets);
  EXPECT_EQ(host_port_mistake("h/x:1"), UrlMistake::host);
  EXPECT_EQ(host_port_mistake("[]:1"), UrlMistake::host);
  EXPECT_EQ(host_port_mistake("a@h:1"), UrlMistake::userinfo);
}

TEST(PercentDecoding, RestoresBytes) {
  std::string out = "kept";
  ASSERT_TRUE(append_percent_decoded(out, "a%20%C3%a9%25+"));
  EXPECT_EQ(out, "kepta \u00e9%+");
  for (const char* const bad : {"%", "a%2", "%g0", "%0g"}) {
    EXPECT_FALSE(append_percent_decoded(out, bad)) << bad;
    EXPECT_EQ(out, "kepta \u00e9%+");
  }
}

}  // namespace
}  // namespace stint::wire
