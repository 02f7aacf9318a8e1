// SPDX-License-Identifier: Apache-2.0
#include "wire/json_reader.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "base/limits.h"
#include "wire/hex.h"

namespace stint::wire {

namespace {

void append_code_point(std::string& out, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

// The value of four hexadecimal digits, or a negative number when they are not there.
int unit_at(std::string_view text, std::size_t at) {
  if (at + 4 > text.size()) return -1;
  int unit = 0;
  for (std::size_t i = at; i < at + 4; ++i) {
    const int digit = hex_digit(text[i]);
    if (digit < 0) return -1;
    unit = unit << 4 | digit;
  }
  return unit;
}

// `at` stands behind the 'u' of an escape. Returns where the text goes on.
std::size_t append_unicode_escape(std::string& out, std::string_view text, std::size_t at) {
  constexpr std::uint32_t replacement = 0xFFFD;
  const int unit = unit_at(text, at);
  if (unit < 0) return at;
  at += 4;
  const auto code = static_cast<std::uint32_t>(unit);
  if (code < 0xD800 || code > 0xDFFF) {
    append_code_point(out, code);
    return at;
  }
  const bool pair_possible = code < 0xDC00 && text.substr(at, 2) == "\\u";
  const int low = pair_possible ? unit_at(text, at + 2) : -1;
  if (low >= 0xDC00 && low <= 0xDFFF) {
    append_code_point(out, 0x10000 + ((code - 0xD800) << 10) + (static_cast<std::uint32_t>(low) - 0xDC00));
    return at + 6;
  }
  append_code_point(out, replacement);
  return at;
}

char short_escape(char c) {
  switch (c) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return c;
  }
}

}  // namespace

void append_unescaped(std::string& out, std::string_view escaped) {
  std::size_t at = 0;
  while (at < escaped.size()) {
    const std::size_t slash = std::min(escaped.find('\\', at), escaped.size());
    out.append(escaped.substr(at, slash - at));
    if (slash + 1 >= escaped.size()) return;
    const char c = escaped[slash + 1];
    at = slash + 2;
    if (c == 'u') {
      at = append_unicode_escape(out, escaped, at);
    } else {
      out.push_back(short_escape(c));
    }
  }
}

Result<JsonToken> JsonReader::fail(ErrorCode code) {
  failed_ = true;
  failure_ = code;
  return Error{code};
}

void JsonReader::skip_space() {
  while (position_ < bytes_.size()) {
    const char c = bytes_[position_];
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return;
    ++position_;
  }
}

Result<JsonToken> JsonReader::next() {
  if (failed_) return Error{failure_};
  skip_space();
  escaped_ = false;
  char c = peek(position_);
  if (expect_ == Expect::comma_or_end && c == ',') {
    expect_ = in_object() ? Expect::key : Expect::value;
    ++position_;
    skip_space();
    c = peek(position_);
  }
  token_start_ = position_;
  switch (expect_) {
    case Expect::value: return value(c);
    case Expect::value_or_end: return c == ']' ? close(JsonToken::end_array) : value(c);
    case Expect::key: return read_key();
    case Expect::key_or_end: return c == '}' ? close(JsonToken::end_object) : read_key();
    case Expect::comma_or_end:
      if (c == (in_object() ? '}' : ']')) return close(in_object() ? JsonToken::end_object : JsonToken::end_array);
      break;
    case Expect::nothing:
      if (position_ == bytes_.size()) return JsonToken::end;
      break;
  }
  return fail(ErrorCode::malformed);
}

Result<JsonToken> JsonReader::value(char c) {
  if (c == '{') return open(JsonToken::begin_object);
  if (c == '[') return open(JsonToken::begin_array);
  if (c == '"') {
    if (!scan_string()) return fail(ErrorCode::malformed);
    expect_ = depth_ == 0 ? Expect::nothing : Expect::comma_or_end;
    return JsonToken::string;
  }
  if (c == '-' || (c >= '0' && c <= '9')) return number();
  return literal();
}

Result<JsonToken> JsonReader::open(JsonToken token) {
  if (depth_ == depth_max_) return fail(ErrorCode::too_deep);
  const auto bit = static_cast<std::uint8_t>(1u << (depth_ % 8));
  std::uint8_t& kinds = kinds_[depth_ / 8];
  const bool object = token == JsonToken::begin_object;
  // The first bit of a byte clears what an earlier level left or never was written.
  if (depth_ % 8 == 0) kinds = 0;
  kinds = static_cast<std::uint8_t>(object ? kinds | bit : kinds & ~bit);
  ++depth_;
  ++position_;
  text_ = bytes_.substr(token_start_, 1);
  expect_ = object ? Expect::key_or_end : Expect::value_or_end;
  return token;
}

Result<JsonToken> JsonReader::close(JsonToken token) {
  --depth_;
  return scalar(token, 1);
}

Result<JsonToken> JsonReader::scalar(JsonToken token, std::size_t size) {
  text_ = bytes_.substr(token_start_, size);
  position_ = token_start_ + size;
  expect_ = depth_ == 0 ? Expect::nothing : Expect::comma_or_end;
  return token;
}

Result<JsonToken> JsonReader::read_key() {
  if (peek(position_) != '"' || !scan_string()) return fail(ErrorCode::malformed);
  const std::string_view key = text_;
  skip_space();
  if (peek(position_) != ':') return fail(ErrorCode::malformed);
  ++position_;
  text_ = key;
  expect_ = Expect::value;
  return JsonToken::key;
}

Result<JsonToken> JsonReader::literal() {
  const std::string_view rest = bytes_.substr(position_);
  if (rest.starts_with("true")) return scalar(JsonToken::boolean, 4);
  if (rest.starts_with("false")) return scalar(JsonToken::boolean, 5);
  if (rest.starts_with("null")) return scalar(JsonToken::null, 4);
  return fail(ErrorCode::malformed);
}

std::size_t JsonReader::scan_digits(std::size_t at) const {
  while (peek(at) >= '0' && peek(at) <= '9') ++at;
  return at;
}

Result<JsonToken> JsonReader::number() {
  std::size_t at = position_;
  if (peek(at) == '-') ++at;
  const std::size_t integer = at;
  at = scan_digits(at);
  const bool leading_zero = at - integer > 1 && bytes_[integer] == '0';
  if (at == integer || leading_zero) return fail(ErrorCode::malformed);
  if (peek(at) == '.') {
    const std::size_t fraction = at + 1;
    at = scan_digits(fraction);
    if (at == fraction) return fail(ErrorCode::malformed);
  }
  if (peek(at) == 'e' || peek(at) == 'E') {
    ++at;
    if (peek(at) == '+' || peek(at) == '-') ++at;
    const std::size_t exponent = at;
    at = scan_digits(exponent);
    if (at == exponent) return fail(ErrorCode::malformed);
  }
  return scalar(JsonToken::number, at - position_);
}

// Leaves text_ at what stands between the quotes and position_ behind the second one.
bool JsonReader::scan_string() {
  const std::size_t start = ++position_;
  while (position_ < bytes_.size()) {
    const char c = bytes_[position_];
    if (c == '"') {
      text_ = bytes_.substr(start, position_ - start);
      ++position_;
      return true;
    }
    if (static_cast<unsigned char>(c) < 0x20) return false;
    if (c == '\\') {
      if (!scan_escape()) return false;
    } else {
      ++position_;
    }
  }
  return false;
}

bool JsonReader::scan_escape() {
  escaped_ = true;
  const char c = peek(position_ + 1);
  position_ += 2;
  if (c != 'u') return std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos;
  if (unit_at(bytes_, position_) < 0) return false;
  position_ += 4;
  return true;
}

Result<> JsonReader::skip(JsonToken token) {
  if (token == JsonToken::key) {
    const Result<JsonToken> value_token = next();
    if (!value_token) return value_token.error();
    token = *value_token;
  }
  if (token != JsonToken::begin_object && token != JsonToken::begin_array) return {};
  const std::uint32_t outside = depth_ - 1;
  while (depth_ > outside) {
    if (const Result<JsonToken> inner = next(); !inner) return inner.error();
  }
  return {};
}

namespace {

// The dotted place of the token at hand. Of each open level it knows where its own part begins.
class Path {
 public:
  std::string_view text() const { return text_; }
  void open(bool array) { levels_.push_back(Level{text_.size(), 0, array}); }
  void close() {
    text_.resize(levels_.back().start);
    levels_.pop_back();
  }
  void key(std::string_view raw) {
    text_.resize(levels_.back().start);
    dot();
    append_unescaped(text_, raw);
  }
  void element() {
    if (levels_.empty() || !levels_.back().array) return;
    text_.resize(levels_.back().start);
    dot();
    char digits[20];
    text_.append(digits, std::to_chars(digits, digits + sizeof digits, levels_.back().count++).ptr);
  }

 private:
  struct Level {
    std::size_t start;
    std::size_t count;
    bool array;
  };
  void dot() {
    if (!text_.empty()) text_.push_back('.');
  }
  std::string text_;
  std::vector<Level> levels_;
};

}  // namespace

Result<> parse_flat(std::string_view bytes, JsonScalarSink sink, void* context) {
  JsonReader reader(bytes, limits::nesting_max);
  Path path;
  std::string unescaped;
  for (;;) {
    const Result<JsonToken> token = reader.next();
    if (!token) return token.error();
    switch (*token) {
      case JsonToken::end: return {};
      case JsonToken::key: path.key(reader.text()); break;
      case JsonToken::begin_object:
      case JsonToken::begin_array:
        path.element();
        path.open(*token == JsonToken::begin_array);
        break;
      case JsonToken::end_object:
      case JsonToken::end_array: path.close(); break;
      case JsonToken::string:
      case JsonToken::number:
      case JsonToken::boolean:
      case JsonToken::null:
        path.element();
        unescaped.clear();
        if (reader.escaped()) append_unescaped(unescaped, reader.text());
        sink(context, path.text(), reader.escaped() ? std::string_view(unescaped) : reader.text(), *token);
        break;
    }
  }
}

}  // namespace stint::wire
