// SPDX-License-Identifier: Apache-2.0
// Writes JSON onto the end of a string: commas by itself, strings escaped and always valid UTF-8. The caller sees to
// the structure (a key before each value of an object, ends that match).
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace stint::wire {

class JsonWriter {
 public:
  /// Borrows: `out`, which outlives the writer. Nothing that stands in it is touched.
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);

  /// Bytes that are no UTF-8 become U+FFFD.
  JsonWriter& string(std::string_view text);
  JsonWriter& integer(std::int64_t number);
  JsonWriter& unsigned_integer(std::uint64_t number);
  /// The shortest form that reads back as the same number; null for what JSON has no number for.
  JsonWriter& real(double number);
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  JsonWriter& null() { return raw("null"); }
  /// Requires: `json` is one JSON value.
  JsonWriter& raw(std::string_view json);

  /// A key with its value: text, a boolean or a number.
  JsonWriter& field(std::string_view name, std::string_view text) { return key(name).string(text); }
  JsonWriter& field(std::string_view name, const char* text) { return key(name).string(text); }
  JsonWriter& field(std::string_view name, std::same_as<bool> auto value) { return key(name).boolean(value); }
  JsonWriter& field(std::string_view name, std::same_as<double> auto number) { return key(name).real(number); }
  template <std::integral Number>
    requires(!std::same_as<Number, bool>)
  JsonWriter& field(std::string_view name, Number number) {
    key(name);
    if constexpr (std::signed_integral<Number>) return integer(number);
    return unsigned_integer(static_cast<std::uint64_t>(number));
  }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();

  std::string& out_;
  bool comma_ = false;  // the next value or key follows another one
};

/// Appends `text` between quotes, escaped as above.
void append_json_string(std::string& out, std::string_view text);

}  // namespace stint::wire
