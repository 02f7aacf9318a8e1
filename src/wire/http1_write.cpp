// SPDX-License-Identifier: Apache-2.0
// The writer of heads. It refuses every part that could break out of its line, so that no value (a header from the
// configuration, an error text) can add headers of its own.
#include <algorithm>
#include <charconv>
#include <string>

#include "wire/http1.h"

namespace stint::wire {

namespace {

constexpr std::string_view token_marks = "!#$%&'*+-.^_`|~";

bool is_token_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         token_marks.find(c) != std::string_view::npos;
}

bool is_target(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) > 32 && c != 127; });
}

void append_number(std::string& out, std::uint64_t number) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

bool are_headers(std::span<const Header> headers) {
  return std::all_of(headers.begin(), headers.end(),
                     [](const Header& header) { return is_token(header.name) && is_header_value(header.value); });
}

void append_fields(std::string& out, std::span<const Header> headers, std::optional<std::uint64_t> content_length) {
  for (const Header& header : headers) {
    out.append(header.name).append(": ").append(header.value).append("\r\n");
  }
  if (!content_length) return;
  out.append("Content-Length: ");
  append_number(out, *content_length);
  out.append("\r\n");
}

struct Phrase {
  int status;
  std::string_view text;
};
constexpr Phrase phrases[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

}  // namespace

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_character);
}

bool is_header_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 32 && c != 127); });
}

std::string_view reason_phrase(int status) {
  for (const Phrase& phrase : phrases) {
    if (phrase.status == status) return phrase.text;
  }
  return "Unknown";
}

Result<> append_request_head(std::string& out, std::string_view method, std::string_view target, std::string_view host,
                             std::span<const Header> headers, std::optional<std::uint64_t> content_length) {
  if (!is_token(method) || !is_target(target) || !is_header_value(host) || !are_headers(headers)) {
    return Error{ErrorCode::malformed};
  }
  out.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: ").append(host).append("\r\n");
  append_fields(out, headers, content_length);
  out.append("\r\n");
  return {};
}

Result<> append_response_head(std::string& out, int status, std::span<const Header> headers,
                              std::optional<std::uint64_t> content_length, bool keep_alive) {
  if (status < 100 || status > 999 || !are_headers(headers)) return Error{ErrorCode::malformed};
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::uint64_t>(status));
  out.append(" ").append(reason_phrase(status)).append("\r\n");
  append_fields(out, headers, content_length);
  if (!keep_alive) out.append("Connection: close\r\n");
  out.append("\r\n");
  return {};
}

}  // namespace stint::wire
