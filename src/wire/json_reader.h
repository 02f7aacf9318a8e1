// SPDX-License-Identifier: Apache-2.0
// JSON token by token over borrowed bytes: no allocation, no recursion, two bytes of state per 16 levels. Strict in
// grammar, tolerant in content: numbers of any size, lone surrogates and bytes that are no UTF-8 pass, for they occur
// in what functions log and must not cost the events around them. Nothing here may change the bytes.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/result.h"

namespace stint::wire {

enum class JsonToken : std::uint8_t {
  begin_object,
  end_object,
  begin_array,
  end_array,
  key,
  string,
  number,
  boolean,
  null,
  end,  // the document is complete
};

class JsonReader {
 public:
  /// More than Go's own decoder takes, so nothing that a Go program forwards is deeper.
  static constexpr std::uint32_t depth_limit = 16384;

  /// Borrows: `bytes`, one document with nothing but white space around it.
  explicit JsonReader(std::string_view bytes, std::uint32_t depth_max = depth_limit)
      : bytes_(bytes), depth_max_(depth_max < depth_limit ? depth_max : depth_limit) {}
  template <std::same_as<std::string> Temporary>
  explicit JsonReader(Temporary&& bytes, std::uint32_t depth_max = depth_limit) = delete;

  /// The next token. Fails: malformed, too_deep; every later call fails in the same way.
  Result<JsonToken> next();

  /// The last token's text: of a key or string what stands between the quotes, still escaped. Valid until: the bytes
  /// end.
  std::string_view text() const { return text_; }
  /// The last key or string holds a backslash: unescape before use.
  bool escaped() const { return escaped_; }

  /// Reads to the end of the value that `token` (the last one read) began; a scalar is at its end already. After a key:
  /// reads the whole value. Fails: as next().
  Result<> skip(JsonToken token);

  /// Objects and arrays open now.
  std::uint32_t depth() const { return depth_; }
  /// The offset after the last token, and of its first byte.
  std::size_t position() const { return position_; }
  std::size_t token_start() const { return token_start_; }

 private:
  enum class Expect : std::uint8_t { value, value_or_end, key, key_or_end, comma_or_end, nothing };

  Result<JsonToken> fail(ErrorCode code);
  Result<JsonToken> value(char c);
  Result<JsonToken> open(JsonToken token);
  Result<JsonToken> close(JsonToken token);
  Result<JsonToken> scalar(JsonToken token, std::size_t size);
  Result<JsonToken> read_key();
  Result<JsonToken> literal();
  Result<JsonToken> number();
  bool scan_string();
  bool scan_escape();
  std::size_t scan_digits(std::size_t at) const;
  void skip_space();
  bool in_object() const { return depth_ > 0 && (kinds_[(depth_ - 1) / 8] >> ((depth_ - 1) % 8) & 1) != 0; }
  char peek(std::size_t at) const { return at < bytes_.size() ? bytes_[at] : '\0'; }

  std::string_view bytes_;
  std::uint32_t depth_max_;
  std::uint32_t depth_ = 0;
  std::size_t position_ = 0;
  std::size_t token_start_ = 0;
  std::string_view text_;
  Expect expect_ = Expect::value;
  bool escaped_ = false;
  ErrorCode failure_ = ErrorCode::malformed;
  bool failed_ = false;
  std::array<std::uint8_t, depth_limit / 8> kinds_;  // a bit per open level: an object. Written before it is read.
};

/// Appends the text that `escaped` (as from JsonReader::text()) stands for; a lone surrogate becomes U+FFFD.
void append_unescaped(std::string& out, std::string_view escaped);

/// Reads one whole document and calls `sink` for each scalar in it, with its place as a dotted path ("tracing.value",
/// "events.0"), its text (strings unescaped) and its kind: string, number, boolean or null. Both views are valid during
/// the call only. Fails: malformed, too_deep (over limits::nesting_max); what came before has been delivered.
using JsonScalarSink = void (*)(void* context, std::string_view path, std::string_view text, JsonToken kind);
Result<> parse_flat(std::string_view bytes, JsonScalarSink sink, void* context);

template <typename Callback>
Result<> parse_flat(std::string_view bytes, Callback&& callback) {
  const JsonScalarSink sink = [](void* context, std::string_view path, std::string_view text, JsonToken kind) {
    (*static_cast<std::remove_reference_t<Callback>*>(context))(path, text, kind);
  };
  return parse_flat(bytes, sink, &callback);
}

}  // namespace stint::wire
