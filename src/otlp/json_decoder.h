// SPDX-License-Identifier: Apache-2.0
// The machine behind decode_json(): an explicit stack of messages, driven by the generated names. A member's name finds
// its field, the field's kind says how its value is read and written; nothing else is known about any message.
//
//   json_decoder.cpp   the structure: objects, arrays of messages, what is passed over, refusals
//   json_values.cpp    strings, numbers, ids, bytes
//
// Borrows the document; owns the output. No recursion, no read outside the document.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "otlp/json.h"
#include "otlp/json_fields.h"
#include "otlp/json_output.h"
#include "otlp/message_counter.h"

namespace stint::otlp::detail {

class JsonDecoder {
 public:
  JsonDecoder(std::string_view json, BlockPool& pool, std::size_t bytes_max);

  /// Fails: as decode_json(); refusal() is then the sentence.
  Result<JsonRequest> run(Signal signal);
  std::string& refusal() { return refusal_; }

 private:
  struct Frame {
    const JsonField* field;   // as which it came; null: the request itself
    std::uint32_t length_at;  // in the output
    std::uint32_t seen;       // fields written so far, a bit per number
    std::uint32_t index;      // of an element
    MessageId message;
    std::uint8_t length_guess;
    bool element;  // of an array
  };
  // As in the walk: request to exemplar; then list, key-value, value for each level of values.
  static constexpr std::size_t frames_max = 8 + 3 * (limits::nesting_max + 1);
  // Values inside each other beyond this have lengths of a fixed size, which spares moving them level by level.
  static constexpr std::uint32_t short_length_values_max = 8;
  static constexpr std::uint32_t no_index = UINT32_MAX;

  // Structure. Each returns false when it has failed; `p_` then stands anywhere.
  bool document(MessageId request);
  bool start_document();
  bool member();
  bool key(const JsonField*& field);
  bool value(const JsonField& field);
  bool array(const JsonField& field);
  bool elements(const JsonField& field, std::uint32_t index);
  bool after_element(bool& more);
  bool push(const JsonField& field, bool element, std::uint32_t index);
  bool pop();
  bool skip_value();
  std::uint8_t length_guess(MessageId message) const;

  // Values, written with their tags.
  bool scalar(const JsonField& field);
  bool string(const JsonField& field);
  bool rewritten_string(const JsonField& field, std::string_view raw, bool escaped);
  bool strings(const JsonField& field);
  bool numbers(const JsonField& field);
  bool boolean(const JsonField& field);
  bool id(const JsonField& field);
  bool bytes(const JsonField& field);
  bool number(const JsonField& field);
  /// `field` becomes the one that takes the value: another one of the same oneof for a double among integers.
  bool read_number(const JsonField*& field, std::uint64_t& bits);
  bool read_integer(const JsonField*& field, std::uint64_t& bits);
  bool read_double(std::uint64_t& bits);
  bool read_enumeration(const JsonField& field, std::uint64_t& bits);
  bool store(const JsonField& field, std::uint64_t bits);

  /// Reads the text of a string, from the document or, where it holds escapes, from `scratch_`.
  bool read_text(std::string_view& text);
  /// The string at `p_` up to its closing quote; `p_` is behind it then.
  bool scan_string(std::string_view& raw, bool& escaped, bool& ascii);
  bool literal(std::string_view word);
  void skip_space();
  char peek() const { return p_ != end_ ? *p_ : '\0'; }

  bool omitted(const JsonField& field, bool empty);
  void put_tag(const JsonField& field);
  bool room(std::size_t size);

  /// Refuses the request; returns false. `at` is the byte that the sentence names.
  bool fail(const char* at, std::string_view what, ErrorCode code = ErrorCode::malformed);
  /// The same for a value that begins at `p_` and is not what is wanted.
  bool unexpected(std::string_view wanted);
  bool no_room(Error error);
  std::string path() const;

  const char* p_;
  const char* const begin_;
  const char* const end_;
  JsonOutput out_;
  Frame* frame_ = nullptr;  // the innermost
  std::size_t depth_ = 0;
  std::uint32_t values_ = 0;  // inside each other
  bool first_ = true;         // no member of this object yet
  std::uint32_t repaired_strings_ = 0;
  MessageCounter counter_;
  // For refusals: the field that is being read, and which of its values.
  const JsonField* field_ = nullptr;
  std::uint32_t index_ = no_index;
  Error error_{};
  std::string refusal_;
  std::string scratch_;
  std::array<std::uint8_t, std::size(message_table)> length_guess_;  // what the last one of each message took
  std::array<Frame, frames_max> stack_;
};

inline void JsonDecoder::skip_space() {
  while (p_ != end_ && (*p_ == ' ' || *p_ == '\n' || *p_ == '\r' || *p_ == '\t')) ++p_;
}

/// A value that means nothing need not be written, unless it takes back an earlier one.
inline bool JsonDecoder::omitted(const JsonField& field, bool empty) {
  const std::uint32_t bit = 1u << field.number;
  if (empty && !field.always && (frame_->seen & bit) == 0 && !field.repeated) return true;
  frame_->seen |= bit;
  return false;
}

/// Requires: room for two bytes.
inline void JsonDecoder::put_tag(const JsonField& field) {
  std::memcpy(out_.next(), field.tag, 2);
  out_.set_next(out_.next() + field.tag_size);
}

inline bool JsonDecoder::room(std::size_t size) {
  if (out_.ensure(size)) [[likely]]
    return true;
  return no_room(out_.error());
}

}  // namespace stint::otlp::detail
