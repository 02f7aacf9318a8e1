// SPDX-License-Identifier: Apache-2.0
#include "net/grpc_answer.h"

#include <charconv>

#include "base/limits.h"
#include "base/log.h"

namespace stint::net {
namespace {

using wire::RpcCode;

GrpcAnswer failed(RpcCode code, std::string text) { return {.code = code, .text = std::move(text)}; }

std::string_view value_of(const HttpResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return {};
}

// Nobody who speaks gRPC has answered: a proxy, or another server.
GrpcAnswer not_grpc(const HttpResponse& response) {
  const RpcCode code = wire::code_of_http_status(response.status);
  std::string text = response.status == 200
                         ? std::string()
                         : concat("unexpected HTTP status code received from server: ", response.status, " (",
                                  wire::reason_phrase(response.status), "); ");
  if (response.content_type.empty()) {
    text += "malformed header: missing HTTP content-type";
  } else {
    text += concat("transport: received unexpected content-type ", wire::in_quotes(response.content_type));
  }
  return failed(code, std::move(text));
}

GrpcAnswer without_status(const HttpResponse& response) {
  if (response.status != 200) return failed(wire::code_of_http_status(response.status), "");
  return failed(RpcCode::internal, "server closed the stream without sending trailers");
}

Result<RpcCode> parse_status(std::string_view text) {
  std::int32_t code = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
  if (error != std::errc() || end != text.data() + text.size()) return Error{ErrorCode::malformed};
  return code < 0 || code > static_cast<std::int32_t>(RpcCode::unauthenticated) ? RpcCode::unknown
                                                                                : static_cast<RpcCode>(code);
}

// The message is of little interest: it says at most what was rejected. One that cannot be read says nothing.
Slice message_of(const HttpResponse& response, wire::Decompressor& decompressor, BlockPool& answers) {
  const std::string_view body = response.body.view();
  if (body.size() < wire::grpc_prefix_bytes) return {};
  const wire::GrpcPrefix prefix = wire::parse_grpc_prefix(body);
  if (prefix.size != body.size() - wire::grpc_prefix_bytes) return {};
  const std::string_view message = body.substr(wire::grpc_prefix_bytes);
  if (prefix.format == 0) return response.body.part(message);
  const auto encoding = wire::content_encoding_of(value_of(response, "grpc-encoding"));
  if (!encoding || *encoding == wire::ContentEncoding::identity) return {};
  Result<Slice> plain = decompressor.decompress(*encoding, message, answers, limits::response_body_bytes_max);
  return plain ? std::move(*plain) : Slice();
}

}  // namespace

GrpcAnswer read_grpc_answer(HttpResponse response, wire::Decompressor& decompressor, BlockPool& answers) {
  if (!wire::is_grpc_content_type(response.content_type)) return not_grpc(response);
  const std::string_view status = value_of(response, "grpc-status");
  if (status.empty()) return without_status(response);
  const Result<RpcCode> code = parse_status(status);
  if (!code) return failed(RpcCode::internal, concat("malformed grpc-status: ", wire::in_quotes(status)));
  GrpcAnswer answer{.code = *code};
  if (*code == RpcCode::ok) {
    answer.message = message_of(response, decompressor, answers);
    return answer;
  }
  answer.text = wire::decode_grpc_message(value_of(response, "grpc-message"));
  Result<std::string> details = wire::decode_binary_header(value_of(response, "grpc-status-details-bin"));
  if (details) answer.details = std::move(*details);
  return answer;
}

}  // namespace stint::net
