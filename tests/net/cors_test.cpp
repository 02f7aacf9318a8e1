// SPDX-License-Identifier: Apache-2.0
// CORS headers, case by case as rs/cors gives them.
#include "net/cors.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/log.h"

namespace stint::net {
namespace {

struct Case {
  const char* what;
  CorsConfig config;
  std::string request;  // method, then lines
  std::string answer;   // the sorted headers of the answer, joined by " | "; "-" before: no preflight
};

std::string joined(HttpReply reply) {
  std::sort(reply.headers.begin(), reply.headers.end());
  std::string text;
  for (const auto& [name, value] : reply.headers) text += concat(text.empty() ? "" : " | ", name, ": ", value);
  return text;
}

std::string answer_to(const Cors& cors, const std::string& request) {
  const std::size_t space = request.find('\n');
  std::string bytes = concat(request.substr(0, space), " /v1/traces HTTP/1.1\r\n");
  std::string_view rest = space == std::string::npos ? std::string_view() : std::string_view(request).substr(space + 1);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    bytes += concat(rest.substr(0, end), "\r\n");
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  bytes += "\r\n";
  wire::RequestHead head;
  std::size_t scanned = 0;
  const Result<std::size_t> parsed = wire::parse_request_head(bytes, scanned, head);
  if (!parsed || *parsed == 0) return "bad request in the test";
  HttpReply plain;
  cors.add_headers(head, plain);
  const std::optional<HttpReply> preflight = cors.preflight(head);
  if (!preflight) return concat("- ", joined(plain));
  EXPECT_EQ(preflight->status, 204);
  EXPECT_TRUE(preflight->body.empty() && plain.headers.empty());
  return joined(*preflight);
}

const std::string vary = "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
const std::string asks = "OPTIONS\nOrigin: https://a.test\nAccess-Control-Request-Method: POST";

std::string allowed(const std::string& origin, const std::string& headers = "", const std::string& age = "") {
  return concat("Access-Control-Allow-Credentials: true",
                headers.empty() ? "" : " | Access-Control-Allow-Headers: ", headers,
                " | Access-Control-Allow-Methods: POST | Access-Control-Allow-Origin: ", origin,
                age.empty() ? "" : " | Access-Control-Max-Age: ", age, " | ", vary);
}

TEST(Cors, AnswersPreflights) {
  const CorsConfig one{.allowed_origins = {"https://a.test"}};
  const CorsConfig any{.allowed_origins = {"*"}};
  const CorsConfig star{.allowed_origins = {"https://*.a.test", "http://b.test:*"}};
  const CorsConfig named{.allowed_origins = {"*"}, .allowed_headers = {"X-One", "x-two"}, .max_age = 7200};
  const CorsConfig all{.allowed_origins = {"*"}, .allowed_headers = {"*"}, .max_age = -1};
  const std::string headers = "\nAccess-Control-Request-Headers: ";
  const Case cases[] = {
      {"the origin itself", one, asks, allowed("https://a.test")},
      {"another origin", one, "OPTIONS\nOrigin: https://b.test\nAccess-Control-Request-Method: POST", vary},
      {"another scheme", one, "OPTIONS\nOrigin: http://a.test\nAccess-Control-Request-Method: POST", vary},
      {"another case", one, "OPTIONS\nOrigin: HTTPS://A.test\nAccess-Control-Request-Method: POST",
       allowed("HTTPS://A.test")},
      {"no origin", one, "OPTIONS\nAccess-Control-Request-Method: POST", vary},
      {"any origin", any, asks, allowed("*")},
      {"a method that is not allowed", any, "OPTIONS\nOrigin: https://a.test\nAccess-Control-Request-Method: PUT",
       vary},
      {"a star in front", star, "OPTIONS\nOrigin: https://x.a.test\nAccess-Control-Request-Method: POST",
       allowed("https://x.a.test")},
      {"nothing for the star's dot", star, asks, vary},
      {"a star at the end", star, "OPTIONS\nOrigin: http://b.test:80\nAccess-Control-Request-Method: POST",
       allowed("http://b.test:80")},
      {"usual headers", any, asks + headers + "accept,content-type,x-requested-with",
       allowed("*", "accept,content-type,x-requested-with")},
      {"a header that is not allowed", any, asks + headers + "authorization", vary},
      {"named headers", named, asks + headers + "x-one, x-two", allowed("*", "x-one, x-two", "7200")},
      {"not as a browser sorts them", named, asks + headers + "x-two,x-one", vary},
      {"twice the same", named, asks + headers + "x-one,x-one", vary},
      {"in another case than browsers send", named, asks + headers + "X-One", vary},
      {"empty elements", named, asks + headers + "x-one,,,x-two", allowed("*", "x-one,,,x-two", "7200")},
      {"a list of nothing else", named, asks + headers + std::string(20, ','), vary},
      {"any header", all, asks + headers + "zebra, Apple", allowed("*", "zebra, Apple", "0")},
      {"an empty list", named, asks + headers, allowed("*", "", "7200")},
  };
  for (const Case& one_case : cases) {
    EXPECT_EQ(answer_to(Cors(one_case.config), one_case.request), one_case.answer) << one_case.what;
  }
}

TEST(Cors, AddsItsHeadersToOtherAnswers) {
  const CorsConfig one{.allowed_origins = {"https://a.test"}, .exposed_headers = {"x-first", "ETAG"}};
  const CorsConfig any{.allowed_origins = {"https://b.test", "*"}};
  const std::string exposed =
      "- Access-Control-Allow-Credentials: true | Access-Control-Allow-Origin: https://a.test | "
      "Access-Control-Expose-Headers: X-First, Etag | Vary: Origin";
  const std::string to_any = "- Access-Control-Allow-Credentials: true | Access-Control-Allow-Origin: * | Vary: Origin";
  const Case cases[] = {
      {"the origin itself", one, "POST\nOrigin: https://a.test", exposed},
      {"no origin", one, "POST", "- Vary: Origin"},
      {"another origin", one, "POST\nOrigin: https://b.test", "- Vary: Origin"},
      {"any origin", any, "POST\nOrigin: https://a.test", to_any},
      {"a method that is not allowed", any, "DELETE\nOrigin: https://a.test", "- Vary: Origin"},
      {"OPTIONS that asks for nothing", any, "OPTIONS\nOrigin: https://a.test", to_any},
  };
  for (const Case& one_case : cases) {
    EXPECT_EQ(answer_to(Cors(one_case.config), one_case.request), one_case.answer) << one_case.what;
  }
}

}  // namespace
}  // namespace stint::net
