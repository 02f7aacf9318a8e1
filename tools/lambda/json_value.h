// SPDX-License-Identifier: Apache-2.0
// A small JSON tree for the bodies that processes send to the platform and for test events: nothing here is on the
// product's data path. Owns its text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stint::platform {

class JsonValue {
 public:
  enum class Kind : std::uint8_t { null, boolean, number, string, array, object };

  Kind kind = Kind::null;
  bool boolean = false;
  std::string text;               // of a string; of a number as written
  std::vector<JsonValue> items;   // of an array; of an object its values
  std::vector<std::string> keys;  // of an object, beside its values

  bool is(Kind wanted) const { return kind == wanted; }
  /// The member, nullptr when there is none or it is null. The last of several wins. Valid until: the tree changes.
  const JsonValue* member(std::string_view name) const;
  /// The number when it is an integer that fits.
  std::optional<std::int64_t> integer() const;
};

/// The whole text as one value; nothing when it is not JSON in UTF-8 or nests deeper than 64 levels.
std::optional<JsonValue> parse_json(std::string_view text);

}  // namespace stint::platform
