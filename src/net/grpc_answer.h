// SPDX-License-Identifier: Apache-2.0
// What a back end's answer to a unary gRPC call says: the status in head or trailers, or what HTTP says in its place,
// and the message. No I/O; texts are grpc-go's.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "net/http_response.h"
#include "wire/compression.h"
#include "wire/grpc.h"

namespace stint::net {

/// The headers and trailers of an answer that are asked for.
inline constexpr std::array<std::string_view, 4> grpc_wanted = {"grpc-status", "grpc-message",
                                                                "grpc-status-details-bin", "grpc-encoding"};

struct GrpcAnswer {
  wire::RpcCode code = wire::RpcCode::ok;
  std::string text;     // of a status that is not ok
  std::string details;  // google.rpc.Status, or empty
  Slice message;        // of ok: decompressed; empty as well when it was too long or is not needed
};

/// `answers`: the pool for a message that comes compressed.
GrpcAnswer read_grpc_answer(HttpResponse response, wire::Decompressor& decompressor, BlockPool& answers);

}  // namespace stint::net
