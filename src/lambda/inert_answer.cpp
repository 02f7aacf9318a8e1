// SPDX-License-Identifier: Apache-2.0
#include "lambda/inert_answer.h"

#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "otlp/status.h"

namespace stint::lambda {
namespace {

constexpr std::string_view head_end = "\r\n\r\n";
constexpr std::string_view http2_preface = "PRI * HTTP/2.0\r\n";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_media_type(std::string_view head, std::string_view type) {
  const std::string_view value = header_value(head, "Content-Type");
  return equals_ignoring_case(without_blanks(value.substr(0, value.find(';'))), type);
}

}  // namespace

std::string_view header_value(std::string_view head, std::string_view name) {
  for (std::size_t at = head.find("\r\n"); at != head.npos;) {
    const std::size_t begin = at + 2;
    at = head.find("\r\n", begin);
    const std::string_view line = head.substr(begin, at == head.npos ? head.npos : at - begin);
    const std::size_t colon = line.find(':');
    if (colon != line.npos && equals_ignoring_case(line.substr(0, colon), name)) {
      return without_blanks(line.substr(colon + 1));
    }
  }
  return {};
}

std::optional<InertAnswer> whole_answer(std::string_view bytes, bool ended) {
  const std::size_t end = bytes.find(head_end);
  if (end == bytes.npos) return std::nullopt;
  InertAnswer answer;
  answer.head = bytes.substr(0, end);
  answer.body = bytes.substr(end + head_end.size());
  if (answer.head.size() >= 12) std::from_chars(answer.head.data() + 9, answer.head.data() + 12, answer.status);
  if (ended) return answer;
  if (equals_ignoring_case(header_value(answer.head, "Transfer-Encoding"), "chunked")) {
    if (answer.body.ends_with("0\r\n\r\n")) return answer;
    return std::nullopt;
  }
  const std::string_view length = header_value(answer.head, "Content-Length");
  std::size_t size = 0;
  const auto read = std::from_chars(length.data(), length.data() + length.size(), size);
  if (length.empty() || read.ec != std::errc() || answer.body.size() < size) return std::nullopt;
  return answer;
}

bool is_shutdown(std::string_view body) {
  constexpr std::string_view key = "\"eventType\"", value = "\"SHUTDOWN\"";
  std::size_t at = body.find(key);
  if (at == body.npos) return false;
  at = body.find_first_not_of(" \t\r\n:", at + key.size());
  return at != body.npos && body.substr(at).starts_with(value);
}

DoorStep look_at_request(std::string_view bytes) {
  if (bytes.empty()) return DoorStep::read_on;
  // A TLS handshake: whoever speaks HTTPS does not understand an answer in clear.
  if (bytes.front() < 'A' || bytes.front() > 'z') return DoorStep::close;
  if (bytes.starts_with(http2_preface)) return DoorStep::close;
  return bytes.find(head_end) == bytes.npos ? DoorStep::read_on : DoorStep::answer;
}

std::string refusal(std::string_view head, std::string_view text) {
  const otlp::RpcStatus status{otlp::RpcCode::internal, std::string(text), std::nullopt};
  std::string_view type = "text/plain; charset=utf-8";
  std::string body;
  if (is_media_type(head, "application/json")) {
    type = "application/json";
    body = otlp::encode_status_json(status);
  } else if (is_media_type(head, "application/x-protobuf")) {
    type = "application/x-protobuf";
    body = otlp::encode_status(status);
  } else {
    body = concat(text, "\n");
  }
  return concat("HTTP/1.1 400 Bad Request\r\nContent-Type: ", type, "\r\nContent-Length: ", body.size(),
                "\r\nConnection: close\r\n\r\n", body);
}

std::string_view delivery_answer() { return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"; }

}  // namespace stint::lambda
