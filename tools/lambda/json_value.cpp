// SPDX-License-Identifier: Apache-2.0
#include "tools/lambda/json_value.h"

#include <charconv>

#include "tools/lambda/json_writer.h"

namespace stint::platform {
namespace {

constexpr int depth_max = 64;

void append_utf8(std::string& out, std::uint32_t code) {
  const auto push = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) return push(code);
  if (code < 0x800) {
    push(0xC0 | code >> 6);
  } else {
    if (code < 0x10000) {
      push(0xE0 | code >> 12);
    } else {
      push(0xF0 | code >> 18);
      push(0x80 | (code >> 12 & 0x3F));
    }
    push(0x80 | (code >> 6 & 0x3F));
  }
  push(0x80 | (code & 0x3F));
}

// A cursor over the text; every function leaves it behind what it read and answers false for what is not JSON.
class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  bool document(JsonValue& out) {
    if (!value(out, 0)) return false;
    skip_space();
    return rest_.empty();
  }

 private:
  void skip_space() {
    while (!rest_.empty() && std::string_view(" \t\r\n").find(rest_[0]) != std::string_view::npos) {
      rest_.remove_prefix(1);
    }
  }

  bool take(std::string_view token) {
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }

  bool value(JsonValue& out, int depth) {
    skip_space();
    if (depth > depth_max || rest_.empty()) return false;
    switch (rest_[0]) {
      case '{': return out.kind = JsonValue::Kind::object, container(out, '}', depth);
      case '[': return out.kind = JsonValue::Kind::array, container(out, ']', depth);
      case '"': return out.kind = JsonValue::Kind::string, string(out.text);
      case 't': return out.kind = JsonValue::Kind::boolean, out.boolean = true, take("true");
      case 'f': return out.kind = JsonValue::Kind::boolean, take("false");
      case 'n': return take("null");
      default: return out.kind = JsonValue::Kind::number, number(out.text);
    }
  }

  bool container(JsonValue& out, char end, int depth) {
    rest_.remove_prefix(1);
    skip_space();
    if (take({&end, 1})) return true;
    for (;;) {
      if (end == '}') {
        skip_space();
        if (!string(out.keys.emplace_back())) return false;
        skip_space();
        if (!take(":")) return false;
      }
      if (!value(out.items.emplace_back(), depth + 1)) return false;
      skip_space();
      if (take({&end, 1})) return true;
      if (!take(",")) return false;
    }
  }

  bool digits(std::size_t& at) const {
    const std::size_t first = at;
    while (at < rest_.size() && rest_[at] >= '0' && rest_[at] <= '9') ++at;
    return at > first;
  }

  bool number(std::string& out) {
    std::size_t at = rest_.starts_with('-') ? 1 : 0;
    const std::size_t whole = at;
    if (!digits(at) || (rest_[whole] == '0' && at > whole + 1)) return false;
    if (at < rest_.size() && rest_[at] == '.') {
      ++at;
      if (!digits(at)) return false;
    }
    if (at < rest_.size() && (rest_[at] == 'e' || rest_[at] == 'E')) {
      ++at;
      if (at < rest_.size() && (rest_[at] == '+' || rest_[at] == '-')) ++at;
      if (!digits(at)) return false;
    }
    out = rest_.substr(0, at);
    rest_.remove_prefix(at);
    return true;
  }

  bool hex4(std::uint32_t& out) {
    if (rest_.size() < 4) return false;
    const auto read = std::from_chars(rest_.data(), rest_.data() + 4, out, 16);
    if (read.ec != std::errc() || read.ptr != rest_.data() + 4) return false;
    rest_.remove_prefix(4);
    return true;
  }

  bool unicode_escape(std::string& out) {
    std::uint32_t code = 0, low = 0;
    if (!hex4(code) || (code >= 0xDC00 && code <= 0xDFFF)) return false;
    if (code >= 0xD800 && code <= 0xDBFF) {
      if (!take("\\u") || !hex4(low) || low < 0xDC00 || low > 0xDFFF) return false;
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    append_utf8(out, code);
    return true;
  }

  bool escape(std::string& out) {
    constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
    if (take("u")) return unicode_escape(out);
    const std::size_t at = rest_.empty() ? from.npos : from.find(rest_[0]);
    if (at == from.npos) return false;
    out.push_back(to[at]);
    rest_.remove_prefix(1);
    return true;
  }

  bool string(std::string& out) {
    if (!take("\"")) return false;
    while (!rest_.empty()) {
      if (take("\"")) return true;
      if (take("\\")) {
        if (!escape(out)) return false;
        continue;
      }
      const std::size_t length = utf8_sequence_length(rest_, 0);
      if (length == 0 || static_cast<unsigned char>(rest_[0]) < 0x20) return false;
      out.append(rest_, 0, length);
      rest_.remove_prefix(length);
    }
    return false;
  }

  std::string_view rest_;
};

}  // namespace

const JsonValue* JsonValue::member(std::string_view name) const {
  for (std::size_t i = keys.size(); i-- > 0;) {
    if (keys[i] == name) return items[i].kind == Kind::null ? nullptr : &items[i];
  }
  return nullptr;
}

std::optional<std::int64_t> JsonValue::integer() const {
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  if (kind != Kind::number) return {};
  const auto read = std::from_chars(text.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end) return {};
  return value;
}

std::optional<JsonValue> parse_json(std::string_view text) {
  JsonValue root;
  if (!Parser(text).document(root)) return {};
  return root;
}

}  // namespace stint::platform
