// SPDX-License-Identifier: Apache-2.0
// The root of a configuration: component sections, and `service` with its pipelines. Decoded as far as it can be
// without knowing which components exist; the graph (pipeline) does the rest and finds the place of everything here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "config/flush_policy.h"
#include "config/schema.h"

namespace stint::config {

/// "type" or "type/name".
struct ComponentId {
  std::string type;
  std::string name;

  std::string to_string() const { return name.empty() ? type : type + "/" + name; }
  friend bool operator==(const ComponentId&, const ComponentId&) = default;
};

/// What is wrong with `text` as an id goes to `wrong`. Fails: nullopt.
std::optional<ComponentId> parse_component_id(std::string_view text, std::string& wrong);

/// An id where it is used.
struct ComponentReference {
  ComponentId id;
  Position position;
};

/// An id where it is defined, with its section (null: all defaults).
struct ComponentSection {
  ComponentId id;
  Position position;
  Node node;
};

enum class PipelineSignal : std::uint8_t { traces, metrics, logs };
std::string_view name(PipelineSignal signal);

struct PipelineConfig {
  PipelineSignal signal = PipelineSignal::traces;
  std::string id;  // "traces", "logs/audit": as written
  Position position;
  std::vector<ComponentReference> receivers;   // at least one
  std::vector<ComponentReference> processors;  // in order, none twice
  std::vector<ComponentReference> exporters;   // at least one
};

struct ServiceConfig {
  std::vector<ComponentSection> receivers;
  std::vector<ComponentSection> processors;
  std::vector<ComponentSection> exporters;
  std::vector<ComponentSection> connectors;
  std::vector<ComponentSection> extensions;
  std::vector<ComponentReference> service_extensions;
  std::vector<PipelineConfig> pipelines;
  std::optional<LogLevel> log_level;  // service.telemetry.logs.level
  std::optional<FlushPolicy> flush;   // service.flush
  Nanoseconds end_by_span{};          // service.end_by_span; zero: off
};

/// The section of this id; nullptr when it is not defined. Valid until: the sections change.
const ComponentSection* find_section(const std::vector<ComponentSection>& sections, const ComponentId& id);

/// Reads the root document. What could be read is there even when there are errors in `diagnostics`, so that the
/// graph may look for more; nothing may be started then.
ServiceConfig decode_service(Node root, Diagnostics& diagnostics);

/// The keys of `service` as rows of a Markdown table.
std::string service_markdown_rows();

}  // namespace stint::config
