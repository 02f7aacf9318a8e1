// SPDX-License-Identifier: Apache-2.0
#include "base/counters.h"

#include "base/log.h"

namespace stint {

std::string_view name(DropReason reason) {
  switch (reason) {
    case DropReason::permanent: return "permanent";
    case DropReason::retries_ended: return "retries_ended";
    case DropReason::environment_end: return "environment_end";
    case DropReason::count: break;
  }
  return "?";
}

std::string to_string(const DataCounters& data) {
  std::string reasons;
  for (std::size_t i = 0; i < static_cast<std::size_t>(DropReason::count); ++i) {
    if (data.dropped[i] == 0) continue;
    reasons.append(concat(reasons.empty() ? " (" : ", ", data.dropped[i], " ", name(static_cast<DropReason>(i))));
  }
  if (!reasons.empty()) reasons.append(")");
  std::string text = concat(data.accepted, " items accepted, ", data.delivered, " delivered, ", data.dropped_total(),
                            " dropped", reasons, ", ", data.recovered, " recovered, ", data.journalled,
                            " left in the journal, ", data.refused, " requests refused, ", data.retries, " sent again");
  if (data.repaired_strings > 0) text.append(concat(", ", data.repaired_strings, " texts repaired"));
  return text;
}

}  // namespace stint
