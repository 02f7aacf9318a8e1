// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 heads: parsing into views, and writing. No I/O and no allocation while parsing: every view points into the
// bytes that were given, so a head is valid as long as those bytes lie where they lay. The parser is strict: what two
// implementations could read in two ways (bare LF, obs-fold, length beside chunked) is refused. Bodies: chunked.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "base/result.h"

namespace stint::wire {

struct Header {
  std::string_view name, value;
};

/// ASCII only, as header names, schemes and codings compare.
bool equals_ignoring_case(std::string_view left, std::string_view right);
/// Of ASCII; anything else stays.
constexpr char lower_case(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// The header lines of one head, in their order. 3 KiB: lives in a connection, not in a coroutine frame.
class Headers {
 public:
  const Header* begin() const { return items_.data(); }
  const Header* end() const { return items_.data() + size_; }
  std::size_t size() const { return size_; }
  const Header& operator[](std::size_t index) const { return items_[index]; }

  /// The first value under `name`, in any case. A header with an empty value is found, too.
  std::optional<std::string_view> find(std::string_view name) const;
  /// As find(), with an empty view when there is none.
  std::string_view value(std::string_view name) const { return find(name).value_or(std::string_view()); }

  /// False when there is no room for one more.
  bool add(Header header);
  void clear() { size_ = 0; }

 private:
  std::array<Header, limits::http_headers_max> items_;
  std::size_t size_ = 0;
};

/// Where the body after a head ends. `until_close` occurs in responses only.
enum class BodyFraming : std::uint8_t { none, length, chunked, until_close };

/// Borrows: the bytes it was parsed from.
struct RequestHead {
  std::string_view method;
  std::string_view target;  // as sent: origin form, absolute form, or "*"
  int version_minor = 1;
  Headers headers;
  BodyFraming framing = BodyFraming::none;      // `length` also for a length of 0
  std::optional<std::uint64_t> content_length;  // said when framing is `length`
  bool keep_alive = true;
  bool expect_continue = false;

  bool chunked() const { return framing == BodyFraming::chunked; }
  /// The target without scheme, authority and query: "/v1/traces". Not percent-decoded.
  std::string_view path() const;
  /// The media type without its parameters, in the sender's case; empty when not said.
  std::string_view content_type() const;
  /// The Content-Encoding; empty when not said or "identity".
  std::string_view content_encoding() const;
};

/// Borrows: the bytes it was parsed from.
struct ResponseHead {
  int status = 0;
  std::string_view reason;
  int version_minor = 1;
  Headers headers;
  BodyFraming framing = BodyFraming::none;
  std::optional<std::uint64_t> content_length;  // as said, even when there is no body (HEAD, 304)
  bool keep_alive = true;                       // false as well when the body ends with the connection

  bool chunked() const { return framing == BodyFraming::chunked; }
  bool informational() const { return status < 200; }
  std::string_view content_type() const;
  std::string_view content_encoding() const;
};

/// Reads one head from the start of `bytes`. Returns the bytes it takes, or 0 when more bytes are needed.
/// `scanned` is 0 before the first call for a head and carried from call to call while more bytes are needed, so that
/// nothing is looked at twice; the bytes may have moved meanwhile. One empty line before a request is skipped.
/// Fails: malformed; too_large (over http_head_bytes_max); too_many (headers); unsupported (a version other than
/// HTTP/1.0 and 1.1, the HTTP/2 preface included, or a transfer coding other than chunked). `out` is then undefined.
/// Source: RFC 9112, sections 2 to 6.
Result<std::size_t> parse_request_head(std::string_view bytes, std::size_t& scanned, RequestHead& out);

/// As above for a response. `to_head_request`: the response answers HEAD and has no body whatever it says.
/// Responses 1xx, 204 and 304 have none either. Fails: as above, with response_head_bytes_max.
Result<std::size_t> parse_response_head(std::string_view bytes, std::size_t& scanned, ResponseHead& out,
                                        bool to_head_request = false);

/// Of a Content-Type: without its parameters.
std::string_view media_type(std::string_view content_type);

/// True when `text` can be a header's name, a method (a token); a header's value (no control characters).
bool is_token(std::string_view text);
bool is_header_value(std::string_view text);

/// Appends request line, Host, `headers` and the body's framing: Content-Length for a number, nothing for nullopt
/// (say Transfer-Encoding in `headers` then). Fails: malformed, when a part would break the head; `out` is as before.
Result<> append_request_head(std::string& out, std::string_view method, std::string_view target, std::string_view host,
                             std::span<const Header> headers, std::optional<std::uint64_t> content_length);

/// Appends status line, `headers`, framing as above, and `Connection: close` unless `keep_alive`.
/// Fails: malformed, when a part would break the head; `out` is as before.
Result<> append_response_head(std::string& out, int status, std::span<const Header> headers,
                              std::optional<std::uint64_t> content_length, bool keep_alive = true);

/// The phrase for a status line; "Unknown" for a status without one.
std::string_view reason_phrase(int status);

}  // namespace stint::wire
