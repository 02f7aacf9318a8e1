// SPDX-License-Identifier: Apache-2.0
// OTLP/JSON: whatever the text is, it is refused with a sentence, or becomes a request that the walk accepts with the
// same counts and without text to repair. What lies behind the document changes nothing. Input: the signal, a limit of
// the output in units of 64 bytes (0: none), the document.
#include "fuzz/fuzz.h"
#include "otlp/json.h"
#include "otlp/utf8.h"

namespace stint::fuzz {

void run(std::string_view bytes) {
  Input input(bytes);
  const auto signal = static_cast<otlp::Signal>(input.byte() % otlp::all_signals.size());
  const std::size_t limit = input.byte() * std::size_t{64};
  const std::size_t bytes_max = limit == 0 ? 8u << 20 : limit;
  const ExactCopy json(input.rest());
  BlockPool pool(16u << 20);
  std::string refusal;
  const auto request = otlp::decode_json(signal, json.view(), pool, bytes_max, refusal);
  if (!request) {
    STINT_CHECK(otlp::is_valid_utf8(refusal) || !otlp::is_valid_utf8(json.view()));
    STINT_CHECK(refusal.ends_with(")") && refusal.find("(byte ") != std::string::npos && refusal.size() < 1000);
    return;
  }
  STINT_CHECK(request->protobuf.size() <= bytes_max);
  const auto counts = otlp::walk(signal, request->protobuf.view());
  STINT_CHECK(counts && *counts == request->counts && counts->invalid_utf8 == 0);

  std::string longer(json.view());
  longer += "} \"";
  const auto again = otlp::decode_json(signal, longer, pool, bytes_max, refusal);
  STINT_CHECK(again && again->protobuf.view() == request->protobuf.view());
  STINT_CHECK(again->repaired_strings == request->repaired_strings);
  plant_bug({counts->items >= 2, counts->items >= 3, request->repaired_strings > 0}, json.view());
}

}  // namespace stint::fuzz
