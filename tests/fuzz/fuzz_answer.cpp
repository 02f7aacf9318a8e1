// SPDX-License-Identifier: Apache-2.0
// Answers of a back end: Export*ServiceResponse and google.rpc.Status; what was read is written to what reads the same.
// Input: the body.
#include "fuzz/fuzz.h"
#include "otlp/status.h"

namespace stint::fuzz {

void run(std::string_view body) {
  const Result<otlp::PartialSuccess> partial = otlp::decode_response(body);
  if (partial) {
    const Result<otlp::PartialSuccess> again = otlp::decode_response(otlp::encode_response(*partial));
    STINT_CHECK(again && *again == *partial);
  }
  const Result<otlp::RpcStatus> status = otlp::decode_status(body);
  if (!status) return;
  const Result<otlp::RpcStatus> again = otlp::decode_status(otlp::encode_status(*status));
  STINT_CHECK(again && *again == *status);
  plant_bug(status->retry_delay.has_value() && status->retry_delay->count() < 0 && status->message.size() == 3, body);
}

}  // namespace stint::fuzz
