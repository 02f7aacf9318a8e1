// SPDX-License-Identifier: Apache-2.0
// Expansion: references are found where they stand, and any document over any variables and files ends in a bounded
// tree or an error. Input, cut at NULs: the document, the variables A and B, the file f.
#include <algorithm>

#include "base/limits.h"
#include "config/expand.h"
#include "fuzz/fuzz.h"

namespace stint::fuzz {
namespace {

using config::Node;

struct Measures {
  std::size_t nodes = 0;
  std::size_t bytes = 0;
  std::size_t expanded = 0;
  std::uint32_t depth_max = 0;
};

void measure(const Node& node, std::uint32_t depth, Measures& measures) {
  measures.depth_max = std::max(measures.depth_max, depth);
  ++measures.nodes;
  measures.bytes += node.text.size();
  measures.expanded += node.is_expanded ? 1 : 0;
  for (const Node& item : node.items) measure(item, depth + 1, measures);
  for (const config::Entry& entry : node.entries) measure(entry.value, depth + 1, measures);
}

void check_references(std::string_view text, config::Providers providers) {
  std::size_t from = 0;
  for (std::size_t rounds = 0; rounds <= text.size(); ++rounds) {
    const auto reference = config::find_reference(text, providers, from);
    if (!reference) return;
    STINT_CHECK(reference->begin < reference->end && reference->end <= text.size());
    STINT_CHECK(text.substr(reference->begin, 2) == "${" && text[reference->end - 1] == '}');
    STINT_CHECK(reference->unchanged <= reference->begin);
    if (reference->unchanged <= from) return;
    from = reference->unchanged;
  }
}

}  // namespace

void run(std::string_view bytes) {
  Input input(bytes);
  const std::string document(input.text());
  const std::string a(input.text());
  const std::string b(input.text());
  const std::string file(input.text());
  const config::FixedEnvironment environment({{"A", a}, {"B", b}});
  const config::FixedFiles files({{"c.yaml", document}, {"f", file}});
  const config::EnvProvider env(environment);
  const config::FileProvider file_provider(files);
  const config::YamlProvider yaml;
  const config::Provider* const providers[] = {&env, &file_provider, &yaml};
  check_references(document, providers);
  check_references(a, providers);

  config::Diagnostics diagnostics;
  const std::optional<Node> root = config::load("c.yaml", providers, diagnostics);
  STINT_CHECK(root.has_value() || diagnostics.has_errors());
  if (!root) return;
  Measures measures;
  measure(*root, 0, measures);
  STINT_CHECK(measures.nodes <= limits::config_nodes_max + 1);
  STINT_CHECK(diagnostics.has_errors() || measures.depth_max < limits::config_nesting_max);
  STINT_CHECK(measures.bytes <= limits::config_expanded_bytes_max);
  plant_bug({measures.expanded >= 7, measures.expanded >= 8, !diagnostics.has_errors()}, bytes);
}

}  // namespace stint::fuzz
