// SPDX-License-Identifier: Apache-2.0
// The collector as a simulated process: registration, configuration, graph and life cycle are the product's, in the
// order of its main; only the loop and what is outside differ.
#pragma once

#include <csignal>
#include <memory>
#include <optional>

#include "base/limits.h"
#include "config/service.h"
#include "lambda/life_cycle.h"
#include "pipeline/graph.h"
#include "pipeline/invocation_watch.h"
#include "pipeline/memory_journal_file.h"
#include "runtime/signals.h"
#include "sim/names.h"
#include "sim/process.h"

namespace stint::sim {

/// What a collector of a world may do wrong on purpose, to see that the world tells.
enum class Defect : std::uint8_t { none, keeps_a_block, keeps_a_socket, stands_still_at_the_end, takes_more_memory };

struct CollectorSettings {
  std::string configuration;  // the text of collector.yaml
  config::FixedEnvironment::Variables environment;
  std::string runtime_api;
  std::size_t memory_bytes_max = limits::memory_bytes_max;
  std::size_t exporters = 1;  // that every item goes to
  std::string journal_path;   // of a real file; empty: on the simulated disk
  Defect defect = Defect::none;
};

/// SIGTERM, as often as it is raised.
class RaisedSignals final : public Signals {
 public:
  explicit RaisedSignals(Runtime& runtime) : raised_(runtime) {}
  void raise() {
    ++pending_;
    raised_.notify_all();
  }
  Task<Result<int>> wait() override {
    while (pending_ == 0) {
      const Result<> waited = co_await raised_.wait();
      if (!waited) co_return waited.error();
    }
    --pending_;
    co_return SIGTERM;
  }

 private:
  Notifier raised_;
  int pending_ = 0;
};

class CollectorProcess final : public Process {
 public:
  /// Borrows: `disk`, where its journal lies; as that of a sandbox it outlives the process. And `names`.
  CollectorProcess(Network& network, CollectorSettings settings, MemoryDisk& disk, NameServer& names);
  ~CollectorProcess() override;

  bool begin() override;
  void ended() override;

  /// As SIGTERM does.
  void terminate() { signals_.raise(); }
  const DataCounters& data() const { return data_; }
  const BlockPool& pool() const { return pool_; }
  const CopyCounters& copies() const { return copies_; }
  /// What the configuration's errors are; empty: there is a data path.
  const std::string& error() const { return error_; }

 private:
  Task<> live();
  bool load_configuration();
  std::unique_ptr<JournalFile> journal_file(const std::string& path);
  void do_wrong();

  CollectorSettings settings_;
  MemoryDisk& disk_;
  config::FixedEnvironment environment_;
  BlockPool pool_;
  CopyCounters copies_;
  DataCounters data_;
  Notifier changed_{runtime};
  InvocationWatch watch_{runtime};
  RaisedSignals signals_{runtime};
  SimulatedResolver resolver_;
  ComponentContext context_;
  config::Diagnostics diagnostics_;
  config::ServiceConfig service_;
  std::unique_ptr<Graph> graph_;
  std::unique_ptr<lambda::LifeCycle> life_;
  std::string error_;
  Block kept_;
  Handle kept_handle_ = no_handle;
};

}  // namespace stint::sim
