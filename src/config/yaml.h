// SPDX-License-Identifier: Apache-2.0
// YAML text into a tree: libyaml's events, one document, aliases and merge keys resolved, duplicate keys refused,
// keys with `::` taken apart into nested maps as the reference does. Bounded by limits.h: bytes, nesting, nodes.
#pragma once

#include <optional>
#include <string_view>

#include "config/tree.h"

namespace stint::config {

/// The document in `text`; a null node when it is empty. `depth` counts the levels that already lie above it.
/// Borrows: text, for the call. Fails: nullopt, with at least one error in `diagnostics`.
std::optional<Node> parse_yaml(std::string_view text, std::uint16_t source, TreeBudget& budget,
                               Diagnostics& diagnostics, std::uint32_t depth = 0);

}  // namespace stint::config
