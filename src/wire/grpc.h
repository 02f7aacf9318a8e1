// SPDX-License-Identifier: Apache-2.0
// gRPC over HTTP/2, the parts without I/O: status codes, the prefix of a message, the headers' little languages. Texts
// of mistakes are those of grpc-go, for they are what users know from the reference.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace stint::wire {

/// Source: google/rpc/code.proto, the gRPC status codes.
enum class RpcCode : std::int32_t {
  ok = 0,
  cancelled = 1,
  unknown = 2,
  invalid_argument = 3,
  deadline_exceeded = 4,
  not_found = 5,
  already_exists = 6,
  permission_denied = 7,
  resource_exhausted = 8,
  failed_precondition = 9,
  aborted = 10,
  out_of_range = 11,
  unimplemented = 12,
  internal = 13,
  unavailable = 14,
  data_loss = 15,
  unauthenticated = 16,
};

/// What stands before each message: a byte of flags (0 plain, 1 compressed) and the length, big end first.
/// Source: gRPC over HTTP/2, "Length-Prefixed-Message".
constexpr std::size_t grpc_prefix_bytes = 5;
struct GrpcPrefix {
  std::uint8_t format = 0;
  std::uint32_t size = 0;
};
/// Requires: bytes.size() >= grpc_prefix_bytes.
GrpcPrefix parse_grpc_prefix(std::string_view bytes);
void append_grpc_prefix(std::string& out, GrpcPrefix prefix);

/// True for application/grpc, alone or followed by + or ; and a subtype. Source: grpc-go, case counts.
bool is_grpc_content_type(std::string_view value);

/// The value of grpc-timeout: up to eight digits and a unit of H M S m u n. What no clock can hold is forever.
/// Fails: malformed; `mistake` says how then.
Result<Nanoseconds> parse_grpc_timeout(std::string_view value, std::string& mistake);

/// A value of grpc-timeout, rounded down to what eight digits can say. Requires: timeout > 0.
std::string grpc_timeout_text(Nanoseconds timeout);

/// The value of grpc-message: what is not printable ASCII, and %, as %XX of its UTF-8; invalid UTF-8 as U+FFFD.
std::string encode_grpc_message(std::string_view text);

/// Backwards; what is not well-formed stays as it is.
std::string decode_grpc_message(std::string_view value);

/// A header of a name in -bin: base64 without padding.
std::string encode_binary_header(std::string_view bytes);
/// Backwards, with padding or without. Fails: malformed.
Result<std::string> decode_binary_header(std::string_view value);

/// What an HTTP status means where a gRPC status is missing. Source: gRPC, http-grpc-status-mapping.
RpcCode code_of_http_status(int status);
/// As Go writes it: "DeadlineExceeded".
std::string_view name(RpcCode code);

/// Text between quotes, as Go's %q writes it, cut after 200 bytes.
std::string in_quotes(std::string_view text);

}  // namespace stint::wire
