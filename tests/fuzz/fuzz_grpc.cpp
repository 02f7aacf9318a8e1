// SPDX-License-Identifier: Apache-2.0
// The little languages of gRPC: a timeout is within its grammar, a message comes back from its encoding, what is shown
// of a client is printable. Input: a byte that chooses, then the text.
#include "fuzz/fuzz.h"
#include "otlp/utf8.h"
#include "wire/grpc.h"

namespace stint::fuzz {
namespace {

int hex_value(char c) { return c <= '9' ? c - '0' : c - 'A' + 10; }

// The reader of the other side, as the specification has it.
std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    STINT_CHECK(text[i] >= ' ' && text[i] <= '~');
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    STINT_CHECK(i + 2 < text.size());
    out.push_back(static_cast<char>(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2])));
    i += 2;
  }
  return out;
}

void run_timeout(std::string_view text, std::string_view input) {
  std::string mistake;
  const Result<Nanoseconds> timeout = wire::parse_grpc_timeout(text, mistake);
  STINT_CHECK(timeout.has_value() == mistake.empty());
  if (!timeout) {
    for (const char c : mistake) STINT_CHECK(c >= ' ' && c <= '~');
    return;
  }
  STINT_CHECK(*timeout >= Nanoseconds::zero() && text.size() >= 2 && text.size() <= 9);
  plant_bug({text.back() == 'M', text.front() == '7', text.size() == 4}, input);
}

void run_message(std::string_view text) {
  std::string expected(otlp::repaired_utf8_size(text), '\0');
  otlp::write_repaired_utf8(expected.data(), text);
  const std::string back = decoded(wire::encode_grpc_message(text));
  // Both replace what is wrong, in pieces of their own choice.
  STINT_CHECK(otlp::repaired_utf8_size(back) == back.size());
  if (expected == text) STINT_CHECK(back == text);
}

void run_prefix(std::string_view text) {
  if (text.size() < wire::grpc_prefix_bytes) return;
  std::string written;
  wire::append_grpc_prefix(written, wire::parse_grpc_prefix(text));
  STINT_CHECK(written == text.substr(0, wire::grpc_prefix_bytes));
}

}  // namespace

void run(std::string_view bytes) {
  Input input(bytes);
  switch (input.byte() % 4) {
    case 0: return run_timeout(input.rest(), bytes);
    case 1: return run_message(input.rest());
    case 2: return run_prefix(input.rest());
    default:
      (void)wire::is_grpc_content_type(input.rest());
      for (const char c : wire::in_quotes(input.rest())) STINT_CHECK(c >= ' ' && c <= '~');
      for (const char c : wire::encode_binary_header(input.rest())) STINT_CHECK(c != '=');
  }
}

}  // namespace stint::fuzz
