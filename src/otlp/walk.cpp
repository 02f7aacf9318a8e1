// SPDX-License-Identifier: Apache-2.0
// Counting with the walk, and the sentences for what it refuses.
#include "otlp/walk.h"

#include "base/log.h"
#include "otlp/machine.h"
#include "otlp/message_counter.h"
#include "otlp/utf8.h"

namespace stint::otlp {
namespace {

struct Counter {
  detail::MessageCounter messages;
  std::uint32_t invalid_utf8 = 0;

  void enter(MessageId message, const char*, std::string_view) { messages.count(message); }
  void leave() {}
  void string(const char*, std::string_view text) { invalid_utf8 += !is_valid_utf8(text); }
  void plain_pair(std::string_view whole, const detail::PlainPair& pair) {
    if (is_ascii(whole.data(), whole.size())) return;
    string(nullptr, pair.key);
    string(nullptr, pair.text);
  }
};

std::string_view wire_type_words(std::uint32_t wire_type) {
  constexpr std::string_view words[] = {"a varint", "8 bytes",       "length-delimited",
                                        "a group",  "a group's end", "4 bytes"};
  return wire_type < std::size(words) ? words[wire_type] : "of an unknown wire type";
}

std::string_view wanted_words(FieldKind kind) {
  switch (kind) {
    case FieldKind::varint: return "a varint";
    case FieldKind::fixed64: return "8 bytes";
    case FieldKind::fixed32: return "4 bytes";
    case FieldKind::packed_varint: return "varints";
    case FieldKind::packed_fixed64: return "8 bytes each";
    case FieldKind::packed_fixed32: return "4 bytes each";
    default: return "length-delimited";
  }
}

}  // namespace

Result<Counts> walk(Signal signal, std::string_view request) {
  Counter counter;
  detail::Machine<Counter> machine(names(signal).request, request, counter);
  const Result<> result = machine.run();
  if (!result) return result.error();
  return counter.messages.counts(counter.invalid_utf8);
}

Fault fault(Error error) { return static_cast<Fault>(static_cast<std::uint32_t>(error.detail) >> 24); }

std::string describe(Error error) {
  const std::size_t message = error.place >> 8, number = error.place & 0xFF;
  const bool ours = error.code == ErrorCode::malformed || error.code == ErrorCode::too_deep;
  if (!ours || message >= std::size(message_table) || number >= message_table[message].count) return to_string(error);
  const MessageEntry& entry = message_table[message];
  const FieldEntry field = field_table[entry.first + number];
  const auto value = static_cast<std::uint32_t>(error.detail) & 0xFFFFFF;
  const std::string place =
      number == 0 ? concat("a field of ", entry.name) : concat(entry.name, ".", field_names[entry.first + number]);
  switch (fault(error)) {
    case Fault::truncated: return concat("malformed protobuf: ", place, " runs past the end of its message");
    case Fault::varint: return concat("malformed protobuf: ", place, " holds a number of more than 64 bits");
    case Fault::field_number: return concat("malformed protobuf: ", place, " has an impossible number");
    case Fault::group:
      return concat("malformed protobuf: ", place, " is ", wire_type_words(value), ", which OTLP does not have");
    case Fault::wire_type:
      return concat("malformed protobuf: ", place, " is ", wire_type_words(value), ", want ", wanted_words(field.kind));
    case Fault::id_length:
      return concat("malformed protobuf: ", place, " is ", value, " bytes long, want ", +field.argument);
    case Fault::packed_length:
      return concat("malformed protobuf: ", place, " is ", value, " bytes long, which is no whole number of values");
    case Fault::nesting: return concat(place, " is nested too deep: at most ", value, " values inside each other");
  }
  return to_string(error);
}

}  // namespace stint::otlp
