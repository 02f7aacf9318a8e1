// SPDX-License-Identifier: Apache-2.0
// Expansion and loading. Every expansion of a configuration counts against one limit, so that a cycle ends at once.
#include "config/expand.h"

#include <algorithm>

#include "base/limits.h"
#include "base/log.h"
#include "config/scalar.h"
#include "config/yaml.h"

namespace stint::config {
namespace {

const Provider* find_provider(Providers providers, std::string_view scheme) {
  const auto found = std::find_if(providers.begin(), providers.end(),
                                  [scheme](const Provider* provider) { return provider->scheme() == scheme; });
  return found == providers.end() ? nullptr : *found;
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_scheme(std::string_view text) {
  const auto allowed = [](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '.' || c == '-';
  };
  return text.size() >= 2 && is_letter(text[0]) && std::all_of(text.begin(), text.end(), allowed);
}

/// "NAME" and "NAME:-default", where NAME is not a scheme that we have.
bool is_bare_variable(std::string_view inside, Providers providers) {
  const std::size_t colon = inside.find(':');
  const std::string_view name = inside.substr(0, colon);
  if (!is_variable_name(name)) return false;
  if (colon == std::string_view::npos) return true;
  return inside.substr(colon).starts_with(":-") && find_provider(providers, name) == nullptr;
}

/// Why `scheme` cannot be used, naming those that can.
std::string scheme_error(std::string_view scheme, Providers providers) {
  for (const std::string_view later : {"http", "https", "s3", "secretsmanager"}) {
    if (scheme == later) return concat("the scheme '", scheme, ":' is not supported yet");
  }
  std::string known;
  for (const Provider* provider : providers)
    known.append(known.empty() ? "" : ", ").append(provider->scheme()).append(":");
  return concat("the scheme '", scheme, ":' is unknown; known are ", known);
}

void replace_double_dollars(std::string& text) {
  if (text.find("$$") == std::string::npos) return;
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    out.push_back(text[i]);
    if (text[i] == '$' && i + 1 < text.size() && text[i + 1] == '$') ++i;
  }
  text = std::move(out);
}

/// True for text that YAML can only read as one plain scalar: most values of variables, and no parser is set up then.
bool is_simple_scalar(std::string_view text) {
  const auto simple = [](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || std::string_view("_./:+=~-").find(c) != std::string_view::npos;
  };
  if (text.empty() || !std::all_of(text.begin(), text.end(), simple) || text.back() == ':') return false;
  return std::string_view(".:+=~-").find(text.front()) == std::string_view::npos;
}

std::optional<Node> parse_value(std::string_view text, std::uint16_t source, TreeBudget& budget,
                                Diagnostics& diagnostics, std::uint32_t depth) {
  if (!is_simple_scalar(text)) return parse_yaml(text, source, budget, diagnostics, depth);
  Node node = text_node(std::string(text), Position{source, 1, 1});
  node.is_text = false;
  if (scalar_type(text) == ScalarType::null) node.kind = Node::Kind::null;
  return node;
}

/// Nothing of an expanded map is shown in a message either, unless it is a file, which the message names.
void mark_expanded(Node& node) {
  node.is_expanded = true;
  for (Node& item : node.items) mark_expanded(item);
  for (Entry& entry : node.entries) mark_expanded(entry.value);
}

void drop_last_line_break(std::string& text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
}

class Expander {
 public:
  Expander(Providers providers, TreeBudget& budget, Diagnostics& diagnostics)
      : providers_(providers), budget_(budget), diagnostics_(diagnostics) {}

  bool node(Node& node, const Path& path, std::uint32_t depth);
  std::optional<Retrieved> retrieve(std::string_view inside, Position position, const Path& path);

 private:
  bool scalar(Node& node, const Path& path, std::uint32_t depth);
  bool whole(Node& node, const Path& path, std::uint32_t depth);
  bool splice(std::string& text, Reference reference, Position position, const Path& path);
  bool inline_text(std::string& text, Position position, const Path& path);
  bool children(Node& node, const Path& path, std::uint32_t depth);
  void keep_original(Node& node, std::string text, bool is_file, const Path& path);
  bool fail(Position position, const Path& path, std::string message) {
    if (!silent_) diagnostics_.error(position, path.to_string(), std::move(message));
    return false;
  }

  Providers providers_;
  TreeBudget& budget_;
  Diagnostics& diagnostics_;
  bool silent_ = false;  // failures of the original text of a value that is fine as YAML
  std::uint32_t expansions_left_ = limits::config_expansions_max;
  bool exhausted_ = false;
};

std::optional<Retrieved> Expander::retrieve(std::string_view inside, Position position, const Path& path) {
  if (expansions_left_ == 0) {
    silent_ = false;
    if (!exhausted_)
      fail(position, path,
           concat("more than ", limits::config_expansions_max, " expansions; does ${", inside,
                  "} lead back to itself?"));
    exhausted_ = true;
    return std::nullopt;
  }
  --expansions_left_;
  const bool bare = is_bare_variable(inside, providers_);
  const std::size_t colon = inside.find(':');
  const std::string_view scheme = bare ? "env" : inside.substr(0, colon);
  const std::string_view opaque = bare ? inside : inside.substr(colon + 1);
  Retrieved retrieved;
  if (!is_scheme(scheme)) {
    retrieved.error = concat("'", scheme, "' cannot be a scheme; write ${env:NAME}, or $${ for a plain ${");
  } else if (opaque.find('$') != std::string_view::npos) {
    retrieved.error = concat("a '$' cannot be part of ${", inside, "}");
  } else if (const Provider* const provider = find_provider(providers_, scheme)) {
    retrieved = provider->retrieve(opaque);
  } else {
    retrieved.error = scheme_error(scheme, providers_);
  }
  if (!retrieved.error.empty()) {
    fail(position, path, std::move(retrieved.error));
    return std::nullopt;
  }
  if (!retrieved.warning.empty() && !silent_)
    diagnostics_.warn(position, path.to_string(), std::move(retrieved.warning));
  if (!budget_.take(retrieved.text.size())) {
    fail(position, path, concat("the expansions give more than ", limits::config_expanded_bytes_max, " bytes"));
    return std::nullopt;
  }
  return retrieved;
}

/// Replaces one reference in the midst of text.
bool Expander::splice(std::string& text, Reference reference, Position position, const Path& path) {
  const std::string inside = text.substr(reference.begin + 2, reference.end - reference.begin - 3);
  std::optional<Retrieved> retrieved = retrieve(inside, position, path);
  if (!retrieved) return false;
  if (retrieved->is_file) drop_last_line_break(retrieved->text);
  text.replace(reference.begin, reference.end - reference.begin, retrieved->text);
  if (text.size() <= limits::config_bytes_max) return true;
  return fail(position, path, concat("expands to more than ", limits::config_bytes_max, " bytes"));
}

bool Expander::inline_text(std::string& text, Position position, const Path& path) {
  std::size_t from = 0;
  while (const auto reference = find_reference(text, providers_, from)) {
    from = reference->unchanged;
    if (!splice(text, *reference, position, path)) return false;
  }
  return true;
}

/// The text for fields of type string. It is kept only if it can be expanded itself; nothing is said if not, for the
/// value as YAML is what most fields take.
void Expander::keep_original(Node& node, std::string text, bool is_file, const Path& path) {
  const bool has_reference = text.find("${") != std::string::npos;
  if (has_reference && !node.is_scalar() && is_file) return;
  silent_ = true;
  const bool good = inline_text(text, node.position, path);
  silent_ = false;
  if (!good) return;
  replace_double_dollars(text);
  node.original = std::make_unique<std::string>(std::move(text));
}

/// Replaces a scalar that is one reference and nothing else.
bool Expander::whole(Node& node, const Path& path, std::uint32_t depth) {
  const Position position = node.position;
  std::optional<Retrieved> retrieved =
      retrieve(std::string_view(node.text).substr(2, node.text.size() - 3), position, path);
  if (!retrieved) {
    node.kind = Node::Kind::null;
    return false;
  }
  Diagnostics why_not_yaml;
  std::optional<Node> value;
  if (retrieved->form == Retrieved::Form::yaml) {
    const std::uint16_t source = diagnostics_.add_source(retrieved->source);
    for (std::uint16_t i = 0; i <= source; ++i) why_not_yaml.add_source(diagnostics_.source_name(i));
    value = parse_value(retrieved->text, source, budget_, why_not_yaml, depth);
  }
  const bool is_file = retrieved->is_file;
  if (is_file) drop_last_line_break(retrieved->text);
  if (!value && is_file && retrieved->text.find('\n') != std::string::npos && !why_not_yaml.list().empty())
    diagnostics_.warn(position, path.to_string(),
                      concat("taken as text, since it is not YAML: ", why_not_yaml.list().front().to_string()));
  const bool is_text =
      !value || (value->is_scalar() && (value->is_text || scalar_type(value->text) == ScalarType::text));
  if (is_text) {
    node = text_node(std::move(retrieved->text), position);
    return true;
  }
  node = std::move(*value);
  if (!node.is_list() && !node.is_map()) node.position = position;
  if (!is_file) mark_expanded(node);
  keep_original(node, std::move(retrieved->text), is_file, path);
  return children(node, path, depth);
}

bool Expander::scalar(Node& node, const Path& path, std::uint32_t depth) {
  std::size_t from = 0;
  while (node.is_scalar() && !node.original) {
    const auto reference = find_reference(node.text, providers_, from);
    if (!reference) break;
    from = reference->unchanged;
    const bool is_whole = reference->begin == 0 && reference->end == node.text.size();
    if (is_whole) {
      if (!whole(node, path, depth)) return false;
    } else if (splice(node.text, *reference, node.position, path)) {
      node.is_text = true;
    } else {
      node.kind = Node::Kind::null;
      return false;
    }
    node.is_expanded = true;
  }
  if (node.is_scalar()) replace_double_dollars(node.text);
  return true;
}

bool Expander::children(Node& node, const Path& path, std::uint32_t depth) {
  bool good = true;
  for (std::size_t i = 0; i < node.items.size() && !exhausted_; ++i)
    good &= this->node(node.items[i], path.item(i), depth + 1);
  for (Entry& entry : node.entries) {
    if (exhausted_) break;
    good &= this->node(entry.value, path.child(entry.key), depth + 1);
  }
  return good && !exhausted_;
}

bool Expander::node(Node& node, const Path& path, std::uint32_t depth) {
  if (depth >= limits::config_nesting_max)
    return fail(node.position, path, concat("expands to more than ", limits::config_nesting_max, " levels"));
  return node.is_scalar() ? scalar(node, path, depth) : children(node, path, depth);
}

/// The path or URI as scheme and opaque part.
std::pair<std::string_view, std::string_view> split_root(std::string_view uri) {
  const std::size_t colon = uri.find(':');
  if (colon == std::string_view::npos || colon < 2) return {"file", uri};
  return {uri.substr(0, colon), uri.substr(colon + 1)};
}

}  // namespace

std::optional<Reference> find_reference(std::string_view text, Providers providers, std::size_t from) {
  for (std::size_t start = from;;) {
    const std::size_t close = text.find('}', start);
    if (close == std::string_view::npos) return std::nullopt;
    const std::size_t open = text.substr(start, close - start).rfind("${");
    if (open != std::string_view::npos) {
      const std::size_t begin = start + open;
      const std::string_view inside = text.substr(begin + 2, close - begin - 2);
      std::size_t dollars = 0;
      while (dollars < begin && text[begin - 1 - dollars] == '$') ++dollars;
      const bool is_uri = inside.find(':') != std::string_view::npos;
      if (dollars % 2 == 0 && (is_uri || is_bare_variable(inside, providers)))
        return Reference{begin, close + 1, start};
    }
    start = close + 1;
  }
}

bool expand(Node& root, Providers providers, TreeBudget& budget, Diagnostics& diagnostics) {
  return Expander(providers, budget, diagnostics).node(root, Path{}, 0);
}

std::optional<Node> load(std::string_view uri, Providers providers, Diagnostics& diagnostics) {
  const auto [scheme, opaque] = split_root(uri);
  const Position nowhere{diagnostics.add_source(uri), 0, 0};
  if (uri.empty()) return diagnostics.error(nowhere, {}, "the configuration's URI is empty; give a path"), std::nullopt;
  const Provider* const provider = find_provider(providers, scheme);
  if (provider == nullptr) return diagnostics.error(nowhere, {}, scheme_error(scheme, providers)), std::nullopt;
  Retrieved retrieved = provider->retrieve(opaque);
  if (retrieved.error.empty() && !retrieved.warning.empty())
    retrieved.error = concat("nothing there: ", retrieved.warning);
  if (!retrieved.error.empty()) return diagnostics.error(nowhere, {}, std::move(retrieved.error)), std::nullopt;
  TreeBudget budget;
  std::optional<Node> root = parse_yaml(retrieved.text, diagnostics.add_source(retrieved.source), budget, diagnostics);
  if (!root) return std::nullopt;
  const bool expanded = expand(*root, providers, budget, diagnostics);
  if (!root->is_map()) {
    const std::string_view found = root->is_null() ? "is empty" : root->is_list() ? "is a list" : "is text";
    if (expanded)
      diagnostics.error(
          root->position, {},
          concat("the configuration ", found, "; it must be a map with receivers, exporters and service"));
    return std::nullopt;
  }
  return root;
}

}  // namespace stint::config
