// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 heads: read in one go and piece by piece they are the same; views lie in the bytes; what was read can be
// written and read again. Input: a byte of settings, then the bytes of a connection.
#include <vector>

#include "fuzz/fuzz.h"
#include "wire/http1.h"

namespace stint::fuzz {
namespace {

using wire::Header;
using wire::Headers;

void check_headers(const Headers& headers, std::string_view bytes) {
  for (const Header& header : headers) {
    STINT_CHECK(lies_within(header.name, bytes) && lies_within(header.value, bytes));
    STINT_CHECK(wire::is_token(header.name) && wire::is_header_value(header.value));
    STINT_CHECK(headers.find(header.name).has_value());
  }
}

void check_same(const Headers& left, const Headers& right) {
  STINT_CHECK(left.size() == right.size());
  for (std::size_t i = 0; i < left.size(); ++i) {
    STINT_CHECK(left[i].name == right[i].name && left[i].value == right[i].value);
  }
}

// What a writer adds by itself.
std::vector<Header> without_framing(const Headers& headers) {
  std::vector<Header> kept;
  for (const Header& header : headers) {
    bool own = false;
    for (const std::string_view name : {"Host", "Content-Length", "Transfer-Encoding", "Connection"}) {
      own = own || wire::equals_ignoring_case(header.name, name);
    }
    if (!own) kept.push_back(header);
  }
  return kept;
}

// Reads as a connection does: each time with `step` bytes more, in memory that moves. `parse` is called with
// (bytes, scanned) and returns what the parser does.
template <typename Parse>
Result<std::size_t> read_stepwise(std::string_view bytes, std::size_t step, Parse parse) {
  std::size_t scanned = 0;
  for (std::size_t size = 0; size < bytes.size();) {
    size = std::min(size + step, bytes.size());
    const ExactCopy so_far(bytes.substr(0, size));
    const Result<std::size_t> taken = parse(so_far.view(), scanned);
    if (!taken || *taken > 0) return taken;
    STINT_CHECK(scanned <= size);
  }
  return std::size_t{0};
}

void run_request(std::string_view bytes, std::size_t step, std::string_view input) {
  wire::RequestHead head;
  std::size_t scanned = 0;
  const Result<std::size_t> taken = wire::parse_request_head(bytes, scanned, head);
  std::size_t fields = 0;
  const Result<std::size_t> again = read_stepwise(bytes, step, [&](std::string_view part, std::size_t& seen) {
    wire::RequestHead other;
    const Result<std::size_t> size = wire::parse_request_head(part, seen, other);
    if (taken && size && *size > 0) {
      STINT_CHECK(other.method == head.method && other.target == head.target && other.framing == head.framing);
      STINT_CHECK(other.keep_alive == head.keep_alive && other.content_length == head.content_length);
      check_same(other.headers, head.headers);
      fields = other.headers.size();
    }
    return size;
  });
  STINT_CHECK(taken.has_value() == again.has_value());
  if (!taken || *taken == 0) return;
  STINT_CHECK(*taken <= bytes.size() && *taken == *again && fields == head.headers.size());
  STINT_CHECK(lies_within(head.target, bytes) && wire::is_token(head.method));
  STINT_CHECK(head.path() == "/" || lies_within(head.path(), bytes));
  check_headers(head.headers, bytes);
  plant_bug({head.headers.size() >= 3, !head.keep_alive}, input);

  std::string written;
  const std::vector<Header> kept = without_framing(head.headers);
  if (kept.size() + 3 > limits::http_headers_max) return;
  if (!wire::append_request_head(written, head.method, head.target, "localhost", kept, 5)) return;
  wire::RequestHead reread;
  scanned = 0;
  const Result<std::size_t> size = wire::parse_request_head(written, scanned, reread);
  STINT_CHECK(size && *size == written.size() && reread.content_length == 5u);
  STINT_CHECK(reread.method == head.method && reread.target == head.target);
}

void run_response(std::string_view bytes, std::size_t step, bool to_head_request) {
  wire::ResponseHead head;
  std::size_t scanned = 0;
  const Result<std::size_t> taken = wire::parse_response_head(bytes, scanned, head, to_head_request);
  const Result<std::size_t> again = read_stepwise(bytes, step, [&](std::string_view part, std::size_t& seen) {
    wire::ResponseHead other;
    const Result<std::size_t> size = wire::parse_response_head(part, seen, other, to_head_request);
    if (taken && size && *size > 0) {
      STINT_CHECK(other.status == head.status && other.framing == head.framing);
      STINT_CHECK(other.keep_alive == head.keep_alive && other.content_length == head.content_length);
      check_same(other.headers, head.headers);
    }
    return size;
  });
  STINT_CHECK(taken.has_value() == again.has_value());
  if (!taken || *taken == 0) return;
  STINT_CHECK(*taken <= bytes.size() && *taken == *again);
  check_headers(head.headers, bytes);
  STINT_CHECK(!to_head_request || head.framing == wire::BodyFraming::none);

  std::string written;
  const std::vector<Header> kept = without_framing(head.headers);
  if (kept.size() + 3 > limits::http_headers_max) return;
  if (!wire::append_response_head(written, head.status, kept, 0, head.keep_alive)) return;
  wire::ResponseHead reread;
  scanned = 0;
  const Result<std::size_t> size = wire::parse_response_head(written, scanned, reread);
  STINT_CHECK(size && *size == written.size() && reread.status == head.status);
}

}  // namespace

void run(std::string_view bytes) {
  Input input(bytes);
  const std::uint8_t settings = input.byte();
  const std::size_t step = 1 + settings / 4 * 2;
  if (settings % 4 < 2) return run_request(input.rest(), step, bytes);
  run_response(input.rest(), step, settings % 4 == 3);
}

}  // namespace stint::fuzz
