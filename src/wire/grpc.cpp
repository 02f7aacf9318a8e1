// SPDX-License-Identifier: Apache-2.0
#include "wire/grpc.h"

#include <iterator>

#include "base/check.h"
#include "base/log.h"
#include "wire/base64.h"
#include "wire/hex.h"

namespace stint::wire {
namespace {

constexpr std::string_view hex_upper = "0123456789ABCDEF";
constexpr std::string_view hex_lower = "0123456789abcdef";
constexpr std::string_view replacement = "\xef\xbf\xbd";
constexpr std::size_t quoted_bytes_max = 200;

bool is_continuation(std::string_view text, std::size_t at) {
  return at < text.size() && (static_cast<std::uint8_t>(text[at]) & 0xc0) == 0x80;
}

// Bytes of the UTF-8 sequence at the front, 0 when it is none. Source: RFC 3629.
std::size_t sequence_size(std::string_view text) {
  const auto lead = static_cast<std::uint8_t>(text[0]);
  if (lead < 0x80) return 1;
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if (!is_continuation(text, i)) return 0;
  }
  const auto second = static_cast<std::uint8_t>(text[1]);
  const bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
  const bool outside = (lead == 0xed && second >= 0xa0) || (lead == 0xf4 && second >= 0x90);
  return overlong || outside ? 0 : size;
}

void append_percent(std::string& out, std::string_view bytes) {
  for (const char c : bytes) {
    const auto byte = static_cast<std::uint8_t>(c);
    out.append({'%', hex_upper[byte >> 4], hex_upper[byte & 15]});
  }
}

struct TimeoutUnit {
  char letter;
  std::int64_t nanoseconds;
};
// From the shortest on.
constexpr TimeoutUnit timeout_units[] = {
    {'n', 1}, {'u', 1'000}, {'m', 1'000'000}, {'S', 1'000'000'000}, {'M', 60'000'000'000}, {'H', 3'600'000'000'000}};

// 0: there is no such unit.
std::int64_t unit_nanoseconds(char letter) {
  for (const TimeoutUnit& unit : timeout_units) {
    if (unit.letter == letter) return unit.nanoseconds;
  }
  return 0;
}

void append_quoted(std::string& out, char c) {
  const auto byte = static_cast<std::uint8_t>(c);
  if (c == '"' || c == '\\') {
    out.append({'\\', c});
  } else if (c == '\n') {
    out.append("\\n");
  } else if (c == '\r') {
    out.append("\\r");
  } else if (c == '\t') {
    out.append("\\t");
  } else if (byte < 0x20 || byte >= 0x7f) {
    out.append({'\\', 'x', hex_lower[byte >> 4], hex_lower[byte & 15]});
  } else {
    out.push_back(c);
  }
}

}  // namespace

GrpcPrefix parse_grpc_prefix(std::string_view bytes) {
  STINT_CHECK(bytes.size() >= grpc_prefix_bytes);
  GrpcPrefix prefix{.format = static_cast<std::uint8_t>(bytes[0])};
  for (std::size_t i = 1; i < grpc_prefix_bytes; ++i) {
    prefix.size = prefix.size << 8 | static_cast<std::uint8_t>(bytes[i]);
  }
  return prefix;
}

void append_grpc_prefix(std::string& out, GrpcPrefix prefix) {
  out.push_back(static_cast<char>(prefix.format));
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(prefix.size >> shift));
}

bool is_grpc_content_type(std::string_view value) {
  constexpr std::string_view base = "application/grpc";
  if (!value.starts_with(base)) return false;
  return value.size() == base.size() || value[base.size()] == '+' || value[base.size()] == ';';
}

Result<Nanoseconds> parse_grpc_timeout(std::string_view value, std::string& mistake) {
  const auto wrong = [&](std::string_view what, std::string_view shown) {
    mistake = concat(what, in_quotes(shown));
    return Error{ErrorCode::malformed};
  };
  if (value.size() < 2) return wrong("transport: timeout string is too short: ", value);
  if (value.size() > 9) return wrong("transport: timeout string is too long: ", value);
  const std::int64_t unit = unit_nanoseconds(value.back());
  if (unit == 0) return wrong("transport: timeout unit is not recognized: ", value);
  const std::string_view digits = value.substr(0, value.size() - 1);
  std::int64_t count = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') {
      mistake = concat("strconv.ParseUint: parsing ", in_quotes(digits), ": invalid syntax");
      return Error{ErrorCode::malformed};
    }
    count = count * 10 + (c - '0');
  }
  if (count > Nanoseconds::max().count() / unit) return Nanoseconds::max();
  return Nanoseconds(count * unit);
}

std::string grpc_timeout_text(Nanoseconds timeout) {
  constexpr std::int64_t digits_max = 99'999'999;
  const TimeoutUnit* unit = timeout_units;
  while (unit->letter != 'H' && timeout.count() / unit->nanoseconds > digits_max) ++unit;
  return concat(timeout.count() / unit->nanoseconds, unit->letter);
}

std::string encode_grpc_message(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t size = sequence_size(text);
    if (size == 0) {
      append_percent(out, replacement);
    } else if (size == 1 && text[0] >= ' ' && text[0] <= '~' && text[0] != '%') {
      out.push_back(text[0]);
    } else {
      append_percent(out, text.substr(0, size));
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return out;
}

std::string encode_binary_header(std::string_view bytes) {
  std::string out;
  append_base64(out, bytes);
  while (!out.empty() && out.back() == '=') out.pop_back();
  return out;
}

std::string decode_grpc_message(std::string_view value) {
  std::string out;
  for (std::size_t at = 0; at < value.size(); ++at) {
    const int high = at + 2 < value.size() ? hex_digit(value[at + 1]) : -1;
    const int low = high >= 0 ? hex_digit(value[at + 2]) : -1;
    if (value[at] != '%' || low < 0) {
      out.push_back(value[at]);
      continue;
    }
    out.push_back(static_cast<char>(high << 4 | low));
    at += 2;
  }
  return out;
}

Result<std::string> decode_binary_header(std::string_view value) {
  std::string padded(value);
  while (padded.size() % 4 != 0) padded.push_back('=');
  std::string out;
  if (const Result<> read = append_from_base64(out, padded); !read) return read.error();
  return out;
}

RpcCode code_of_http_status(int status) {
  switch (status) {
    case 400: return RpcCode::internal;
    case 401: return RpcCode::unauthenticated;
    case 403: return RpcCode::permission_denied;
    case 404: return RpcCode::unimplemented;
    case 429:
    case 502:
    case 503:
    case 504: return RpcCode::unavailable;
    default: return RpcCode::unknown;
  }
}

std::string_view name(RpcCode code) {
  constexpr std::string_view names[] = {
      "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
      "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
      "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
      "DataLoss", "Unauthenticated"};
  const auto index = static_cast<std::size_t>(code);
  return index < std::size(names) ? names[index] : "an unknown code";
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, quoted_bytes_max)) append_quoted(out, c);
  out.append(text.size() > quoted_bytes_max ? "...\"" : "\"");
  return out;
}

}  // namespace stint::wire
