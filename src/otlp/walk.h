// SPDX-License-Identifier: Apache-2.0
// The check at the door: is a whole Export request well-formed, what does it hold, and does any of its text need
// repair. One pass over the received bytes, in place; nothing is allocated and nothing is kept.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "otlp/signal.h"

namespace stint::otlp {

struct Counts {
  std::uint32_t resources = 0;
  std::uint32_t scopes = 0;
  std::uint32_t metrics = 0;
  std::uint32_t items = 0;         // spans, data points or log records
  std::uint32_t invalid_utf8 = 0;  // string fields that are not UTF-8: see repair.h

  friend bool operator==(const Counts&, const Counts&) = default;
};

/// What is wrong with a request; in the upper 8 bits of `Error::detail`, the lower 24 are a length, wire type or limit.
/// `Error::place` is the MessageId times 256 plus the field's number (0: none that we know).
enum class Fault : std::uint8_t {
  truncated = 1,  // a field runs past the end of its message
  varint,         // a number of more than 64 bits
  field_number,   // zero, over 2^29 - 1, or of the reserved 19000 to 19999 (protozero refuses these too)
  group,          // groups do not occur in OTLP
  wire_type,      // a known field in a wire type that is not its own
  id_length,      // a trace or span id neither empty nor of its length
  packed_length,  // packed numbers that end inside a number
  nesting,        // too_deep: values inside each other beyond limits::nesting_max
};

/// Requires: nothing; `request` may be any bytes. Fails: malformed, too_deep.
/// Unknown fields pass. Repeated numbers may come packed or not.
/// Source: protobuf encoding; OTLP 1.x, Export*ServiceRequest.
Result<Counts> walk(Signal signal, std::string_view request);

/// Requires: `error` comes from walk(). What it found.
Fault fault(Error error);

/// A sentence for the sender: "malformed protobuf: Span.trace_id is 15 bytes long, want 16". Takes any error of this
/// folder.
std::string describe(Error error);

}  // namespace stint::otlp
