// SPDX-License-Identifier: Apache-2.0
#include "net/cors.h"

#include <algorithm>

#include "base/log.h"

namespace stint::net {
namespace {

constexpr std::string_view asked_method = "access-control-request-method";
constexpr std::string_view asked_headers = "access-control-request-headers";
// RFC 9110, section 5.6.1: a reasonable number of empty elements is passed over.
constexpr std::size_t empty_elements_max = 16;

std::string lowered(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return result;
}

// As Go writes a header's name: each word with one capital.
std::string canonical(std::string_view name) {
  std::string result = lowered(name);
  bool begins = true;
  for (char& c : result) {
    if (begins && c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    begins = c == '-';
  }
  return result;
}

bool is_allowed_method(std::string_view method) {
  return method == "GET" || method == "POST" || method == "HEAD" || method == "OPTIONS";
}

bool is_preflight(const wire::RequestHead& head) {
  return head.method == "OPTIONS" && !head.headers.value(asked_method).empty();
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// At most one blank on either side, as browsers send; more is no list of a browser.
bool trim_one_blank(std::string_view& name) {
  if (!name.empty() && is_blank(name.back())) name.remove_suffix(1);
  if (!name.empty() && is_blank(name.front())) name.remove_prefix(1);
  return name.empty() || (!is_blank(name.front()) && !is_blank(name.back()));
}

}  // namespace

void CorsConfig::validate(const config::Report& report) const {
  if (allowed_origins.empty() && !allowed_headers.empty()) {
    report.warn("allowed_headers", "without effect, because there are no allowed_origins");
  }
  for (const std::string& name : exposed_headers) {
    if (!wire::is_token(name)) report.error("exposed_headers", concat("'", name, "' is no name of a header"));
  }
}

Cors::Cors(const CorsConfig& config) {
  for (const std::string& written : config.allowed_origins) {
    const std::string origin = lowered(written);
    const std::size_t star = origin.find('*');
    any_origin_ = any_origin_ || origin == "*";
    if (star == std::string::npos) {
      origins_.push_back({origin, {}, false});
    } else {
      origins_.push_back({origin.substr(0, star), origin.substr(star + 1), true});
    }
  }
  for (const std::string& name : config.allowed_headers) {
    any_header_ = any_header_ || name == "*";
    headers_.push_back(lowered(name));
  }
  if (headers_.empty()) headers_ = {"accept", "content-type", "x-requested-with"};
  std::sort(headers_.begin(), headers_.end());
  headers_.erase(std::unique(headers_.begin(), headers_.end()), headers_.end());
  for (const std::string& name : config.exposed_headers) {
    exposed_ += concat(exposed_.empty() ? "" : ", ", canonical(name));
  }
  if (config.max_age != 0) max_age_ = concat(std::max<std::int64_t>(config.max_age, 0));
}

bool Cors::allows_origin(std::string_view origin) const {
  if (any_origin_) return true;
  const std::string asked = lowered(origin);
  return std::any_of(origins_.begin(), origins_.end(), [&](const Origin& one) {
    if (!one.has_star) return asked == one.before;
    return asked.size() >= one.before.size() + one.behind.size() && asked.starts_with(one.before) &&
           asked.ends_with(one.behind);
  });
}

// Browsers list the names sorted and each once, in lower case: anything else is not from a browser. `next`: the place
// in headers_ behind the last one.
bool Cors::takes_name(std::string_view name, std::size_t& next) const {
  const auto found = std::lower_bound(headers_.begin(), headers_.end(), name);
  if (found == headers_.end() || *found != name) return false;
  const auto place = static_cast<std::size_t>(found - headers_.begin());
  if (place < next) return false;
  next = place + 1;
  return true;
}

bool Cors::allows_headers(const wire::RequestHead& head) const {
  if (any_header_) return true;
  std::size_t next = 0;
  std::size_t empty_elements = 0;
  for (const wire::Header& header : head.headers) {
    if (!wire::equals_ignoring_case(header.name, asked_headers)) continue;
    std::string_view rest = header.value;
    for (bool more = true; more;) {
      const std::size_t comma = rest.find(',');
      more = comma != std::string_view::npos;
      std::string_view name = rest.substr(0, comma);
      if (more) rest.remove_prefix(comma + 1);
      if (!trim_one_blank(name)) return false;
      if (name.empty() ? ++empty_elements > empty_elements_max : !takes_name(name, next)) return false;
    }
  }
  return true;
}

void Cors::allow_origin(std::string_view origin, HttpReply& reply) const {
  reply.headers.emplace_back("Access-Control-Allow-Origin", any_origin_ ? "*" : origin);
}

std::optional<HttpReply> Cors::preflight(const wire::RequestHead& head) const {
  if (!is_preflight(head)) return std::nullopt;
  HttpReply reply{.status = 204};
  reply.headers.emplace_back("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
  const std::string_view origin = head.headers.value("origin");
  const std::string_view method = head.headers.value(asked_method);
  if (origin.empty() || !allows_origin(origin) || !is_allowed_method(method) || !allows_headers(head)) return reply;
  allow_origin(origin, reply);
  reply.headers.emplace_back("Access-Control-Allow-Methods", method);
  if (!head.headers.value(asked_headers).empty()) {
    for (const wire::Header& header : head.headers) {
      if (!wire::equals_ignoring_case(header.name, asked_headers)) continue;
      reply.headers.emplace_back("Access-Control-Allow-Headers", header.value);
    }
  }
  reply.headers.emplace_back("Access-Control-Allow-Credentials", "true");
  if (!max_age_.empty()) reply.headers.emplace_back("Access-Control-Max-Age", max_age_);
  return reply;
}

void Cors::add_headers(const wire::RequestHead& head, HttpReply& reply) const {
  if (is_preflight(head)) return;
  reply.headers.emplace_back("Vary", "Origin");
  const std::string_view origin = head.headers.value("origin");
  if (origin.empty() || !allows_origin(origin) || !is_allowed_method(head.method)) return;
  allow_origin(origin, reply);
  if (!exposed_.empty()) reply.headers.emplace_back("Access-Control-Expose-Headers", exposed_);
  reply.headers.emplace_back("Access-Control-Allow-Credentials", "true");
}

}  // namespace stint::net
