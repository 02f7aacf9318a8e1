// SPDX-License-Identifier: Apache-2.0
// Decoding of the root document. What the reference's own telemetry knows is accepted by type and has no effect here.
#include "config/service.h"

#include <algorithm>

#include "config/scalar.h"

namespace stint::config {
namespace {

enum class MetricsLevel : std::uint8_t { none, basic, normal, detailed };

struct SamplingConfig {};
struct LogsTelemetry {
  std::string level;
};
struct MetricsTelemetry {};
struct TracesTelemetry {};
struct Telemetry {
  LogsTelemetry logs;
  MetricsTelemetry metrics;
  TracesTelemetry traces;
};
struct Service {
  Node extensions;
  Node pipelines;
  Telemetry telemetry;
  std::string flush = "adaptive";
  Nanoseconds end_by_span{};
};

std::string wrong_level(const std::string& text) {
  LogLevel level{};
  if (parse_log_level(text, level)) return {};
  return concat("expected one of debug, info, warn, error, fatal, found the text '", text, "'");
}

constexpr auto choices_of(MetricsLevel*) {
  return choices<MetricsLevel>({{"none", MetricsLevel::none},
                                {"basic", MetricsLevel::basic},
                                {"normal", MetricsLevel::normal},
                                {"detailed", MetricsLevel::detailed}});
}
constexpr auto fields_of(SamplingConfig*) {
  return fields(accepted<bool>("enabled", "thin out equal lines"),
                accepted<Nanoseconds>("tick", "interval of counting"),
                accepted<std::int64_t>("initial", "lines kept per interval"),
                accepted<std::int64_t>("thereafter", "then one in so many"));
}
constexpr auto fields_of(LogsTelemetry*) {
  return fields(
      field<&LogsTelemetry::level>("level", "level of our own log: debug, info, warn, error, fatal",
                                   checked<&wrong_level>),
      accepted<std::string>("encoding", "the log's form follows AWS_LAMBDA_LOG_FORMAT"),
      accepted<TextList>("output_paths", "the log goes to stderr"),
      accepted<TextList>("error_output_paths", "the log goes to stderr"),
      accepted<bool>("development", "development mode"), accepted<bool>("disable_caller", "no caller in lines"),
      accepted<bool>("disable_stacktrace", "no stack traces"),
      accepted<bool>("disable_zap_resource", "no resource in lines"),
      accepted("initial_fields", "fields of every line"),
      accepted<SamplingConfig>("sampling", "sampling of our own log"), accepted("processors", "export of our own log"));
}
constexpr auto fields_of(MetricsTelemetry*) {
  return fields(accepted<MetricsLevel>("level", "detail of our own metrics"),
                ignored<std::string>("address", "where our own metrics would be served"),
                accepted("readers", "readers of our own metrics"), accepted("views", "views of our own metrics"));
}
constexpr auto fields_of(TracesTelemetry*) {
  return fields(accepted<std::string>("level", "detail of our own traces"),
                accepted("processors", "export of our own traces"),
                accepted<TextList>("propagators", "propagators of our own traces"));
}
constexpr auto fields_of(Telemetry*) {
  return fields(
      field<&Telemetry::logs>("logs", "our own log"), field<&Telemetry::metrics>("metrics", "our own metrics"),
      field<&Telemetry::traces>("traces", "our own traces"), accepted("resource", "resource of our own telemetry"));
}
constexpr auto fields_of(Service*) {
  return fields(field<&Service::extensions>("extensions", "list of extension ids, in the order of their start"),
                field<&Service::pipelines>("pipelines", "map of `signal[/name]` to receivers, processors, exporters"),
                field<&Service::telemetry>("telemetry", "our own telemetry"),
                field<&Service::flush>("flush",
                                       "when data goes out: adaptive, or end, continuous, periodic, each also with "
                                       "an interval in ms as in `periodic,20000`",
                                       checked<&wrong_flush_policy>),
                field<&Service::end_by_span>(
                    "end_by_span",
                    "so long a silence after the span with this invocation's id (`faas.invocation_id`) counts as the "
                    "function's end, if platform.runtimeDone has not come before; up to 1s, 0s: off",
                    range(0, end_by_span_max.count())));
}

bool is_type(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto allowed = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '_'; };
  return !text.empty() && text.size() <= 63 && letter(text[0]) && std::all_of(text.begin(), text.end(), allowed);
}

bool is_name(std::string_view text) {
  const auto allowed = [](char c) { return static_cast<unsigned char>(c) > ' ' && c != '\x7f'; };
  return !text.empty() && text.size() <= 1024 && std::all_of(text.begin(), text.end(), allowed);
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

class ServiceDecoder {
 public:
  explicit ServiceDecoder(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}
  ServiceConfig root(Node root);

 private:
  void sections(Entry& entry, std::vector<ComponentSection>& into);
  void service(const Node& node);
  void pipelines(const Node& node, const Path& path);
  void pipeline(const Entry& entry, const Path& path);
  std::vector<ComponentReference> references(const Node* list, const Path& path);
  void unique(const std::vector<ComponentReference>& references, const Path& path);
  void at_least_one(const std::vector<ComponentReference>& references, const Entry& pipeline, const Path& path);
  std::optional<ComponentId> id(std::string_view text, Position position, const Path& path);
  void error(Position position, const Path& path, std::string message) {
    diagnostics_.error(position, path.to_string(), std::move(message));
  }

  Diagnostics& diagnostics_;
  ServiceConfig config_;
};

ServiceConfig ServiceDecoder::root(Node root) {
  struct Section {
    std::string_view key;
    std::vector<ComponentSection>& into;
  };
  const Section known[] = {{"receivers", config_.receivers},
                           {"processors", config_.processors},
                           {"exporters", config_.exporters},
                           {"connectors", config_.connectors},
                           {"extensions", config_.extensions}};
  const Path top;
  for (Entry& entry : root.entries) {
    const auto section = std::find_if(std::begin(known), std::end(known),
                                      [&entry](const Section& candidate) { return candidate.key == entry.key; });
    if (section != std::end(known)) {
      sections(entry, section->into);
    } else if (entry.key != "service") {
      NameGuess guess(entry.key);
      for (const Section& candidate : known) guess.consider(candidate.key);
      guess.consider("service");
      error(entry.position, top.child(entry.key),
            concat("unknown key; known here are receivers, processors, exporters, connectors, extensions, service",
                   guess.question()));
    }
  }
  if (const Entry* const entry = root.find_entry("service")) {
    service(entry->value);
  } else {
    error(root.position, top.child("service"), "this key is required: it holds the pipelines");
  }
  return std::move(config_);
}

std::optional<ComponentId> ServiceDecoder::id(std::string_view text, Position position, const Path& path) {
  std::string wrong;
  std::optional<ComponentId> id = parse_component_id(text, wrong);
  if (!id) error(position, path, std::move(wrong));
  return id;
}

void ServiceDecoder::sections(Entry& entry, std::vector<ComponentSection>& into) {
  const Path path = Path{nullptr, entry.key, -1};
  if (entry.value.is_null()) return;
  if (!entry.value.is_map()) {
    error(entry.value.position, path, concat("expected a map of component ids, found ", describe(entry.value)));
    return;
  }
  for (Entry& component : entry.value.entries) {
    std::optional<ComponentId> known = id(component.key, component.position, path.child(component.key));
    if (!known) continue;
    if (find_section(into, *known) != nullptr) {
      error(component.position, path.child(component.key), "this id is already there, written differently");
      continue;
    }
    // What is missing in a section is missing at its id, not at the first key that is there.
    component.value.position = component.position;
    into.push_back({std::move(*known), component.position, std::move(component.value)});
  }
}

void ServiceDecoder::service(const Node& node) {
  const Path path = Path{nullptr, "service", -1};
  Service service;
  decode(node, service, path, diagnostics_);
  LogLevel level{};
  if (parse_log_level(service.telemetry.logs.level, level)) config_.log_level = level;
  if (const Node* const flush = node.find("flush"); flush != nullptr && !flush->is_null())
    config_.flush = parse_flush_policy(service.flush);
  config_.end_by_span = service.end_by_span;
  if (!service.extensions.is_null()) {
    const Path extensions = path.child("extensions");
    config_.service_extensions = references(&service.extensions, extensions);
    unique(config_.service_extensions, extensions);
  }
  if (node.is_null() || node.is_map()) {
    const Entry* const entry = node.find_entry("pipelines");
    const Path below = path.child("pipelines");
    if (entry == nullptr || entry->value.is_null() || (entry->value.is_map() && entry->value.entries.empty())) {
      error(entry == nullptr ? node.position : entry->position, below,
            "at least one pipeline is required, such as traces: with receivers and exporters");
    } else {
      pipelines(entry->value, below);
    }
  }
}

void ServiceDecoder::pipelines(const Node& node, const Path& path) {
  if (!node.is_map()) return error(node.position, path, concat("expected a map of pipelines, found ", describe(node)));
  for (const Entry& entry : node.entries) pipeline(entry, path.child(entry.key));
}

std::optional<PipelineSignal> parse_signal(std::string_view text) {
  for (const PipelineSignal signal : {PipelineSignal::traces, PipelineSignal::metrics, PipelineSignal::logs}) {
    if (name(signal) == text) return signal;
  }
  return std::nullopt;
}

void ServiceDecoder::pipeline(const Entry& entry, const Path& path) {
  const std::optional<ComponentId> id = this->id(entry.key, entry.position, path);
  if (!id) return;
  const std::optional<PipelineSignal> signal = parse_signal(id->type);
  if (!signal)
    return error(
        entry.position, path,
        concat("'", id->type, "' is no signal; a pipeline is called traces, metrics or ", "logs, perhaps with /name"));
  if (!entry.value.is_map())
    return error(entry.value.is_null() ? entry.position : entry.value.position, path,
                 concat("expected a map with receivers, processors and exporters, found ", describe(entry.value)));
  PipelineConfig made;
  made.signal = *signal;
  made.id = id->to_string();
  made.position = entry.position;
  struct Part {
    std::string_view key;
    std::vector<ComponentReference>& into;
  };
  const Part parts[] = {{"receivers", made.receivers}, {"processors", made.processors}, {"exporters", made.exporters}};
  for (const Entry& given : entry.value.entries) {
    const auto part = std::find_if(std::begin(parts), std::end(parts),
                                   [&given](const Part& candidate) { return candidate.key == given.key; });
    if (part != std::end(parts)) {
      part->into = references(&given.value, path.child(given.key));
      continue;
    }
    NameGuess guess(given.key);
    for (const Part& candidate : parts) guess.consider(candidate.key);
    error(given.position, path.child(given.key),
          concat("unknown key; a pipeline has receivers, processors and exporters", guess.question()));
  }
  at_least_one(made.receivers, entry, path.child("receivers"));
  at_least_one(made.exporters, entry, path.child("exporters"));
  for (const Part& part : parts) unique(part.into, path.child(part.key));
  config_.pipelines.push_back(std::move(made));
}

/// Only for a list that is absent or empty: one that could not be read has been reported.
void ServiceDecoder::at_least_one(const std::vector<ComponentReference>& references, const Entry& pipeline,
                                  const Path& path) {
  if (!references.empty()) return;
  const Entry* const entry = pipeline.value.find_entry(path.key);
  if (entry != nullptr && !entry->value.is_null() && (!entry->value.is_list() || !entry->value.items.empty())) return;
  error(entry == nullptr ? pipeline.position : entry->position, path,
        concat("a pipeline needs at least one; write ", path.key, ": [ID]"));
}

std::vector<ComponentReference> ServiceDecoder::references(const Node* list, const Path& path) {
  std::vector<ComponentReference> made;
  if (list->is_null()) return made;
  if (!list->is_list()) {
    const bool is_id = list->is_scalar() && !list->is_expanded;
    error(list->position, path,
          concat("expected a list of component ids, found ", describe(*list), "; write [", is_id ? list->text : "ID",
                 "]"));
    return made;
  }
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    const Node& item = list->items[i];
    const Path here = path.item(i);
    if (!item.is_scalar()) {
      error(item.position, here, concat("expected a component id, found ", describe(item)));
    } else if (auto id = this->id(item.text, item.position, here)) {
      made.push_back({std::move(*id), item.position});
    }
  }
  return made;
}

void ServiceDecoder::unique(const std::vector<ComponentReference>& references, const Path& path) {
  for (std::size_t i = 1; i < references.size() && !diagnostics_.full(); ++i) {
    const auto same = [&](const ComponentReference& other) { return other.id == references[i].id; };
    const auto end = references.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find_if(references.begin(), end, same) != end)
      error(references[i].position, path.item(i),
            concat("'", references[i].id.to_string(), "' is already in this list"));
  }
}

}  // namespace

std::optional<ComponentId> parse_component_id(std::string_view text, std::string& wrong) {
  const std::size_t slash = text.find('/');
  const std::string_view type = trimmed(text.substr(0, slash));
  const std::string_view name = slash == std::string_view::npos ? "" : trimmed(text.substr(slash + 1));
  if (!is_type(type)) {
    wrong =
        concat("'", text.substr(0, 80), "' is no component id; it is type or type/name, where the type begins with a ",
               "letter and has letters, digits and underscores");
    return std::nullopt;
  }
  if (slash != std::string_view::npos && !is_name(name)) {
    wrong = concat("'", text.substr(0, 80), "' is no component id: after the slash a name without spaces must follow");
    return std::nullopt;
  }
  return ComponentId{std::string(type), std::string(name)};
}

std::string_view name(PipelineSignal signal) {
  switch (signal) {
    case PipelineSignal::traces: return "traces";
    case PipelineSignal::metrics: return "metrics";
    case PipelineSignal::logs: return "logs";
  }
  return {};
}

const ComponentSection* find_section(const std::vector<ComponentSection>& sections, const ComponentId& id) {
  for (const ComponentSection& section : sections) {
    if (section.id == id) return &section;
  }
  return nullptr;
}

ServiceConfig decode_service(Node root, Diagnostics& diagnostics) {
  return ServiceDecoder(diagnostics).root(std::move(root));
}

std::string service_markdown_rows() { return markdown_rows(schema_of<Service>, "service."); }

}  // namespace stint::config
