// SPDX-License-Identifier: Apache-2.0
// A configuration as a tree: null, scalar, list, map, each with its place in the source. A scalar is text; what it is
// (number, boolean, duration) is asked by the field it is decoded into. Every node owns its bytes. Depth and number of
// nodes are bounded by whoever builds the tree (yaml.h, expand.h), so that recursion over it is safe.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.h"

namespace stint::config {

struct Entry;

/// Move-only; `copy()` makes a second tree on purpose.
struct Node {
  enum class Kind : std::uint8_t { null, scalar, list, map };

  Kind kind = Kind::null;
  /// A scalar that can only be text: quoted, tagged `!!str`, or put together by an expansion.
  bool is_text = false;
  /// A scalar that came out of an expansion, in whole or in part: perhaps a secret, never shown.
  bool is_expanded = false;
  Position position;
  std::string text;            // scalar
  std::vector<Node> items;     // list
  std::vector<Entry> entries;  // map, in the document's order
  /// What an expansion as a whole gave, before it was read as YAML: a field of type string takes this.
  std::unique_ptr<std::string> original;

  Node() = default;
  Node(Node&&) noexcept = default;
  Node& operator=(Node&&) noexcept = default;
  ~Node();  // out of line, like copy(): many places end a node

  bool is_null() const { return kind == Kind::null; }
  bool is_scalar() const { return kind == Kind::scalar; }
  bool is_list() const { return kind == Kind::list; }
  bool is_map() const { return kind == Kind::map; }

  /// The entry of a map with this key; nullptr when there is none or this is no map. Valid until: the tree changes.
  const Entry* find_entry(std::string_view key) const;
  const Node* find(std::string_view key) const;
  Node copy() const;
};

struct Entry {
  std::string key;
  Position position;  // of the key
  Node value;
};

/// A scalar that is text and nothing else.
Node text_node(std::string text, Position position);

/// What a tree may still take: shared by all sources of one configuration.
class TreeBudget {
 public:
  TreeBudget();
  /// Takes one node and `bytes` of text; false when one of the two is used up (limits.h: config_nodes_max,
  /// config_expanded_bytes_max).
  bool take(std::size_t bytes);

 private:
  std::size_t nodes_left_;
  std::size_t bytes_left_;
};

/// A copy at level `depth` that is paid from `budget`; false when that does not suffice or the copy would reach below
/// config_nesting_max (`into` is then incomplete).
bool copy_within(const Node& from, Node& into, TreeBudget& budget, std::uint32_t depth);

}  // namespace stint::config
