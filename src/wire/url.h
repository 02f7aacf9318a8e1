// SPDX-License-Identifier: Apache-2.0
// Addresses as configuration and environment write them: URLs and host:port. Text only: names are resolved elsewhere.
// A refusal says which rule was broken, so that the user can be told.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stint::wire {

enum class UrlScheme : std::uint8_t { http, https, unix_socket };

struct Url {
  UrlScheme scheme = UrlScheme::http;
  std::string host;        // without brackets: "localhost", "::1"; empty for a Unix socket
  std::uint16_t port = 0;  // said, or 80 and 443; 0 for a Unix socket
  bool port_said = false;
  std::string path;   // as sent in a request line: "" or "/v1/traces"; for a Unix socket its file, decoded
  std::string query;  // without "?"

  /// What a Host header says: brackets around an IPv6 address, the port only where it is not the scheme's own.
  std::string authority() const;
  /// Path and query for a request line; "/" when there is no path.
  std::string target() const;
};

struct HostPort {
  std::string host;  // without brackets; empty for ":4318", which means every address
  std::uint16_t port = 0;
};

/// What is wrong with an address; it travels as Error::place of a malformed one.
enum class UrlMistake : std::uint16_t {
  none,
  scheme,    // not http, https or unix
  userinfo,  // user:password@
  host,      // missing, or holding characters that no host has
  brackets,  // [ without ], or an IPv6 address without them
  port,      // not a number from 0 to 65535 (in a URL from 1)
  no_port,   // host:port without :port
  path,      // blanks, control characters, a Unix socket without a file
  percent,   // % without two hexadecimal digits
};

/// The rest of a sentence that begins with the address: "must not hold user and password; use headers".
std::string_view to_text(UrlMistake mistake);

/// `http://host[:port][/path][?query]`, https the same, `unix:///file`. A fragment is dropped.
/// Fails: malformed, with a UrlMistake as place. Source: RFC 3986.
Result<Url> parse_url(std::string_view text);

/// `host:port`, `:port`, `[v6]:port`. Fails: malformed, with a UrlMistake as place.
Result<HostPort> parse_host_port(std::string_view text);

/// Appends `text` with every %XX as its byte. Fails: malformed (UrlMistake::percent); `out` is as before.
Result<> append_percent_decoded(std::string& out, std::string_view text);

}  // namespace stint::wire
