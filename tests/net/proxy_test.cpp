// SPDX-License-Identifier: Apache-2.0
// Which proxy counts for whom: the environment by Go's rules, proxy_url for all, and what is said of one that cannot be
// used.
#include "net/proxy.h"

#include <gtest/gtest.h>

namespace stint::net {
namespace {

using Variables = config::FixedEnvironment::Variables;

// The proxy's name with its credentials; "" for none, or the refusal.
std::string found(Variables variables, std::string_view host, std::uint16_t port = 80, bool secured = false,
                  std::string url = {}) {
  const config::FixedEnvironment environment(std::move(variables));
  std::string refusal;
  const auto proxy =
      find_proxy(ProxySource{.url = std::move(url), .environment = &environment}, host, port, secured, refusal);
  if (!proxy) return refusal;
  if (!*proxy) return {};
  return (*proxy)->name + ((*proxy)->authorization.empty() ? "" : " " + (*proxy)->authorization);
}

TEST(Proxy, IsThatOfTheTargetsScheme) {
  const Variables both = {{"HTTP_PROXY", "http://plain:1"}, {"HTTPS_PROXY", "http://secure:2"}};
  EXPECT_EQ(found(both, "example.com"), "http://plain:1");
  EXPECT_EQ(found(both, "example.com", 443, true), "http://secure:2");
  EXPECT_EQ(found({{"HTTP_PROXY", "http://plain:1"}}, "example.com", 443, true), "");
  EXPECT_EQ(found({}, "example.com"), "");
  EXPECT_EQ(found({{"HTTP_PROXY", ""}}, "example.com"), "");
}

TEST(Proxy, IsReadInBothCasesUpperFirst) {
  EXPECT_EQ(found({{"http_proxy", "http://lower"}}, "example.com"), "http://lower");
  EXPECT_EQ(found({{"https_proxy", "http://lower"}}, "example.com", 443, true), "http://lower");
  EXPECT_EQ(found({{"http_proxy", "http://lower"}, {"HTTP_PROXY", "http://upper"}}, "example.com"), "http://upper");
  EXPECT_EQ(found({{"http_proxy", "http://lower"}, {"HTTP_PROXY", ""}}, "example.com"), "http://lower");
  EXPECT_EQ(found({{"HTTP_PROXY", "p"}, {"no_proxy", "example.com"}}, "example.com"), "");
}

TEST(Proxy, OfTheEnvironmentIsNeverForLoopback) {
  for (const char* const host : {"localhost", "127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_EQ(found({{"HTTP_PROXY", "http://p"}}, host), "") << host;
  }
  for (const char* const host : {"localhost.example.com", "128.0.0.1", "::2", "0.0.0.0"}) {
    EXPECT_EQ(found({{"HTTP_PROXY", "http://p"}}, host), "http://p") << host;
  }
}

TEST(Proxy, OfTheKeyIsForEveryHost) {
  const Variables variables = {{"HTTP_PROXY", "http://other"}, {"NO_PROXY", "*"}};
  EXPECT_EQ(found(variables, "localhost", 80, false, "http://p:3128"), "http://p:3128");
  EXPECT_EQ(found(variables, "example.com", 443, true, "https://p"), "https://p");
}

TEST(Proxy, IsReadInEverySpelling) {
  const auto of = [](const char* value) { return found({{"HTTP_PROXY", value}}, "example.com"); };
  EXPECT_EQ(of("proxy:3128"), "http://proxy:3128");
  EXPECT_EQ(of("10.0.0.1:3128"), "http://10.0.0.1:3128");
  EXPECT_EQ(of("proxy"), "http://proxy");
  EXPECT_EQ(of("HTTPS://Proxy:443/path?x#y"), "https://Proxy");
  EXPECT_EQ(of("http://[fd00::1]:3128/"), "http://[fd00::1]:3128");
  EXPECT_EQ(of("http://user:pass@proxy:3128"), "http://proxy:3128 Basic dXNlcjpwYXNz");
  EXPECT_EQ(of("user@proxy"), "http://proxy Basic dXNlcjo=");
  EXPECT_EQ(of("http://u%40x:p%3Aq@w@proxy"), "http://proxy Basic dUB4OnA6cUB3");
}

TEST(Proxy, ThatCannotBeUsedIsSaid) {
  const auto of_key = [](const char* url) { return found({}, "example.com", 80, false, url); };
  EXPECT_EQ(of_key("socks5://p:1080").substr(0, 28), "proxy_url is a SOCKS proxy, ");
  EXPECT_EQ(of_key("p:1080").substr(0, 24), "proxy_url must be a URL ");
  EXPECT_EQ(of_key("ftp://p").substr(0, 24), "proxy_url must be a URL ");
  EXPECT_EQ(of_key("http://p:70000"), "proxy_url has a port that is not a number up to 65535");
  EXPECT_EQ(of_key("http://"), "proxy_url has no valid host");
  EXPECT_NE(of_key("http://a%zz@p").find("has a user or password with a %"), std::string::npos);
  EXPECT_EQ(found({{"HTTPS_PROXY", "socks5h://p"}}, "example.com", 443, true).substr(0, 30),
            "HTTPS_PROXY is a SOCKS proxy, ");
  // As in Go, what is no URL counts as not written.
  EXPECT_EQ(found({{"HTTP_PROXY", "http://p:x"}}, "example.com"), "");
  EXPECT_EQ(check_proxy_url(""), "");
  EXPECT_EQ(check_proxy_url("http://p"), "");
  EXPECT_NE(check_proxy_url("proxy"), "");
}

struct Exemption {
  const char* no_proxy;
  const char* host;
  std::uint16_t port;
  bool exempt;
};
class NoProxy : public testing::TestWithParam<Exemption> {};
TEST_P(NoProxy, NamesWhomTheReferenceConnectsToDirectly) {
  const Exemption& row = GetParam();
  EXPECT_EQ(is_exempt(row.no_proxy, row.host, row.port), row.exempt)
      << '"' << row.no_proxy << "\" " << row.host << ':' << row.port;
}
INSTANTIATE_TEST_SUITE_P(
    Table, NoProxy,
    testing::Values(
        // Everything, nothing.
        Exemption{"*", "example.com", 80, true}, Exemption{"a, *", "::2", 80, true},
        Exemption{"", "example.com", 80, false}, Exemption{" , ,", "example.com", 80, false},
        Exemption{"*:80", "example.com", 80, false}, Exemption{":80", "example.com", 80, false},
        // A domain is itself and what is below it.
        Exemption{"example.com", "example.com", 80, true}, Exemption{"example.com", "a.b.example.com", 80, true},
        Exemption{"Example.COM", "WWW.example.com", 80, true}, Exemption{"example.com", "badexample.com", 80, false},
        Exemption{"example.com", "example.org", 80, false}, Exemption{"www.example.com", "example.com", 80, false},
        Exemption{"com", "example.com", 80, true}, Exemption{" example.com\t, b", "example.com", 80, true},
        Exemption{"a,b,example.com", "example.com", 80, true},
        // With a dot or a star: only what is below it.
        Exemption{".example.com", "www.example.com", 80, true}, Exemption{".example.com", "example.com", 80, false},
        Exemption{"*.example.com", "www.example.com", 80, true}, Exemption{"*.example.com", "example.com", 80, false},
        Exemption{"*example.com", "www.example.com", 80, false},
        Exemption{"w*.example.com", "www.example.com", 80, false},
        // Ports.
        Exemption{"example.com:80", "example.com", 80, true}, Exemption{"example.com:80", "example.com", 443, false},
        Exemption{".example.com:443", "www.example.com", 443, true},
        Exemption{"example.com:", "example.com", 443, true}, Exemption{"10.0.0.1:80", "10.0.0.1", 80, true},
        Exemption{"10.0.0.1:80", "10.0.0.1", 81, false}, Exemption{"[fd00::1]:80", "fd00::1", 80, true},
        Exemption{"[fd00::1]:80", "fd00::1", 81, false},
        // Addresses and networks.
        Exemption{"10.0.0.1", "10.0.0.1", 80, true}, Exemption{"10.0.0.1", "10.0.0.11", 80, false},
        Exemption{"fd00::1", "fd00:0::1", 80, true}, Exemption{"fd00::1", "fd00::1%eth0", 80, true},
        Exemption{"::ffff:10.0.0.1", "10.0.0.1", 80, true}, Exemption{"[fd00::1]", "fd00::1", 80, false},
        Exemption{"10.0.0.0/8", "10.255.0.1", 80, true}, Exemption{"10.0.0.0/8", "11.0.0.1", 80, false},
        Exemption{"10.0.0.128/25", "10.0.0.127", 80, false}, Exemption{"10.0.0.128/25", "10.0.0.129", 80, true},
        Exemption{"0.0.0.0/0", "10.0.0.1", 80, true}, Exemption{"0.0.0.0/0", "fd00::1", 80, false},
        Exemption{"fd00::/8", "fdff::1", 80, true}, Exemption{"fd00::/8", "fe80::1", 80, false},
        Exemption{"10.0.0.0/33", "10.0.0.1", 80, false}, Exemption{"10.0.0.0/", "10.0.0.0", 80, false},
        Exemption{"10.0.0.0/8", "example.com", 80, false}, Exemption{"10.0.0.1", "example.com", 80, false}));

}  // namespace
}  // namespace stint::net
