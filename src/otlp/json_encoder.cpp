// SPDX-License-Identifier: Apache-2.0
// The structure of OTLP/JSON out.
#include "otlp/json_encoder.h"

#include <bit>

namespace stint::otlp {

Result<Slice> encode_json(Signal signal, std::span<const Slice> requests, BlockPool& pool, std::size_t bytes_max) {
  detail::JsonEncoder encoder(pool, bytes_max);
  return encoder.run(signal, requests);
}

namespace detail {
namespace {

// The field that the cursor stands at; null when it is unknown, or not of its wire type.
const JsonField* find(MessageId message, const FieldCursor& cursor) {
  const MessageEntry& entry = message_table[static_cast<std::size_t>(message)];
  if (cursor.number() >= entry.count) return nullptr;
  const std::uint8_t place = json_field_numbers[entry.first + cursor.number()];
  if (place == no_json_field) return nullptr;
  const JsonField& field = json_fields[place];
  const bool packed = field.repeated && cursor.wire_type() == WireType::length;
  return packed || cursor.wire_type() == wire_type_of(field.kind) ? &field : nullptr;
}

const JsonField& field_of(MessageId message, std::uint32_t number) {
  return json_fields[json_field_numbers[message_table[static_cast<std::size_t>(message)].first + number]];
}

}  // namespace

Result<Slice> JsonEncoder::run(Signal signal, std::span<const Slice> requests) {
  std::size_t size = 64;
  for (const Slice& request : requests) {
    if (request.size() == 0) continue;
    pieces_.push_back(request.view());
    size += 2 * request.size();
  }
  pieces_max_ = pieces_.size() + frames_max + limits::json_pieces_max;
  if (const Result<> started = out_.start(size); !started) return started.error();
  bool going = push(names(signal).request, 0);
  while (going && depth_ > 0) going = step();
  if (!going) return error_;
  return out_.finish();
}

bool JsonEncoder::push(MessageId message, std::size_t pieces_begin) {
  if (depth_ == frames_max) return fail(ErrorCode::too_deep);
  Frame& frame = stack_[depth_++];
  frame = Frame{.cursor = {},
                .pieces_begin = pieces_begin,
                .pieces_end = pieces_.size(),
                .piece = pieces_begin,
                .seen = 0,
                .only = 0,
                .open = 0,
                .message = message,
                .orderly = true,
                .empty = true};
  if (!survey(frame)) return false;
  if (!frame.orderly) {
    frame.piece = frame.pieces_end;
  } else if (frame.pieces_begin != frame.pieces_end) {
    frame.cursor = FieldCursor(pieces_[frame.pieces_begin]);
  }
  return put("{");
}

bool JsonEncoder::pop() {
  if (!close_array()) return false;
  pieces_.resize(stack_[--depth_].pieces_begin);
  return put("}");
}

// What is there, and whether it can be written as it comes.
bool JsonEncoder::survey(Frame& frame) {
  std::uint32_t last = 0, oneof = 0;
  for (std::size_t i = frame.pieces_begin; i != frame.pieces_end; ++i) {
    FieldCursor cursor(pieces_[i]);
    while (cursor.next()) {
      const JsonField* const field = find(frame.message, cursor);
      if (field == nullptr) continue;
      const std::uint32_t bit = 1u << field->number;
      const bool again = (frame.seen & bit) != 0;
      if (again && !(field->repeated && field->number == last)) frame.orderly = false;
      if (field->oneof) {
        if (oneof != 0 && oneof != bit) frame.orderly = false;
        frame.seen &= ~oneof;
        oneof = bit;
      }
      frame.seen |= bit;
      last = field->number;
    }
    if (!cursor.well_formed()) return fail(ErrorCode::malformed);
  }
  return true;
}

bool JsonEncoder::step() {
  Frame& frame = stack_[depth_ - 1];
  if (frame.cursor.next()) {
    if (!frame.orderly && frame.cursor.number() != frame.only) return true;
    const JsonField* const found = find(frame.message, frame.cursor);
    return found == nullptr || field(*found);
  }
  if (frame.piece != frame.pieces_end) ++frame.piece;
  if (frame.piece == frame.pieces_end) return frame.orderly ? pop() : next_number();
  frame.cursor = FieldCursor(pieces_[frame.piece]);
  return true;
}

// Of a message that is not orderly: the field with the next number.
bool JsonEncoder::next_number() {
  Frame& frame = stack_[depth_ - 1];
  const std::uint32_t rest = frame.seen & ~((2u << frame.only) - 1);
  if (rest == 0) return pop();
  frame.only = static_cast<std::uint32_t>(std::countr_zero(rest));
  const JsonField& next = field_of(frame.message, frame.only);
  if (!next.repeated) return last_of(next);
  frame.piece = frame.pieces_begin;
  frame.cursor = FieldCursor(pieces_[frame.piece]);
  return true;
}

// A field that is there once or more: the last value, or all pieces of the message.
bool JsonEncoder::last_of(const JsonField& field) {
  const Frame& frame = stack_[depth_ - 1];
  const std::size_t pieces_begin = pieces_.size();
  std::string_view payload;
  for (std::size_t i = frame.pieces_begin; i != frame.pieces_end; ++i) {
    FieldCursor cursor(pieces_[i]);
    while (cursor.next()) {
      const JsonField* const found = find(frame.message, cursor);
      if (found == &field && field.kind != JsonKind::message) {
        payload = cursor.payload();
      } else if (found == &field) {
        if (!add_piece(cursor.payload())) return false;
      } else if (found != nullptr && field.oneof && found->oneof) {
        pieces_.resize(pieces_begin);  // it took the place of what came before
      }
    }
  }
  if (field.kind != JsonKind::message) return single(field, payload);
  return close_array() && name(field) && push(static_cast<MessageId>(field.argument), pieces_begin);
}

// The field that the innermost message's cursor stands at.
bool JsonEncoder::field(const JsonField& field) {
  const FieldCursor& cursor = stack_[depth_ - 1].cursor;
  const std::string_view payload = cursor.payload();
  if (field.kind == JsonKind::message) {
    const std::size_t pieces_begin = pieces_.size();
    const bool named = field.repeated ? element_start(field) : close_array() && name(field);
    return named && add_piece(payload) && push(static_cast<MessageId>(field.argument), pieces_begin);
  }
  if (!field.repeated) return single(field, payload);
  if (cursor.wire_type() == WireType::length && wire_type_of(field.kind) != WireType::length) {
    return packed(field, payload);
  }
  return element_start(field) && scalar(field, payload);
}

bool JsonEncoder::single(const JsonField& field, std::string_view payload) {
  const bool is_number = wire_type_of(field.kind) != WireType::length;
  if (!field.always && (is_number ? number_bits(field, payload) == 0 : payload.empty())) return true;
  return close_array() && name(field) && scalar(field, payload);
}

bool JsonEncoder::element_start(const JsonField& field) {
  Frame& frame = stack_[depth_ - 1];
  if (frame.open == field.number) return put(",");
  if (!close_array() || !name(field)) return false;
  frame.open = field.number;
  return put("[");
}

bool JsonEncoder::packed(const JsonField& field, std::string_view payload) {
  const WireType type = wire_type_of(field.kind);
  while (!payload.empty()) {
    std::size_t size = type == WireType::fixed64 ? 8 : 4;
    if (type == WireType::varint) {
      std::uint64_t value = 0;
      const char* const after = read_varint(payload.data(), payload.data() + payload.size(), value);
      if (after == nullptr) return fail(ErrorCode::malformed);
      size = static_cast<std::size_t>(after - payload.data());
    }
    if (size > payload.size()) return fail(ErrorCode::malformed);
    if (!element_start(field) || !scalar(field, payload.substr(0, size))) return false;
    payload.remove_prefix(size);
  }
  return true;
}

bool JsonEncoder::close_array() {
  Frame& frame = stack_[depth_ - 1];
  if (frame.open == 0) return true;
  frame.open = 0;
  return put("]");
}

bool JsonEncoder::name(const JsonField& field) {
  if (!room(field.name.size() + 4)) return false;
  Frame& frame = stack_[depth_ - 1];
  out_.put(frame.empty ? "\"" : ",\"");
  out_.put(field.name);
  out_.put("\":");
  frame.empty = false;
  return true;
}

bool JsonEncoder::add_piece(std::string_view piece) {
  if (piece.empty()) return true;
  if (pieces_.size() == pieces_max_) return fail(ErrorCode::too_many);
  pieces_.push_back(piece);
  return true;
}

bool JsonEncoder::put(std::string_view bytes) {
  if (!room(bytes.size())) return false;
  out_.put(bytes);
  return true;
}

bool JsonEncoder::room(std::size_t size) {
  if (out_.ensure(size)) [[likely]]
    return true;
  error_ = out_.error();
  return false;
}

bool JsonEncoder::fail(ErrorCode code) {
  error_ = Error{code};
  return false;
}

}  // namespace detail
}  // namespace stint::otlp
