// SPDX-License-Identifier: Apache-2.0
// The machine behind encode_json(): an explicit stack of messages, driven by the generated names. Fields are written as
// they come. JSON wants each name once, so a message whose fields do not allow that (an array in two runs, a value
// twice, two of a oneof) is read once more per field; no sender that we know writes one.
//
//   json_encoder.cpp        the structure: messages, arrays, what is written when
//   json_encode_values.cpp  strings, numbers, ids, bytes
//
// Borrows the requests; owns the output. No recursion, no read outside a request.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "base/limits.h"
#include "otlp/cursor.h"
#include "otlp/fields.h"
#include "otlp/growing_block.h"
#include "otlp/json_encode.h"
#include "otlp/json_fields.h"

namespace stint::otlp::detail {

class JsonEncoder {
 public:
  JsonEncoder(BlockPool& pool, std::size_t bytes_max) : out_(pool, bytes_max) {}

  /// Fails: as encode_json().
  Result<Slice> run(Signal signal, std::span<const Slice> requests);

 private:
  struct Frame {
    FieldCursor cursor;        // over the piece that is being read
    std::size_t pieces_begin;  // in pieces_: together they are the message
    std::size_t pieces_end;
    std::size_t piece;
    std::uint32_t seen;  // fields that are there, a bit per number; of the oneof only the one that counts
    std::uint32_t only;  // the field that is being written when the message is not orderly
    std::uint32_t open;  // the field whose array is open; 0: none
    MessageId message;
    bool orderly;
    bool empty;  // nothing written yet
  };
  // As in the walk: request to exemplar; then list, key-value, value for each level of values.
  static constexpr std::size_t frames_max = 8 + 3 * (limits::nesting_max + 1);

  // Structure. Each returns false when it has failed.
  bool push(MessageId message, std::size_t pieces_begin);
  bool pop();
  bool survey(Frame& frame);
  bool step();
  bool next_number();
  bool last_of(const JsonField& field);
  bool field(const JsonField& field);
  bool single(const JsonField& field, std::string_view payload);
  bool element_start(const JsonField& field);
  bool packed(const JsonField& field, std::string_view payload);
  bool close_array();
  bool name(const JsonField& field);
  bool add_piece(std::string_view piece);

  // Values.
  bool scalar(const JsonField& field, std::string_view payload);
  bool number(const JsonField& field, std::uint64_t bits);
  bool real(std::uint64_t bits);
  bool text(std::string_view text);
  bool special(std::string_view& rest);
  bool hex(std::string_view bytes);
  bool base64(std::string_view bytes);

  bool put(std::string_view bytes);
  bool room(std::size_t size);
  bool fail(ErrorCode code);

  GrowingBlock out_;
  Error error_{};
  std::vector<std::string_view> pieces_;  // a stack
  std::size_t pieces_max_ = 0;
  std::size_t depth_ = 0;
  std::array<Frame, frames_max> stack_;
};

/// The number that stands in the payload of a field that is one, cut to its type: zero is what an absent one means.
std::uint64_t number_bits(const JsonField& field, std::string_view payload);

/// How a number of this field stands alone, not packed.
constexpr WireType wire_type_of(JsonKind kind) {
  switch (kind) {
    case JsonKind::message:
    case JsonKind::string:
    case JsonKind::bytes:
    case JsonKind::id: return WireType::length;
    case JsonKind::double_:
    case JsonKind::fixed64:
    case JsonKind::sfixed64: return WireType::fixed64;
    case JsonKind::fixed32: return WireType::fixed32;
    default: return WireType::varint;
  }
}

}  // namespace stint::otlp::detail
