// SPDX-License-Identifier: Apache-2.0
// Look-up and copies of configuration trees.
#include "config/tree.h"

#include "base/limits.h"

namespace stint::config {

Node::~Node() = default;

const Entry* Node::find_entry(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

const Node* Node::find(std::string_view key) const {
  const Entry* const entry = find_entry(key);
  return entry == nullptr ? nullptr : &entry->value;
}

Node Node::copy() const {
  Node node;
  node.kind = kind;
  node.is_text = is_text;
  node.is_expanded = is_expanded;
  node.position = position;
  node.text = text;
  node.items.reserve(items.size());
  for (const Node& item : items) node.items.push_back(item.copy());
  node.entries.reserve(entries.size());
  for (const Entry& entry : entries) node.entries.push_back(Entry{entry.key, entry.position, entry.value.copy()});
  if (original) node.original = std::make_unique<std::string>(*original);
  return node;
}

Node text_node(std::string text, Position position) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.is_text = true;
  node.position = position;
  node.text = std::move(text);
  return node;
}

TreeBudget::TreeBudget() : nodes_left_(limits::config_nodes_max), bytes_left_(limits::config_expanded_bytes_max) {}

bool TreeBudget::take(std::size_t bytes) {
  if (nodes_left_ == 0 || bytes > bytes_left_) return false;
  --nodes_left_;
  bytes_left_ -= bytes;
  return true;
}

bool copy_within(const Node& from, Node& into, TreeBudget& budget, std::uint32_t depth) {
  if (depth >= limits::config_nesting_max || !budget.take(from.text.size())) return false;
  into.kind = from.kind;
  into.is_text = from.is_text;
  into.is_expanded = from.is_expanded;
  into.position = from.position;
  into.text = from.text;
  for (const Node& item : from.items) {
    if (!copy_within(item, into.items.emplace_back(), budget, depth + 1)) return false;
  }
  for (const Entry& entry : from.entries) {
    if (!budget.take(entry.key.size())) return false;
    Entry& made = into.entries.emplace_back(Entry{entry.key, entry.position, {}});
    if (!copy_within(entry.value, made.value, budget, depth + 1)) return false;
  }
  return true;
}

}  // namespace stint::config
