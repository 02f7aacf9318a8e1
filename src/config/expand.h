// SPDX-License-Identifier: Apache-2.0
// `${scheme:opaque}` in values, by the reference's rules: innermost first, what comes out is expanded again, `$$` is a
// dollar, an odd number of dollars before `${` escapes it. A value that is one expansion takes the type of what came
// out (maps and lists too) and remembers the text for fields of type string; inside other text it is always text.
// On purpose different: `${NAME}` and `${NAME:-default}` mean the environment (old layers, stock collectors), other
// braces without a scheme stay as they are; after an escaped reference the next one is still expanded.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "config/provider.h"
#include "config/tree.h"

namespace stint::config {

using Providers = std::span<const Provider* const>;

/// The configuration behind one URI, expanded: a path (no colon, or a one-letter scheme), or "scheme:opaque".
/// A value whose expansion failed is null in the tree and an error in `diagnostics`, so that decoding may go on and
/// find more. Fails: nullopt when there is no tree at all; `diagnostics` has the error.
std::optional<Node> load(std::string_view uri, Providers providers, Diagnostics& diagnostics);

/// Expands one tree on its own. False when something failed.
bool expand(Node& root, Providers providers, TreeBudget& budget, Diagnostics& diagnostics);

/// A reference in `text`: the first closing brace with its nearest `${` that can be expanded.
struct Reference {
  std::size_t begin;      // of `${`
  std::size_t end;        // past `}`
  std::size_t unchanged;  // once the reference is replaced, the search may go on from here
};
/// For the expander, its fuzz target and the tests. `from`: 0, or a former reference's `unchanged`.
std::optional<Reference> find_reference(std::string_view text, Providers providers, std::size_t from = 0);

}  // namespace stint::config
