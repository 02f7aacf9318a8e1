// SPDX-License-Identifier: Apache-2.0
// The parser: Boost.Beast reads the complete head in one call. Before it, a walk over the line ends finds where the
// head ends and refuses what Beast would accept or store elsewhere (obs-fold). After it, the transfer coding is judged
// here, for Beast passes an unknown one in silence. No Boost name leaves this file.
#include "wire/http1.h"

#include <boost/beast/http/basic_parser.hpp>
#include <cstring>

namespace stint::wire {

namespace {

namespace http = boost::beast::http;
using BoostView = boost::beast::string_view;

std::string_view view(BoostView text) { return {text.data(), text.size()}; }

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// What a head says about its body beyond Beast's own reading of it, and what is wrong with it.
struct Framing {
  Headers* headers = nullptr;
  std::optional<Error> error;
  bool transfer_encoding = false;

  void refuse(boost::system::error_code& code, ErrorCode reason) {
    if (!error) error = Error{reason};
    code = http::error::bad_field;
  }

  void on_field(http::field field, BoostView name, BoostView value, boost::system::error_code& code) {
    if (!headers->add(Header{view(name), view(value)})) return refuse(code, ErrorCode::too_many);
    if (field != http::field::transfer_encoding) return;
    transfer_encoding = true;
    if (equals_ignoring_case(view(value), "chunked")) return;
    const std::size_t comma = view(value).rfind(',');
    const bool chunked_last =
        comma != std::string_view::npos && equals_ignoring_case(trim(view(value).substr(comma + 1)), "chunked");
    refuse(code, chunked_last ? ErrorCode::unsupported : ErrorCode::malformed);
  }
};

template <bool is_request>
class HeadParser final : public http::basic_parser<is_request> {
 public:
  std::string_view method, target, reason;
  int version = 0;
  int status = 0;
  Framing framing;

 private:
  using Code = boost::system::error_code;
  void on_request_impl(http::verb, BoostView method_text, BoostView target_text, int number, Code&) override {
    method = view(method_text);
    target = view(target_text);
    version = number;
  }
  void on_response_impl(int code, BoostView reason_text, int number, Code&) override {
    status = code;
    reason = view(reason_text);
    version = number;
  }
  void on_field_impl(http::field field, BoostView name, BoostView value, Code& code) override {
    framing.on_field(field, name, value, code);
  }
  void on_header_impl(Code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Code&) override {}
  std::size_t on_body_impl(BoostView, Code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, BoostView, Code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, BoostView, Code&) override { return 0; }
  void on_finish_impl(Code&) override {}
};

// Walks the line ends from `scanned` on. The head's size, or 0 when its end has not come yet.
Result<std::size_t> find_head_end(std::string_view bytes, std::size_t& scanned, std::size_t size_max) {
  const std::string_view window = bytes.substr(0, size_max);
  for (;;) {
    const std::size_t feed = window.find('\n', scanned);
    if (feed == std::string_view::npos) {
      scanned = window.size();
      break;
    }
    if (feed == 0 || window[feed - 1] != '\r') return Error{ErrorCode::malformed};
    if (feed >= 2 && window[feed - 2] == '\n') return feed + 1;
    // The byte after a line says whether the line is folded; as long as it is missing this line end is not done.
    scanned = feed;
    if (feed + 1 == window.size()) break;
    if (window[feed + 1] == ' ' || window[feed + 1] == '\t') return Error{ErrorCode::malformed};
    scanned = feed + 1;
  }
  if (bytes.size() >= size_max) return Error{ErrorCode::too_large};
  return std::size_t{0};
}

Error map(const boost::system::error_code& code, const Framing& framing) {
  if (framing.error) return *framing.error;
  if (code == http::error::header_limit) return Error{ErrorCode::too_large};
  return Error{ErrorCode::malformed};
}

// True when the first line ends in an HTTP version that is well-formed, but none that we speak.
bool speaks_other_version(std::string_view head) {
  const std::string_view line = head.substr(0, head.find('\r'));
  const std::size_t at = line.rfind("HTTP/");
  if (at == std::string_view::npos) return false;
  const std::string_view version = line.substr(at + 5, 3);
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return version.size() == 3 && digit(version[0]) && version[1] == '.' && digit(version[2]) && version != "1.0" &&
         version != "1.1";
}

template <bool is_request>
Result<> run(HeadParser<is_request>& parser, std::string_view head, Headers& headers) {
  headers.clear();
  parser.framing.headers = &headers;
  parser.header_limit(static_cast<std::uint32_t>(head.size() + 1));
  parser.body_limit(boost::none);
  boost::system::error_code code;
  // Some servers leave out the reason together with the blank before it; Beast insists on the blank.
  constexpr std::size_t bare_status_bytes = sizeof "HTTP/1.1 200\r\n" - 1;
  if (!is_request && head.size() > bare_status_bytes && head[bare_status_bytes - 2] == '\r') {
    char line[bare_status_bytes + 1];
    std::memcpy(line, head.data(), bare_status_bytes - 2);
    std::memcpy(line + bare_status_bytes - 2, " \r\n", 3);
    parser.put(boost::asio::const_buffer(line, sizeof line), code);
    if (code != http::error::need_more) return map(code, parser.framing);
    parser.reason = {};
    head.remove_prefix(bare_status_bytes);
  }
  parser.put(boost::asio::const_buffer(head.data(), head.size()), code);
  if (code) return map(code, parser.framing);
  if (!parser.is_header_done()) return Error{ErrorCode::malformed};
  // A transfer coding is not known to HTTP/1.0, so nobody can say where such a body ends.
  if (parser.framing.transfer_encoding && parser.version < 11) return Error{ErrorCode::malformed};
  return {};
}

std::string_view coding(const Headers& headers) {
  const std::string_view value = headers.value("content-encoding");
  return equals_ignoring_case(value, "identity") ? std::string_view() : value;
}

}  // namespace

bool equals_ignoring_case(std::string_view left, std::string_view right) {
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (lower_case(left[i]) != lower_case(right[i])) return false;
  }
  return true;
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
  for (const Header& header : *this) {
    if (equals_ignoring_case(header.name, name)) return header.value;
  }
  return std::nullopt;
}

bool Headers::add(Header header) {
  if (size_ == items_.size()) return false;
  items_[size_++] = header;
  return true;
}

std::string_view RequestHead::path() const {
  std::string_view rest = target;
  if (!rest.starts_with('/')) {
    const std::size_t scheme = rest.find("://");
    if (scheme != std::string_view::npos) {
      const std::size_t slash = rest.find_first_of("/?", scheme + 3);
      if (slash == std::string_view::npos || rest[slash] == '?') return "/";
      rest.remove_prefix(slash);
    }
  }
  return rest.substr(0, rest.find('?'));
}

std::string_view media_type(std::string_view content_type) {
  return trim(content_type.substr(0, content_type.find(';')));
}

std::string_view RequestHead::content_type() const { return media_type(headers.value("content-type")); }
std::string_view RequestHead::content_encoding() const { return coding(headers); }
std::string_view ResponseHead::content_type() const { return media_type(headers.value("content-type")); }
std::string_view ResponseHead::content_encoding() const { return coding(headers); }

Result<std::size_t> parse_request_head(std::string_view bytes, std::size_t& scanned, RequestHead& out) {
  const std::size_t skipped = bytes.starts_with("\r\n") ? 2 : 0;
  if (scanned < skipped) scanned = skipped;
  const std::string_view first = bytes.substr(skipped, 1);
  // A TLS hello or a stray body is refused at its first byte, not after a head's worth of it.
  if (first.empty() || bytes == "\r") return std::size_t{0};
  if (!is_token(first)) return Error{ErrorCode::malformed};
  const Result<std::size_t> end = find_head_end(bytes, scanned, limits::http_head_bytes_max);
  if (!end) return end.error();
  if (*end == 0) return std::size_t{0};
  const std::string_view head = bytes.substr(skipped, *end - skipped);
  if (speaks_other_version(head)) return Error{ErrorCode::unsupported};

  HeadParser<true> parser;
  if (const Result<> parsed = run(parser, head, out.headers); !parsed) return parsed.error();
  out.method = parser.method;
  out.target = parser.target;
  out.version_minor = parser.version - 10;
  out.content_length.reset();
  out.framing = BodyFraming::none;
  if (const auto length = parser.content_length()) {
    out.content_length = *length;
    out.framing = BodyFraming::length;
  } else if (parser.chunked()) {
    out.framing = BodyFraming::chunked;
  }
  out.keep_alive = parser.keep_alive();
  out.expect_continue = out.version_minor == 1 && equals_ignoring_case(out.headers.value("expect"), "100-continue");
  return *end;
}

Result<std::size_t> parse_response_head(std::string_view bytes, std::size_t& scanned, ResponseHead& out,
                                        bool to_head_request) {
  if (!bytes.empty() && bytes.front() != 'H') return Error{ErrorCode::malformed};
  const Result<std::size_t> end = find_head_end(bytes, scanned, limits::response_head_bytes_max);
  if (!end) return end.error();
  if (*end == 0) return std::size_t{0};
  const std::string_view head = bytes.substr(0, *end);
  if (speaks_other_version(head)) return Error{ErrorCode::unsupported};

  HeadParser<false> parser;
  parser.skip(to_head_request);
  if (const Result<> parsed = run(parser, head, out.headers); !parsed) return parsed.error();
  if (parser.status < 100) return Error{ErrorCode::malformed};
  out.status = parser.status;
  out.reason = parser.reason;
  out.version_minor = parser.version - 10;
  out.content_length.reset();
  if (const auto length = parser.content_length()) out.content_length = *length;
  const bool bodiless = to_head_request || parser.status < 200 || parser.status == 204 || parser.status == 304;
  if (bodiless) {
    out.framing = BodyFraming::none;
  } else if (out.content_length) {
    out.framing = BodyFraming::length;
  } else {
    out.framing = parser.chunked() ? BodyFraming::chunked : BodyFraming::until_close;
  }
  out.keep_alive = parser.keep_alive();
  return *end;
}

}  // namespace stint::wire
