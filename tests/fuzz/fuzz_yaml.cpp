// SPDX-License-Identifier: Apache-2.0
// A configuration as it is loaded: any text ends in a bounded tree or in an error with a line of the text, and the
// components' schemas take any tree. Input: the document.
#include <algorithm>

#include "base/limits.h"
#include "config/expand.h"
#include "config/service.h"
#include "exporters/otlphttp.h"
#include "fuzz/fuzz.h"
#include "pipeline/graph.h"
#include "processors/batch.h"
#include "processors/decouple.h"
#include "receivers/otlp.h"

namespace stint::fuzz {
namespace {

using config::Node;

constexpr ReceiverType receiver_types[] = {receiver_type<OtlpReceiver>("otlp", "")};
constexpr ProcessorType processor_types[] = {processor_type<BatchProcessor>("batch", ""),
                                             processor_type<DecoupleProcessor>("decouple", "")};
constexpr ExporterType exporter_types[] = {exporter_type<OtlpHttpExporter>("otlphttp", "")};
constexpr ComponentTable table{receiver_types, processor_types, exporter_types};

struct Measures {
  std::size_t nodes = 0;
  std::size_t longest_list = 0;
  std::uint32_t depth_max = 0;
};

void measure(const Node& node, std::uint32_t depth, std::size_t lines, Measures& measures) {
  STINT_CHECK(node.position.line <= lines);
  measures.depth_max = std::max(measures.depth_max, depth);
  ++measures.nodes;
  measures.longest_list = std::max(measures.longest_list, node.items.size());
  for (const Node& item : node.items) measure(item, depth + 1, lines, measures);
  for (const config::Entry& entry : node.entries) measure(entry.value, depth + 1, lines, measures);
}

void check_diagnostics(const config::Diagnostics& diagnostics, std::size_t lines) {
  for (const config::Diagnostic& diagnostic : diagnostics.list()) {
    STINT_CHECK(!diagnostic.message.empty() && diagnostic.line <= lines);
  }
}

// Every kind of line break that YAML knows: an upper bound.
std::size_t lines_of(std::string_view text) {
  std::size_t lines = 2;
  for (const char c : text) lines += c == '\n' || c == '\r' || c == '\x85' || c == '\xA8' || c == '\xA9' ? 1 : 0;
  return lines;
}

}  // namespace

void run(std::string_view text) {
  const std::size_t lines = lines_of(text);
  config::Diagnostics diagnostics;
  const config::FixedFiles files({{"c.yaml", std::string(text)}});
  const config::FileProvider file(files);
  const config::Provider* const providers[] = {&file};
  std::optional<Node> root = config::load("c.yaml", providers, diagnostics);
  STINT_CHECK(root.has_value() || diagnostics.has_errors());
  if (root) {
    Measures measures;
    measure(*root, 0, lines, measures);
    STINT_CHECK(measures.nodes <= limits::config_nodes_max + 1);
    STINT_CHECK(diagnostics.has_errors() || measures.depth_max < limits::config_nesting_max);
    plant_bug({measures.longest_list >= 5, measures.longest_list >= 6}, text);
    const config::ServiceConfig service = config::decode_service(std::move(*root), diagnostics);
    Graph::check(service, table, diagnostics);
  }
  check_diagnostics(diagnostics, lines);
}

}  // namespace stint::fuzz
