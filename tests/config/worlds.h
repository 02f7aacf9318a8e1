// SPDX-License-Identifier: Apache-2.0
// A small world for the tests of the configuration: variables, files, the three providers over them, and what they say.
#pragma once

#include <string>
#include <string_view>

#include "config/expand.h"

namespace stint::config {

using Variables = FixedEnvironment::Variables;

class World {
 public:
  explicit World(FixedEnvironment::Variables variables = {}, FixedFiles::Contents contents = {})
      : environment_(std::move(variables)), files_(std::move(contents)), env_(environment_), file_(files_) {}
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Providers providers() const { return list_; }
  std::optional<Node> load(std::string_view uri) { return config::load(uri, list_, diagnostics); }
  /// The document in `text` as the file "c.yaml" would be.
  std::optional<Node> document(std::string text) {
    files_ = FixedFiles({{"c.yaml", std::move(text)}});
    return load("c.yaml");
  }
  /// All diagnostics, one per line, warnings marked.
  std::string said() const {
    std::string text;
    for (const Diagnostic& diagnostic : diagnostics.list()) {
      if (!text.empty()) text.push_back('\n');
      if (diagnostic.severity == Severity::warning) text.append("warning: ");
      text.append(diagnostic.to_string());
    }
    return text;
  }

  Diagnostics diagnostics;

 private:
  FixedEnvironment environment_;
  FixedFiles files_;
  EnvProvider env_;
  FileProvider file_;
  YamlProvider yaml_;
  const Provider* list_[3] = {&env_, &file_, &yaml_};
};

/// The tree in one line: text in quotes, other scalars bare, the original text of an expansion after a bar.
inline std::string shape(const Node& node) {
  std::string text;
  switch (node.kind) {
    case Node::Kind::null: text = "null"; break;
    case Node::Kind::scalar: text = node.is_text ? '"' + node.text + '"' : node.text; break;
    case Node::Kind::list:
      for (const Node& item : node.items) text.append(text.empty() ? "" : ", ").append(shape(item));
      text = '[' + text + ']';
      break;
    case Node::Kind::map:
      for (const Entry& entry : node.entries)
        text.append(text.empty() ? "" : ", ").append(entry.key + ": " + shape(entry.value));
      text = '{' + text + '}';
      break;
  }
  return node.original ? text + '|' + *node.original : text;
}

}  // namespace stint::config
