// SPDX-License-Identifier: Apache-2.0
// The graph: components made from a decoded configuration and joined to pipelines. It owns them all, and drives them in
// topological order: started from the exporters back, flushed and stopped from the receivers on.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "config/service.h"
#include "pipeline/component.h"
#include "pipeline/fan_out.h"
#include "pipeline/journal_stage.h"

namespace stint {

/// All component types of the program. Borrows: the tables.
struct ComponentTable {
  std::span<const ReceiverType> receivers;
  std::span<const ProcessorType> processors;
  std::span<const ExporterType> exporters;
};

class Graph {
 public:
  /// Makes every component that a pipeline uses and checks the others too. Null after errors in `diagnostics`.
  /// A pipeline may name a component without a section if its defaults suffice: one warning with the line.
  /// `journal`: null for none; it is used where a pipeline accepts before it delivers.
  static std::unique_ptr<Graph> make(const config::ServiceConfig& service, const ComponentTable& table,
                                     ComponentContext& context, config::Diagnostics& diagnostics,
                                     std::unique_ptr<Journal> journal = nullptr);
  /// Only the checks of make().
  static void check(const config::ServiceConfig& service, const ComponentTable& table,
                    config::Diagnostics& diagnostics);
  ~Graph();

  /// A component that fails to start is off; the others run.
  Task<> start();
  /// What a former life has left in the journal goes in, a little later. Requires: start() was awaited.
  void recover();
  /// True: nothing is left. False: what is left waits for a retry, or `deadline` passed.
  Task<bool> flush(Deadline deadline);
  /// Receivers first: what they have accepted, and what the journal still has of a former life, goes out as far as
  /// `deadline` allows.
  Task<> stop(Deadline deadline);

 private:
  class Builder;
  struct Pipeline;
  explicit Graph(ComponentContext& context);
  Task<bool> flush_once(Deadline deadline);
  Task<> end_replay(Deadline deadline);
  Task<> flush_pipeline(Pipeline& pipeline, Deadline deadline, bool& flushed);
  Task<> stop_pipeline(Pipeline& pipeline, Deadline deadline);

  ComponentContext& context_;
  std::unique_ptr<Journal> journal_;  // before all that may hold tickets
  std::unique_ptr<JournalReplay> replay_;
  std::vector<std::unique_ptr<FanOut>> fan_outs_;
  std::vector<std::unique_ptr<Exporter>> exporters_;
  std::vector<std::unique_ptr<Pipeline>> pipelines_;
  std::vector<std::unique_ptr<Receiver>> receivers_;
};

}  // namespace stint
