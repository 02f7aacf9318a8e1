// SPDX-License-Identifier: Apache-2.0
// The bodies of answers: what an Export call returns, and google.rpc.Status for what it refuses, as protobuf and as
// JSON. Small and rare enough to be strings.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "otlp/signal.h"
#include "wire/grpc.h"

namespace stint::otlp {

using wire::RpcCode;

/// What the receiver of a request did not take although it answered with success.
struct PartialSuccess {
  std::int64_t rejected = 0;  // items
  std::string message;        // with none rejected: a warning

  bool empty() const { return rejected == 0 && message.empty(); }
  friend bool operator==(const PartialSuccess&, const PartialSuccess&) = default;
};

struct RpcStatus {
  RpcCode code = RpcCode::ok;
  std::string message;
  std::optional<Nanoseconds> retry_delay;  // the detail RetryInfo

  friend bool operator==(const RpcStatus&, const RpcStatus&) = default;
};

/// The body of an Export*ServiceResponse; the same for all signals. All accepted: the bytes 0a 00, as the reference.
std::string encode_response(const PartialSuccess& partial = {});
/// The same in OTLP/JSON: {"partialSuccess":{}} when all is accepted.
std::string encode_response_json(Signal signal, const PartialSuccess& partial = {});
/// Fails: malformed. An empty body is "all accepted".
Result<PartialSuccess> decode_response(std::string_view body);
/// The same of an answer in JSON, names in camelCase or snake_case. Fails: malformed, too_deep.
Result<PartialSuccess> decode_response_json(std::string_view body);

std::string encode_status(const RpcStatus& status);
/// {"code":3,"message":"..."} with "details" when there is a delay.
std::string encode_status_json(const RpcStatus& status);
/// Fails: malformed. Details other than RetryInfo are passed over.
Result<RpcStatus> decode_status(std::string_view body);
/// Code and message of a status in JSON; details are passed over. Fails: malformed, too_deep.
Result<RpcStatus> decode_status_json(std::string_view body);

}  // namespace stint::otlp
