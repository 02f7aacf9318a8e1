// SPDX-License-Identifier: Apache-2.0
#include "config/flush_policy.h"

#include <charconv>
#include <utility>

#include "base/log.h"

namespace stint::config {
namespace {

constexpr std::pair<std::string_view, FlushKind> kinds[] = {{"adaptive", FlushKind::adaptive},
                                                            {"end", FlushKind::end},
                                                            {"continuous", FlushKind::continuous},
                                                            {"periodic", FlushKind::periodic}};
constexpr std::int64_t interval_ms_max = std::int64_t{24} * 3600 * 1000;

std::optional<Nanoseconds> parse_interval(std::string_view text) {
  std::int64_t ms = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, ms);
  if (error != std::errc() || stopped != end || ms < 0 || ms > interval_ms_max) return std::nullopt;
  return Milliseconds(ms);
}

}  // namespace

std::optional<FlushPolicy> parse_flush_policy(std::string_view text) {
  const std::size_t comma = text.find(',');
  for (const auto& [word, kind] : kinds) {
    if (text.substr(0, comma) != word) continue;
    FlushPolicy policy{kind, kind == FlushKind::periodic ? periodic_flush_interval : Nanoseconds()};
    if (comma == std::string_view::npos) return policy;
    const std::optional<Nanoseconds> interval = parse_interval(text.substr(comma + 1));
    if (kind == FlushKind::adaptive || !interval) return std::nullopt;
    policy.interval = *interval;
    return policy;
  }
  return std::nullopt;
}

std::string wrong_flush_policy(const std::string& text) {
  if (parse_flush_policy(text)) return {};
  return concat("expected ", flush_policy_forms, ", found the text '", text, "'");
}

}  // namespace stint::config
