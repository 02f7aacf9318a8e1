// SPDX-License-Identifier: Apache-2.0
// OTLP/JSON out: whatever the bytes are, they are refused or become JSON; what the walk accepts becomes JSON that we
// read as a request again, which becomes the same JSON. Input: the signal, a limit of the text in units of 64 bytes
// (0: none), the request.
#include "fuzz/fuzz.h"
#include "otlp/json.h"
#include "otlp/json_encode.h"
#include "otlp/utf8.h"

namespace stint::fuzz {
namespace {

constexpr std::size_t memory_bytes_max = 64u << 20;

bool is_expected(Error error) {
  return error.code == ErrorCode::malformed || error.code == ErrorCode::too_deep || error.code == ErrorCode::too_many ||
         error.code == ErrorCode::too_large;
}

}  // namespace

void run(std::string_view bytes) {
  Input input(bytes);
  const auto signal = static_cast<otlp::Signal>(input.byte() % otlp::all_signals.size());
  const std::size_t limit = input.byte() * std::size_t{64};
  const std::size_t bytes_max = limit == 0 ? memory_bytes_max / 4 : limit;
  BlockPool pool(memory_bytes_max);
  const Slice request = slice_of(pool, input.rest());
  const Result<otlp::Counts> counts = otlp::walk(signal, request.view());
  const Result<Slice> json = otlp::encode_json(signal, {&request, 1}, pool, bytes_max);
  STINT_CHECK(json || is_expected(json.error()));
  if (!json) return;
  STINT_CHECK(json->size() <= bytes_max && otlp::is_valid_utf8(json->view()));
  if (!counts) return;

  std::string refusal;
  const auto again = otlp::decode_json(signal, json->view(), pool, memory_bytes_max / 4, refusal);
  STINT_CHECK(again && again->repaired_strings == 0 && again->counts.items <= counts->items);
  const Result<Slice> same = otlp::encode_json(signal, {&again->protobuf, 1}, pool, memory_bytes_max / 4);
  STINT_CHECK(same && same->view() == json->view());
  plant_bug({counts->items >= 2, counts->items >= 3, json->size() > 2 * request.size()}, bytes);
}

}  // namespace stint::fuzz
