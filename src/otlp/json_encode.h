// SPDX-License-Identifier: Apache-2.0
// OTLP/JSON out: Export requests in protobuf become one request in JSON, straight from the received bytes and without a
// tree. Names in camelCase, ids in hexadecimal, 64-bit numbers as strings, enumerations as numbers, bytes in base64;
// what is not in proto/otlp.fields is left out.
#pragma once

#include <span>

#include "base/block.h"
#include "base/result.h"
#include "otlp/signal.h"

namespace stint::otlp {

/// Borrows: `requests`, which are merged. The text is a block of its own from `pool`, at most `bytes_max` long, and
/// always UTF-8: what is not becomes U+FFFD. A message that comes in several pieces is one, and of a value that comes
/// twice the last one counts, as in protobuf.
/// Fails: malformed (no protobuf), too_deep (more than walk() accepts), too_many (pieces of messages over
/// limits::json_pieces_max), too_large, memory_full.
/// Source: OTLP specification, "JSON Protobuf Encoding"; protobuf's ProtoJSON for what that leaves open.
Result<Slice> encode_json(Signal signal, std::span<const Slice> requests, BlockPool& pool, std::size_t bytes_max);

}  // namespace stint::otlp
