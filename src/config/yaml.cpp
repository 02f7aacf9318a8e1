// SPDX-License-Identifier: Apache-2.0
// The builder over libyaml's events. The document API is not used: it keeps no place of a key's own and copies more.
#include "config/yaml.h"

#include <yaml.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "config/scalar.h"

namespace stint::config {
namespace {

std::string_view view(const yaml_char_t* text) {
  return text == nullptr ? std::string_view() : std::string_view(reinterpret_cast<const char*>(text));
}

struct Event : yaml_event_t {
  Event() : yaml_event_t{} {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { yaml_event_delete(this); }
};

class Builder {
 public:
  Builder(std::string_view text, std::uint16_t source, TreeBudget& budget, Diagnostics& diagnostics)
      : text_(text), source_(source), budget_(budget), diagnostics_(diagnostics) {
    STINT_CHECK(yaml_parser_initialize(&parser_) == 1);
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;
  ~Builder() { yaml_parser_delete(&parser_); }

  bool document(Node& root, std::uint32_t depth);

 private:
  bool next(Event& event);
  bool value(const Event& event, Node& into, std::uint32_t depth);
  bool scalar(const Event& event, Node& into);
  bool list(Node& into, std::uint32_t depth);
  bool map(Node& into, std::uint32_t depth);
  bool key(const Event& event, Entry& into, bool& is_merge);
  bool alias(const Event& event, Node& into, std::uint32_t depth);
  bool merge(Node& map, const Node& merged, Position position, std::uint32_t depth);
  bool merge_one(Node& map, const Node& merged, Position position, std::uint32_t depth);
  bool unique_keys(Node& map);
  bool split_keys(Node& map, std::uint32_t depth);
  bool place(Node& map, Entry entry, std::uint32_t depth);

  bool fail(Position position, std::string message) {
    diagnostics_.error(position, {}, std::move(message));
    return false;
  }
  bool fail_over_budget(Position position) {
    return fail(position, concat("too large or too deep once aliases and expansions are resolved: at most ",
                                 limits::config_nodes_max, " values, ", limits::config_expanded_bytes_max,
                                 " bytes of text and ", limits::config_nesting_max, " levels"));
  }
  bool fail_parse();
  Position at(const yaml_mark_t& mark) const {
    return {source_, static_cast<std::uint32_t>(mark.line + 1), static_cast<std::uint32_t>(mark.column + 1)};
  }

  yaml_parser_t parser_;
  std::string_view text_;
  std::uint16_t source_;
  TreeBudget& budget_;
  Diagnostics& diagnostics_;
  std::vector<std::pair<std::string, Node>> anchors_;
  Position last_quote_;               // where the last quoted scalar over several lines began
  std::uint32_t last_quote_end_ = 0;  // and the line where it ended
};

bool Builder::fail_parse() {
  const yaml_mark_t& mark = parser_.problem_mark;
  const std::string_view problem = parser_.problem == nullptr ? "not YAML" : parser_.problem;
  const std::string_view context = parser_.context == nullptr ? "" : parser_.context;
  if (parser_.error == YAML_READER_ERROR) {
    const std::size_t end = std::min(parser_.problem_offset, text_.size());
    const auto line = 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(end), '\n');
    return fail({source_, static_cast<std::uint32_t>(line), 0},
                concat("not UTF-8 text without control characters (", problem, ")"));
  }
  if (context == "while scanning a quoted scalar")
    return fail(at(parser_.context_mark), "the quote opened here is never closed");
  if (last_quote_.line > 0 && mark.line + 1 >= last_quote_end_ && mark.line <= last_quote_end_)
    return fail(last_quote_, concat("the quote opened here ends only in line ", last_quote_end_,
                                    ", where the text goes on as if it had not: is its closing quote missing?"));
  if (context == "while parsing a flow sequence" || context == "while parsing a flow mapping")
    return fail(at(parser_.context_mark),
                concat("the bracket opened here is not closed: ", problem, " in line ", mark.line + 1));
  std::string message(problem);
  if (mark.index < text_.size() && text_[mark.index] == '\t') message.append("; indent with spaces, not with tabs");
  if (!context.empty())
    message.append(concat(" (", context, " that begins in line ", parser_.context_mark.line + 1, ")"));
  return fail(at(mark), std::move(message));
}

bool Builder::next(Event& event) {
  yaml_event_delete(&event);
  if (yaml_parser_parse(&parser_, &event) != 1) return fail_parse();
  return true;
}

bool Builder::document(Node& root, std::uint32_t depth) {
  Event event;
  if (!next(event) || !next(event)) return false;
  root.position = at(event.start_mark);
  if (event.type == YAML_STREAM_END_EVENT) return true;
  if (!next(event) || !value(event, root, depth) || !next(event) || !next(event)) return false;
  if (event.type == YAML_STREAM_END_EVENT) return true;
  return fail(at(event.start_mark), "a second document begins here: a configuration is one document");
}

bool Builder::value(const Event& event, Node& into, std::uint32_t depth) {
  into.position = at(event.start_mark);
  if (depth >= limits::config_nesting_max)
    return fail(into.position, concat("nested too deeply: at most ", limits::config_nesting_max, " levels"));
  if (event.type == YAML_ALIAS_EVENT) return alias(event, into, depth);
  if (!budget_.take(event.type == YAML_SCALAR_EVENT ? event.data.scalar.length : 0))
    return fail_over_budget(into.position);
  std::string anchor_name;
  bool good = false;
  if (event.type == YAML_SCALAR_EVENT) {
    anchor_name = view(event.data.scalar.anchor);
    good = scalar(event, into);
  } else if (event.type == YAML_SEQUENCE_START_EVENT) {
    anchor_name = view(event.data.sequence_start.anchor);
    good = list(into, depth);
  } else {
    anchor_name = view(event.data.mapping_start.anchor);
    good = map(into, depth);
  }
  if (!good || anchor_name.empty()) return good;
  Node kept;
  if (!copy_within(into, kept, budget_, 0)) return fail_over_budget(into.position);
  anchors_.emplace_back(std::move(anchor_name), std::move(kept));
  return true;
}

bool Builder::scalar(const Event& event, Node& into) {
  const auto& data = event.data.scalar;
  into.kind = Node::Kind::scalar;
  into.text.assign(reinterpret_cast<const char*>(data.value), data.length);
  into.is_text = data.style != YAML_PLAIN_SCALAR_STYLE;
  if (into.is_text && event.start_mark.line != event.end_mark.line && data.style <= YAML_DOUBLE_QUOTED_SCALAR_STYLE) {
    last_quote_ = into.position;
    last_quote_end_ = static_cast<std::uint32_t>(event.end_mark.line + 1);
  }
  const std::string_view tag = view(data.tag);
  if (tag == YAML_STR_TAG || tag == "!") {
    into.is_text = true;
  } else if (tag == YAML_INT_TAG || tag == YAML_FLOAT_TAG || tag == YAML_BOOL_TAG || tag == YAML_NULL_TAG) {
    into.is_text = false;
  } else if (!tag.empty()) {
    return fail(into.position, concat("the tag ", tag, " is not supported; write the value without it"));
  }
  if (!into.is_text && scalar_type(into.text) == ScalarType::null) {
    into.kind = Node::Kind::null;
    into.text.clear();
  }
  return true;
}

bool Builder::list(Node& into, std::uint32_t depth) {
  into.kind = Node::Kind::list;
  for (Event event; next(event);) {
    if (event.type == YAML_SEQUENCE_END_EVENT) return true;
    if (!value(event, into.items.emplace_back(), depth + 1)) return false;
  }
  return false;
}

bool Builder::key(const Event& event, Entry& into, bool& is_merge) {
  into.position = at(event.start_mark);
  if (event.type != YAML_SCALAR_EVENT)
    return fail(into.position, "a key must be plain text, not a list, a map or an alias");
  const auto& data = event.data.scalar;
  into.key.assign(reinterpret_cast<const char*>(data.value), data.length);
  is_merge = into.key == "<<" && data.style == YAML_PLAIN_SCALAR_STYLE;
  return budget_.take(data.length) || fail_over_budget(into.position);
}

bool Builder::map(Node& into, std::uint32_t depth) {
  into.kind = Node::Kind::map;
  std::optional<Entry> merged;
  for (Event event; next(event);) {
    if (event.type == YAML_MAPPING_END_EVENT)
      return unique_keys(into) && (!merged || merge(into, merged->value, merged->position, depth)) &&
             split_keys(into, depth);
    Entry entry;
    bool is_merge = false;
    if (!key(event, entry, is_merge) || !next(event) || !value(event, entry.value, depth + 1)) return false;
    if (!is_merge) {
      into.entries.push_back(std::move(entry));
    } else if (merged) {
      return fail(entry.position, concat("the key '<<' is already in line ", merged->position.line,
                                         "; merge several maps with one list: <<: [*a, *b]"));
    } else {
      merged = std::move(entry);
    }
  }
  return false;
}

bool Builder::alias(const Event& event, Node& into, std::uint32_t depth) {
  const std::string_view name = view(event.data.alias.anchor);
  const Position position = into.position;
  for (auto anchor = anchors_.rbegin(); anchor != anchors_.rend(); ++anchor) {
    if (anchor->first != name) continue;
    return copy_within(anchor->second, into, budget_, depth) || fail_over_budget(position);
  }
  return fail(position, concat("the alias '*", name, "' names no anchor that is complete above it"));
}

bool Builder::merge(Node& map, const Node& merged, Position position, std::uint32_t depth) {
  if (!merged.is_list()) return merge_one(map, merged, position, depth);
  for (const Node& one : merged.items) {
    if (!merge_one(map, one, position, depth)) return false;
  }
  return true;
}

bool Builder::merge_one(Node& map, const Node& merged, Position position, std::uint32_t depth) {
  if (!merged.is_map()) return fail(position, "'<<' takes a map, an alias of a map or a list of them");
  for (const Entry& entry : merged.entries) {
    if (map.find_entry(entry.key) != nullptr) continue;
    Entry& made = map.entries.emplace_back(Entry{entry.key, entry.position, {}});
    if (!copy_within(entry.value, made.value, budget_, depth + 1)) return fail_over_budget(position);
  }
  return true;
}

bool Builder::unique_keys(Node& map) {
  std::vector<const Entry*> sorted;
  sorted.reserve(map.entries.size());
  for (const Entry& entry : map.entries) sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(), [](const Entry* a, const Entry* b) {
    const int order = a->key.compare(b->key);
    return order != 0 ? order < 0 : a < b;
  });
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    if (sorted[i]->key != sorted[i - 1]->key) continue;
    return fail(sorted[i]->position,
                concat("the key '", sorted[i]->key, "' is already in line ", sorted[i - 1]->position.line));
  }
  return true;
}

bool Builder::split_keys(Node& map, std::uint32_t depth) {
  const auto has_path = [](const Entry& entry) { return entry.key.find("::") != std::string::npos; };
  if (std::none_of(map.entries.begin(), map.entries.end(), has_path)) return true;
  std::vector<Entry> entries = std::exchange(map.entries, {});
  for (Entry& entry : entries) {
    if (!place(map, std::move(entry), depth)) return false;
  }
  return true;
}

/// `a::b: x` goes below `a` as `b: x`; maps that meet there become one.
bool Builder::place(Node& map, Entry entry, std::uint32_t depth) {
  if (depth >= limits::config_nesting_max || !budget_.take(0)) return fail_over_budget(entry.position);
  const std::size_t cut = entry.key.find("::");
  const std::string first = entry.key.substr(0, cut);
  const auto same = [&first](const Entry& other) { return other.key == first; };
  const auto there = std::find_if(map.entries.begin(), map.entries.end(), same);
  if (there == map.entries.end() && cut == std::string::npos) {
    map.entries.push_back(std::move(entry));
    return true;
  }
  Entry& target = there != map.entries.end() ? *there : map.entries.emplace_back(Entry{first, entry.position, {}});
  if (target.value.is_null()) {
    target.value.kind = Node::Kind::map;
    target.value.position = entry.position;
  }
  const bool is_leaf = cut == std::string::npos;
  if (!target.value.is_map() || (is_leaf && !entry.value.is_map() && !entry.value.is_null()))
    return fail(entry.position, concat("the key '", first, "' is already in line ", target.position.line));
  if (!is_leaf) {
    entry.key.erase(0, cut + 2);
    return place(target.value, std::move(entry), depth + 1);
  }
  for (Entry& inner : entry.value.entries) {
    if (!place(target.value, std::move(inner), depth + 1)) return false;
  }
  return true;
}

bool is_utf16(std::string_view text) {
  return text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff") ||
         (text.size() >= 2 && (text[0] == '\0') != (text[1] == '\0'));
}

/// libyaml compares each with all before it.
bool has_many_tag_directives(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = text.find("%TAG"); at != std::string_view::npos && count < 100; at = text.find("%TAG", at + 4))
    ++count;
  return count == 100;
}

}  // namespace

std::optional<Node> parse_yaml(std::string_view text, std::uint16_t source, TreeBudget& budget,
                               Diagnostics& diagnostics, std::uint32_t depth) {
  if (text.size() > limits::config_bytes_max) {
    diagnostics.error({source, 0, 0}, {}, concat("larger than ", limits::config_bytes_max, " bytes"));
    return std::nullopt;
  }
  if (is_utf16(text)) {
    diagnostics.error({source, 0, 0}, {}, "written as UTF-16; save it as UTF-8");
    return std::nullopt;
  }
  if (has_many_tag_directives(text)) {
    diagnostics.error({source, 0, 0}, {}, "has a hundred %TAG directives; a configuration needs none");
    return std::nullopt;
  }
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  Node root;
  Builder builder(text, source, budget, diagnostics);
  if (!builder.document(root, depth)) return std::nullopt;
  return root;
}

}  // namespace stint::config
