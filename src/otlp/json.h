// SPDX-License-Identifier: Apache-2.0
// OTLP/JSON in: an Export request in JSON becomes the bytes of the same request in protobuf, in one pass and without a
// tree. Field names in camelCase or snake_case, ids in hexadecimal, 64-bit numbers as strings or numbers, enumerations
// by name or number; unknown fields are passed over, text that is not UTF-8 is repaired. The JSON is borrowed for the
// call and never changed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/block.h"
#include "base/result.h"
#include "otlp/signal.h"
#include "otlp/walk.h"

namespace stint::otlp {

struct JsonRequest {
  Slice protobuf;                      // empty when the request holds nothing
  Counts counts;                       // what walk() would count; no text in it needs repair
  std::uint32_t repaired_strings = 0;  // bytes that are no UTF-8, or lone surrogates, became U+FFFD
};

/// Borrows: `json`; what follows the document in it is ignored. The result is a block of its own from `pool`, at most
/// `bytes_max` long, and well-formed for walk().
/// Fails: malformed, too_deep (values inside each other over limits::nesting_max, unknown ones over 16,384), too_large,
/// and `refusal` is then a sentence for the sender with path and offset, as in
/// "resourceSpans[0].scopeSpans[0].spans[1].traceId: 15 hexadecimal digits, want 32 (byte 180)"; memory_full.
/// A message that comes twice is merged and a value that comes twice counts as the last one said, as in protobuf.
/// Source: OTLP specification, "JSON Protobuf Encoding"; protobuf's ProtoJSON for what that leaves open.
Result<JsonRequest> decode_json(Signal signal, std::string_view json, BlockPool& pool, std::size_t bytes_max,
                                std::string& refusal);

}  // namespace stint::otlp
