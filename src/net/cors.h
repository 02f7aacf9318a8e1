// SPDX-License-Identifier: Apache-2.0
// CORS: which web pages may send to a server, said by headers that browsers read. What the headers say is what the
// reference's library (rs/cors) says; credentials are allowed, and the methods are GET, POST and HEAD.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/schema.h"
#include "net/http_reply.h"
#include "wire/http1.h"

namespace stint::net {

struct CorsConfig {
  config::TextList allowed_origins;
  config::TextList allowed_headers;
  config::TextList exposed_headers;
  std::int64_t max_age = 0;

  void validate(const config::Report& report) const;
};

constexpr auto fields_of(CorsConfig*) {
  using namespace config;
  using Config = CorsConfig;
  return fields(
      field<&Config::allowed_origins>("allowed_origins",
                                      "scheme, host and port of pages; one * in each stands for anything; none: off"),
      field<&Config::allowed_headers>("allowed_headers",
                                      "that pages may send; *: any; none: Accept, Content-Type and X-Requested-With"),
      field<&Config::exposed_headers>("exposed_headers", "of answers, that pages may read"),
      field<&Config::max_age>("max_age", "seconds for which a browser keeps the permission; 0: its own default"));
}

class Cors {
 public:
  explicit Cors(const CorsConfig& config);

  /// The whole answer to a request that only asks for permission; nothing for any other.
  std::optional<HttpReply> preflight(const wire::RequestHead& head) const;
  /// Adds what belongs to the answer of any request that is not a preflight.
  void add_headers(const wire::RequestHead& head, HttpReply& reply) const;

 private:
  struct Origin {
    std::string before, behind;  // the star
    bool has_star;
  };
  bool allows_origin(std::string_view origin) const;
  bool allows_headers(const wire::RequestHead& head) const;
  bool takes_name(std::string_view name, std::size_t& next) const;
  void allow_origin(std::string_view origin, HttpReply& reply) const;

  bool any_origin_ = false;
  bool any_header_ = false;
  std::vector<Origin> origins_;
  std::vector<std::string> headers_;  // in lower case, sorted, each once
  std::string exposed_;
  std::string max_age_;
};

}  // namespace stint::net
