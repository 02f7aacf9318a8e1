// SPDX-License-Identifier: Apache-2.0
// The structural walk itself, over the generated table: an explicit stack, every nested message, every known field
// against its wire type. A visitor hears of messages and strings; walk.cpp counts with it, repair.cpp edits.
// No allocation, no recursion, no read outside the request. Borrows the request for the call.
#pragma once

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "base/result.h"
#include "otlp/cursor.h"
#include "otlp/plain_pair.h"
#include "otlp/walk.h"

namespace stint::otlp::detail {

inline Error fault(Fault fault, MessageId message, std::uint32_t field, std::uint64_t value) {
  const ErrorCode code = fault == Fault::nesting ? ErrorCode::too_deep : ErrorCode::malformed;
  const auto clipped = static_cast<std::int32_t>(std::min<std::uint64_t>(value, 0xFFFFFF));
  return Error{code, static_cast<std::uint16_t>(static_cast<unsigned>(message) << 8 | field),
               static_cast<std::int32_t>(fault) << 24 | clipped};
}

/// `Visitor`: `void enter(MessageId, const char* field_begin, std::string_view payload)`, `void leave()`,
/// `void string(const char* field_begin, std::string_view payload)`. The request itself is neither entered nor left.
/// With `void plain_pair(std::string_view whole, const PlainPair&)` it gets the usual attributes in this form instead.
template <typename Visitor>
class Machine {
 public:
  Machine(MessageId request, std::string_view bytes, Visitor& visitor)
      : visitor_(visitor), p_(bytes.data()), end_(p_ + bytes.size()) {
    open(request);
  }

  Result<> run() {
    for (;;) {
      while (p_ == end_) {
        if (depth_ == 0) return {};
        pop();
      }
      if (!step()) return error_;
    }
  }

 private:
  struct Frame {
    const char* end;
    MessageId message;
  };
  // Request, resource, scope, metric, data, point, exemplar; then list, key-value, value for each level of values.
  static constexpr std::size_t frames_max = 8 + 3 * (limits::nesting_max + 1);

  bool step() {
    const char* const begin = p_;
    std::uint64_t tag = 0;
    if (!varint(0, tag)) return false;
    const auto wire_type = static_cast<WireType>(tag & 7);
    tag >>= 3;
    if (tag == 0 || tag >= 1u << 29 || tag / 1000 == 19) return fail(Fault::field_number, 0, tag);
    const auto number = static_cast<std::uint32_t>(tag);
    const FieldEntry field = number < field_count_ ? fields_[number] : FieldEntry{};
    if (field.kind == FieldKind::unknown) return skip(wire_type);
    if (wire_type != WireType::length) return scalar(field.kind, number, wire_type);
    std::uint64_t size = 0;
    if (!varint(number, size)) return false;
    if (size > static_cast<std::size_t>(end_ - p_)) return fail(Fault::truncated, number, size);
    return payload(field, number, begin, size);
  }

  bool payload(FieldEntry field, std::uint32_t number, const char* begin, std::size_t size) {
    const std::string_view bytes(p_, size);
    switch (field.kind) {
      case FieldKind::message:
        if (take_plain_pair(static_cast<MessageId>(field.argument), bytes)) return true;
        return push(static_cast<MessageId>(field.argument), number, begin, bytes);
      case FieldKind::string: visitor_.string(begin, bytes); break;
      case FieldKind::bytes: break;
      case FieldKind::id:
        if (size != 0 && size != field.argument) return fail(Fault::id_length, number, size);
        break;
      case FieldKind::packed_fixed64:
        if (size % 8 != 0) return fail(Fault::packed_length, number, size);
        break;
      case FieldKind::packed_fixed32:
        if (size % 4 != 0) return fail(Fault::packed_length, number, size);
        break;
      case FieldKind::packed_varint: return packed_varints(number, size);
      default: return fail(Fault::wire_type, number, static_cast<std::uint64_t>(WireType::length));
    }
    p_ += size;
    return true;
  }

  // For a visitor that needs no more of a plain attribute than its strings: no step per field then.
  bool take_plain_pair(MessageId message, std::string_view bytes) {
    if constexpr (requires(const PlainPair& pair) { visitor_.plain_pair(bytes, pair); }) {
      // A value that would be nested too deep is left to push().
      if (message != MessageId::KeyValue || values_ == limits::nesting_max) return false;
      const std::optional<PlainPair> pair = read_plain_pair(bytes);
      if (!pair) return false;
      visitor_.plain_pair(bytes, *pair);
      p_ += bytes.size();
      return true;
    } else {
      return false;
    }
  }

  bool scalar(FieldKind kind, std::uint32_t number, WireType wire_type) {
    std::uint64_t ignored = 0;
    switch (kind) {
      case FieldKind::varint:
      case FieldKind::packed_varint:
        if (wire_type == WireType::varint) return varint(number, ignored);
        break;
      case FieldKind::fixed64:
      case FieldKind::packed_fixed64:
        if (wire_type == WireType::fixed64) return fixed(number, 8);
        break;
      case FieldKind::fixed32:
      case FieldKind::packed_fixed32:
        if (wire_type == WireType::fixed32) return fixed(number, 4);
        break;
      default: break;
    }
    return fail(Fault::wire_type, number, static_cast<std::uint64_t>(wire_type));
  }

  bool skip(WireType wire_type) {
    std::uint64_t size = 0;
    switch (wire_type) {
      case WireType::varint: return varint(0, size);
      case WireType::fixed64: return fixed(0, 8);
      case WireType::fixed32: return fixed(0, 4);
      case WireType::length: return varint(0, size) && fixed(0, size);
      default: return fail(Fault::group, 0, static_cast<std::uint64_t>(wire_type));
    }
  }

  bool packed_varints(std::uint32_t number, std::size_t size) {
    const char* const message_end = std::exchange(end_, p_ + size);
    std::uint64_t ignored = 0;
    while (p_ != end_) {
      if (!varint(number, ignored)) return false;
    }
    end_ = message_end;
    return true;
  }

  bool varint(std::uint32_t number, std::uint64_t& value) {
    const char* const after = read_varint(p_, end_, value);
    if (after == nullptr) return fail(value == 0 ? Fault::truncated : Fault::varint, number, 0);
    p_ = after;
    return true;
  }

  bool fixed(std::uint32_t number, std::uint64_t size) {
    if (size > static_cast<std::size_t>(end_ - p_)) return fail(Fault::truncated, number, size);
    p_ += size;
    return true;
  }

  bool push(MessageId message, std::uint32_t number, const char* begin, std::string_view bytes) {
    if (message == MessageId::AnyValue && ++values_ > limits::nesting_max) {
      return fail(Fault::nesting, number, limits::nesting_max);
    }
    STINT_CHECK(depth_ < frames_max);
    stack_[depth_++] = Frame{end_, message_};
    visitor_.enter(message, begin, bytes);
    end_ = p_ + bytes.size();
    open(message);
    return true;
  }

  void pop() {
    if (message_ == MessageId::AnyValue) --values_;
    visitor_.leave();
    const Frame& frame = stack_[--depth_];
    end_ = frame.end;
    open(frame.message);
  }

  void open(MessageId message) {
    const MessageEntry& entry = message_table[static_cast<std::size_t>(message)];
    message_ = message;
    fields_ = field_table + entry.first;
    field_count_ = entry.count;
  }

  bool fail(Fault what, std::uint32_t number, std::uint64_t value) {
    error_ = fault(what, message_, number, value);
    return false;
  }

  Visitor& visitor_;
  const char* p_;
  const char* end_;
  MessageId message_{};
  const FieldEntry* fields_ = nullptr;
  std::uint32_t field_count_ = 0;
  std::uint32_t values_ = 0;
  std::size_t depth_ = 0;
  Error error_{};
  std::array<Frame, frames_max> stack_;
};

}  // namespace stint::otlp::detail
