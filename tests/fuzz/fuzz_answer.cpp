// SPDX-License-Identifier: Apache-2.0
// Answers of a back end: Export*ServiceResponse and google.rpc.Status; what was read is written, its text
// repaired, to what reads the same.
// Input: the body.
#include "fuzz/fuzz.h"
#include "otlp/status.h"
#include "otlp/utf8.h"

namespace stint::fuzz {

void run(std::string_view body) {
  const Result<otlp::PartialSuccess> partial = otlp::decode_response(body);
  if (partial) {
    const std::string written = otlp::encode_response(*partial);
    const Result<otlp::PartialSuccess> again = otlp::decode_response(written);
    STINT_CHECK(again && again->rejected == partial->rejected && otlp::is_valid_utf8(again->message));
    STINT_CHECK(otlp::encode_response(*again) == written);
  }
  const Result<otlp::PartialSuccess> partial_json = otlp::decode_response_json(body);
  if (partial_json) {
    const std::string written = otlp::encode_response_json(otlp::Signal::logs, *partial_json);
    const Result<otlp::PartialSuccess> again = otlp::decode_response_json(written);
    STINT_CHECK(again && again->rejected == partial_json->rejected);
  }
  const Result<otlp::RpcStatus> status_json = otlp::decode_status_json(body);
  if (status_json) {
    const Result<otlp::RpcStatus> again = otlp::decode_status_json(otlp::encode_status_json(*status_json));
    STINT_CHECK(again && again->code == status_json->code);
  }
  const Result<otlp::RpcStatus> status = otlp::decode_status(body);
  if (!status) return;
  const std::string written = otlp::encode_status(*status);
  const Result<otlp::RpcStatus> again = otlp::decode_status(written);
  STINT_CHECK(again && again->code == status->code && again->retry_delay == status->retry_delay);
  STINT_CHECK(otlp::is_valid_utf8(again->message) && otlp::encode_status(*again) == written);
  plant_bug({status->retry_delay.has_value(), status->message.empty()}, body);
}

}  // namespace stint::fuzz
