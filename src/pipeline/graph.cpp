// SPDX-License-Identifier: Apache-2.0
#include "pipeline/graph.h"

#include <algorithm>
#include <tuple>

#include "base/log.h"
#include "pipeline/fan_out.h"
#include "runtime/scope.h"

namespace stint {

struct Graph::Pipeline {
  std::vector<std::unique_ptr<Processor>> processors;  // in the order of the data
  FanOut* fan_out = nullptr;                           // to several exporters
  Consumer* entry = nullptr;
};

namespace {

constexpr std::string_view supported_later = "connectors and extensions are not supported yet";

template <typename Type>
const Type* find_type(std::span<const Type> types, std::string_view type) {
  const auto found = std::find_if(types.begin(), types.end(), [&](const Type& row) { return row.type == type; });
  return found == types.end() ? nullptr : &*found;
}

template <typename Type>
std::string type_names(std::span<const Type> types) {
  std::string names;
  for (const Type& row : types) names.append(names.empty() ? "" : ", ").append(row.type);
  return names;
}

// Every defined section is decoded and validated, used or not. `extra_of` gives what `make` wants besides, by id.
template <typename Type, typename ExtraOf>
void check_sections(std::span<const Type> types, std::string_view kind,
                    const std::vector<config::ComponentSection>& sections, config::Diagnostics& diagnostics,
                    ExtraOf extra_of) {
  const config::Path root{nullptr, kind, -1};
  for (const config::ComponentSection& section : sections) {
    const std::string id = section.id.to_string();
    const config::Path path = root.child(id);
    const Type* const type = find_type(types, section.id.type);
    if (type == nullptr) {
      diagnostics.error(section.position, path.to_string(),
                        concat("unknown type '", section.id.type, "'; known ", kind, ": ", type_names(types)));
      continue;
    }
    std::apply([&](auto... extra) { type->make(nullptr, id, section.node, path, diagnostics, extra...); },
               extra_of(section.id));
  }
}

template <typename Type>
struct Found {
  const Type* type = nullptr;
  const config::Node* section = nullptr;
};

// The type behind a pipeline's reference, and its section: without one its defaults must suffice.
template <typename Type>
Found<Type> find_component(std::span<const Type> types, std::string_view kind,
                           const std::vector<config::ComponentSection>& sections,
                           const config::ComponentReference& reference, const config::PipelineConfig& pipeline,
                           std::vector<config::ComponentId>& warned, config::Diagnostics& diagnostics) {
  static const config::Node defaults;
  const std::string key = concat("service::pipelines::", pipeline.id, "::", kind);
  const std::string id = reference.id.to_string();
  const Type* const type = find_type(types, reference.id.type);
  const config::ComponentSection* const section = config::find_section(sections, reference.id);
  if (type == nullptr) {
    // A section of an unknown type has been reported where it is defined.
    if (section == nullptr) {
      diagnostics.error(reference.position, key,
                        concat("'", id, "' is neither defined under ", kind, " nor a known type; known ", kind, ": ",
                               type_names(types)));
    }
    return {};
  }
  if ((type->signals & signal_bit(static_cast<otlp::Signal>(pipeline.signal))) == 0) {
    diagnostics.error(reference.position, key, concat("'", id, "' does not take ", name(pipeline.signal)));
    return {};
  }
  if (section != nullptr) return {type, &section->node};
  if (!type->defaults_suffice()) {
    diagnostics.error(reference.position, key,
                      concat("'", id, "' is used but not defined under ", kind, ", and it has keys without a default"));
    return {};
  }
  if (std::find(warned.begin(), warned.end(), reference.id) == warned.end()) {
    warned.push_back(reference.id);
    diagnostics.warn(reference.position, key,
                     concat("'", id, "' is used but not defined under ", kind, "; its defaults are taken"));
  }
  return {type, &defaults};
}

}  // namespace

class Graph::Builder {
 public:
  Builder(const config::ServiceConfig& service, const ComponentTable& table, ComponentContext* context,
          config::Diagnostics& diagnostics)
      : service_(service), table_(table), context_(context), diagnostics_(diagnostics) {}

  void check() {
    using Id = config::ComponentId;
    check_sections(table_.receivers, "receivers", service_.receivers, diagnostics_,
                   [](const Id&) { return std::tuple<>(); });
    check_sections(table_.processors, "processors", service_.processors, diagnostics_,
                   [](const Id&) { return std::tuple(otlp::Signal::traces, static_cast<Consumer*>(nullptr)); });
    check_sections(table_.exporters, "exporters", service_.exporters, diagnostics_,
                   [this](const Id& id) { return std::tuple(signals_sent_to(id)); });
    for (const auto* unsupported : {&service_.connectors, &service_.extensions}) {
      const std::string_view kind = unsupported == &service_.connectors ? "connectors" : "extensions";
      for (const config::ComponentSection& section : *unsupported) {
        diagnostics_.error(section.position, concat(kind, "::", section.id.to_string()), std::string(supported_later));
      }
    }
    for (const config::ComponentReference& reference : service_.service_extensions) {
      diagnostics_.error(reference.position, "service::extensions", std::string(supported_later));
    }
    for (const config::PipelineConfig& pipeline : service_.pipelines) check_pipeline(pipeline);
  }

  // Requires: check() found no error.
  std::unique_ptr<Graph> build(std::unique_ptr<Journal> journal) {
    graph_.reset(new Graph(*context_));
    if (journal != nullptr) {
      graph_->journal_ = std::move(journal);
      graph_->replay_ = std::make_unique<JournalReplay>(*context_, *graph_->journal_);
    }
    for (const config::PipelineConfig& pipeline : service_.pipelines) add_pipeline(pipeline);
    connect_receivers();
    return diagnostics_.has_errors() ? nullptr : std::move(graph_);
  }

 private:
  void check_pipeline(const config::PipelineConfig& pipeline) {
    for (const auto& reference : pipeline.receivers) {
      find_component(table_.receivers, "receivers", service_.receivers, reference, pipeline, warned_, diagnostics_);
    }
    for (const auto& reference : pipeline.processors) {
      find_component(table_.processors, "processors", service_.processors, reference, pipeline, warned_, diagnostics_);
    }
    for (const auto& reference : pipeline.exporters) {
      find_component(table_.exporters, "exporters", service_.exporters, reference, pipeline, warned_, diagnostics_);
    }
  }

  std::uint8_t signals_sent_to(const config::ComponentId& exporter) const {
    std::uint8_t signals = 0;
    for (const config::PipelineConfig& pipeline : service_.pipelines) {
      for (const config::ComponentReference& reference : pipeline.exporters) {
        if (reference.id == exporter) signals |= signal_bit(static_cast<otlp::Signal>(pipeline.signal));
      }
    }
    return signals;
  }

  // One instance of a receiver or exporter serves all pipelines that name it.
  template <typename Made, typename Type, typename... Extra>
  Made* shared_instance(std::span<const Type> types, std::string_view kind,
                        const std::vector<config::ComponentSection>& sections,
                        const config::ComponentReference& reference, const config::PipelineConfig& pipeline,
                        std::vector<std::pair<config::ComponentId, Made*>>& known,
                        std::vector<std::unique_ptr<Made>>& owner, Extra... extra) {
    for (const auto& [id, instance] : known) {
      if (id == reference.id) return instance;
    }
    const Found<Type> found = find_component(types, kind, sections, reference, pipeline, warned_, diagnostics_);
    const std::string id = reference.id.to_string();
    const config::Path root{nullptr, kind, -1};
    owner.push_back(found.type->make(context_, id, *found.section, root.child(id), diagnostics_, extra...));
    known.emplace_back(reference.id, owner.back().get());
    return owner.back().get();
  }

  FanOut* fan_out(std::vector<Consumer*> consumers) {
    graph_->fan_outs_.push_back(std::make_unique<FanOut>(*context_, std::move(consumers)));
    return graph_->fan_outs_.back().get();
  }

  void add_pipeline(const config::PipelineConfig& config) {
    std::vector<Consumer*> exporters;
    exporters.reserve(config.exporters.size());
    for (const auto& reference : config.exporters) {
      exporters.push_back(shared_instance<Exporter>(table_.exporters, "exporters", service_.exporters, reference,
                                                    config, exporters_, graph_->exporters_, std::uint8_t{0}));
    }
    auto pipeline = std::make_unique<Pipeline>();
    pipeline->entry = exporters.front();
    if (exporters.size() > 1) pipeline->entry = pipeline->fan_out = fan_out(std::move(exporters));
    const auto signal = static_cast<otlp::Signal>(config.signal);
    bool accepts = false;
    for (auto reference = config.processors.rbegin(); reference != config.processors.rend(); ++reference) {
      const auto found = find_component(table_.processors, "processors", service_.processors, *reference, config,
                                        warned_, diagnostics_);
      const std::string id = reference->id.to_string();
      const config::Path root{nullptr, "processors", -1};
      pipeline->processors.push_back(
          found.type->make(context_, id, *found.section, root.child(id), diagnostics_, signal, pipeline->entry));
      pipeline->entry = pipeline->processors.back().get();
      if (pipeline->processors.back()->accepts()) accepts = true;
    }
    if (accepts && pipeline->fan_out != nullptr) pipeline->fan_out->accept_at_once(signal);
    std::reverse(pipeline->processors.begin(), pipeline->processors.end());
    tell_acceptance(config, *pipeline);
    for (const auto& reference : config.receivers) {
      Receiver* const receiver = shared_instance<Receiver>(table_.receivers, "receivers", service_.receivers, reference,
                                                           config, receivers_, graph_->receivers_);
      outputs_.push_back({receiver, signal, pipeline->entry, accepts});
    }
    graph_->pipelines_.push_back(std::move(pipeline));
  }

  void tell_acceptance(const config::PipelineConfig& config, const Pipeline& pipeline) {
    bool accepted = false;
    for (std::size_t i = 0; i < pipeline.processors.size(); ++i) {
      const std::string_view warning = accepted ? pipeline.processors[i]->follow_acceptance() : std::string_view();
      if (!warning.empty()) {
        const config::ComponentReference& reference = config.processors[i];
        diagnostics_.warn(reference.position, concat("service::pipelines::", config.id, "::processors"),
                          concat("'", reference.id.to_string(), "' ", warning));
      }
      accepted = accepted || pipeline.processors[i]->accepts();
    }
  }

  // A receiver that feeds several pipelines of one signal gets one consumer for them, and one place in the journal.
  void connect_receivers() {
    for (const auto& [id, receiver] : receivers_) {
      for (const otlp::Signal signal : otlp::all_signals) {
        std::vector<Consumer*> consumers;
        bool accepts = false;
        for (const Output& output : outputs_) {
          if (output.receiver != receiver || output.signal != signal) continue;
          consumers.push_back(output.consumer);
          accepts = accepts || output.accepts;
        }
        if (consumers.empty()) continue;
        Consumer* next = consumers.front();
        if (consumers.size() > 1) next = fan_out(std::move(consumers));
        if (accepts && graph_->replay_ != nullptr) next = &graph_->replay_->add_stage(id.to_string(), signal, *next);
        receiver->connect(signal, *next);
      }
    }
  }

  struct Output {
    Receiver* receiver;
    otlp::Signal signal;
    Consumer* consumer;
    bool accepts;  // before it delivers
  };

  const config::ServiceConfig& service_;
  const ComponentTable& table_;
  ComponentContext* context_;
  config::Diagnostics& diagnostics_;
  std::unique_ptr<Graph> graph_;
  std::vector<config::ComponentId> warned_;
  std::vector<std::pair<config::ComponentId, Receiver*>> receivers_;
  std::vector<std::pair<config::ComponentId, Exporter*>> exporters_;
  std::vector<Output> outputs_;
};

Graph::Graph(ComponentContext& context) : context_(context) {}
Graph::~Graph() = default;

void Graph::check(const config::ServiceConfig& service, const ComponentTable& table, config::Diagnostics& diagnostics) {
  Builder(service, table, nullptr, diagnostics).check();
}

std::unique_ptr<Graph> Graph::make(const config::ServiceConfig& service, const ComponentTable& table,
                                   ComponentContext& context, config::Diagnostics& diagnostics,
                                   std::unique_ptr<Journal> journal) {
  Builder builder(service, table, &context, diagnostics);
  builder.check();
  if (diagnostics.has_errors()) return nullptr;
  return builder.build(std::move(journal));
}

Task<> Graph::start() {
  // An error has been logged by the component; the others run.
  for (const auto& exporter : exporters_) (void)co_await exporter->start();
  for (const auto& pipeline : pipelines_) {
    for (auto processor = pipeline->processors.rbegin(); processor != pipeline->processors.rend(); ++processor) {
      (void)co_await (*processor)->start();
    }
  }
  for (const auto& receiver : receivers_) (void)co_await receiver->start();
}

Task<> Graph::flush_pipeline(Pipeline& pipeline, Deadline deadline, bool& flushed) {
  for (const auto& processor : pipeline.processors) {
    const Result<> done = co_await processor->flush(deadline);
    flushed = flushed && done.has_value();
  }
  if (pipeline.fan_out == nullptr) co_return;
  const Result<> done = co_await pipeline.fan_out->flush(deadline);
  flushed = flushed && done.has_value();
}

Task<bool> Graph::flush(Deadline deadline) {
  for (;;) {
    const std::uint64_t recovered = replay_ != nullptr ? replay_->requests() : 0;
    const bool flushed = co_await flush_once(deadline);
    if (!flushed || replay_ == nullptr || !replay_->runs()) co_return flushed;
    const bool more = co_await replay_->put_in_more(recovered, deadline);
    if (!more) co_return true;
  }
}

Task<bool> Graph::flush_once(Deadline deadline) {
  bool flushed = true;
  for (const auto& receiver : receivers_) {
    const Result<> done = co_await receiver->flush(deadline);
    flushed = flushed && done.has_value();
  }
  Scope scope(context_.runtime);
  for (const auto& pipeline : pipelines_) scope.spawn(flush_pipeline(*pipeline, deadline, flushed));
  co_await scope.join();
  for (const auto& exporter : exporters_) {
    const Result<> done = co_await exporter->flush(deadline);
    flushed = flushed && done.has_value();
  }
  co_return flushed;
}

Task<> Graph::stop_pipeline(Pipeline& pipeline, Deadline deadline) {
  for (const auto& processor : pipeline.processors) co_await processor->stop(deadline);
  if (pipeline.fan_out != nullptr) co_await pipeline.fan_out->stop(deadline);
}

// What was not in memory yet has its chance, too, while the back ends take what they get.
Task<> Graph::end_replay(Deadline deadline) {
  if (replay_ == nullptr) co_return;
  const std::uint64_t dropped = context_.data.dropped_total();
  while (replay_->runs()) {
    const std::uint64_t recovered = replay_->requests();
    const bool flushed = co_await flush_once(deadline);
    if (!flushed || context_.data.dropped_total() > dropped) break;
    const bool more = co_await replay_->put_in_more(recovered, deadline);
    if (!more) break;
  }
  co_await replay_->stop();
}

Task<> Graph::stop(Deadline deadline) {
  // First of all: a sender that waits for a retry shall still get its answer.
  for (const auto& exporter : exporters_) exporter->hurry(deadline);
  Scope scope(context_.runtime);
  for (const auto& receiver : receivers_) scope.spawn(receiver->stop(deadline));
  co_await scope.join();
  co_await end_replay(deadline);
  for (const auto& pipeline : pipelines_) scope.spawn(stop_pipeline(*pipeline, deadline));
  co_await scope.join();
  for (const auto& exporter : exporters_) scope.spawn(exporter->stop(deadline));
  co_await scope.join();
  if (journal_ != nullptr) journal_->close();
}

void Graph::recover() {
  if (replay_ != nullptr) replay_->start();
}

}  // namespace stint
