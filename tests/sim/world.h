// SPDX-License-Identifier: Apache-2.0
// A Lambda environment in one thread: platform, collector, function and back end as processes on one simulated network,
// turned one after the other in an order that follows from the seed. The clock moves only when none has anything to do.
// The platform is the state machine of tools/lambda behind its HTTP server.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sim/back_end.h"
#include "sim/collector.h"
#include "sim/function.h"
#include "sim/platform_process.h"

namespace stint::sim {

struct WorldSettings {
  std::uint64_t seed = 1;
  NetworkSettings network;
  std::string configuration;
  config::FixedEnvironment::Variables environment;          // the collector's, besides what the platform gives
  std::size_t memory_bytes_max = limits::memory_bytes_max;  // of the collector, for data
  FunctionPlan function;
  platform::Settings platform;
  std::size_t back_ends = 1;  // to each of which every item has to go
  bool back_end_listens = true;
  bool journal_works = true;  // so that a kill loses nothing
  bool clock_stops_in_freeze = false;
  std::optional<Fault> fault;              // in the first collector
  std::vector<std::vector<Fault>> faults;  // besides, in the first collector, the second, ...
  unsigned pause_permille = 0;             // of all turns of the sandbox: then nothing in it runs for a while
  Nanoseconds pause_max{};
  std::string journal_path;           // of a real file; empty: on a disk in memory
  std::function<void()> killer;       // called in the place of the first death of a collector
  std::uint64_t given_up_before = 0;  // items, counted in a former world of the same sandbox
  Defect defect = Defect::none;
};

class World final : private platform::Processes, private platform::Watcher {
 public:
  explicit World(WorldSettings settings);
  /// Requires: finish() was called.
  ~World() override;

  // What a scenario does. Each returns when it has happened; false or null: it has not, within `limit`.
  bool initialise(Nanoseconds limit = Seconds(30));
  /// Null also when the environment cannot be invoked.
  const platform::InvocationOutcome* invoke(Nanoseconds limit = Seconds(60));
  bool shut_down(Nanoseconds limit = Seconds(30));
  void pass(Nanoseconds time);
  bool run_until(const std::function<bool()>& reached, Nanoseconds limit);
  /// Begins an invocation and returns at once. False: the environment cannot be invoked within `limit`.
  bool begin_invoke(Nanoseconds limit = Seconds(60));
  /// Ends what is left and looks at what must hold in every world.
  void finish();

  /// Requires: the environment is frozen. Connections between collector and back end die.
  void end_connections(Death death);
  void kill_collector();
  /// SIGTERM to the collector that lives then.
  void terminate_collector(Nanoseconds after);
  void start_back_end();
  /// Instead of what the policy allows.
  void expect_held_at_most(Nanoseconds time) { held_at_most_ = time; }

  // What has happened.
  Network& network() { return network_; }
  Ledger& ledger() { return ledger_; }
  NameServer& names() { return names_; }
  /// Of the sandbox.
  MemoryDisk& disk() { return disk_; }
  BackEndProcess& back_end(std::size_t number = 0) { return *back_ends_[number]; }
  platform::Platform& platform() { return platform_->platform(); }
  /// The one that was started last. Requires: there is one.
  CollectorProcess& collector() { return *collectors_.back(); }
  const std::vector<std::unique_ptr<CollectorProcess>>& collectors() const { return collectors_; }
  const std::vector<platform::InvocationOutcome>& outcomes() const { return outcomes_; }
  std::size_t invocations_under_way() const { return begun_ - outcomes_.size(); }
  bool is_frozen() const;
  bool has_fault() const { return settings_.fault.has_value() || !settings_.faults.empty(); }
  /// The fault hit the connection with the platform, so the collector may have to end.
  bool platform_was_hit() const;
  /// By all collectors, as long as they lived.
  std::uint64_t dropped() const;
  std::uint64_t dropped(DropReason reason) const;
  /// What a next life would find.
  std::set<ItemId> journalled();
  /// Everything that was said and done, with its time.
  const std::string& story() const { return story_; }
  bool said(std::string_view text) const { return story_.find(text) != story_.npos; }

 private:
  struct Entry {
    Process* process;
    platform::ProcessId id = 0;  // 0: none that the platform started
    MonotonicTime starts_at{};
    enum class State : std::uint8_t { starting, running, killed, ended } state = State::starting;
  };

  // Processes.
  Result<platform::ProcessId> spawn(const platform::ProcessStart& start) override;
  void freeze(platform::ProcessId id) override;
  void thaw(platform::ProcessId id) override;
  void terminate(platform::ProcessId id) override;
  void kill(platform::ProcessId id) override;
  // Watcher.
  void mark(const platform::Mark& mark) override;
  void invocation_ended(const platform::InvocationOutcome& outcome) override;

  void step(MonotonicTime until);
  bool turn_those_with_work();
  bool has_work(const Entry& entry) const;
  void turn(Entry& entry);
  void kill(Entry& entry);
  void report_exits();
  void terminate_in_time();
  MonotonicTime next_time(MonotonicTime until) const;
  Entry& entry(platform::ProcessId id);
  void tell(std::string_view who, std::string_view what);
  bool stands_still(const Entry& entry) const;
  void maybe_pause(const Entry& entry);
  const DataCounters& counters(const CollectorProcess& collector) const;

  // What must hold (world_checks.cpp).
  void check_ledger();
  void check_invocations();
  void check_memory();
  Nanoseconds held_at_most() const;
  bool only_back_ends_were_hit() const;

  WorldSettings settings_;
  Network network_;
  MemoryDisk disk_;
  NameServer names_;
  Ledger ledger_;
  std::size_t invocation_ = 0;
  std::unique_ptr<PlatformProcess> platform_;
  std::vector<std::unique_ptr<BackEndProcess>> back_ends_;
  std::vector<std::unique_ptr<CollectorProcess>> collectors_;
  std::vector<std::unique_ptr<FunctionProcess>> functions_;
  std::vector<Entry> entries_;
  struct Exit {
    platform::ProcessId id;
    platform::ExitStatus status;
  };
  std::vector<Exit> exits_;
  std::map<const Process*, DataCounters> last_counters_;  // of killed collectors
  std::size_t begun_ = 0;                                 // invocations
  std::vector<platform::InvocationOutcome> outcomes_;
  std::vector<Nanoseconds> paused_;  // in each invocation that has ended
  MonotonicTime paused_until_{};
  Nanoseconds pauses_{};  // since the last invocation began
  std::optional<Nanoseconds> held_at_most_;
  std::string_view turned_ = "world";
  std::string story_;
  std::vector<MonotonicTime> terminations_;
  platform::ProcessId last_id_ = 0;
  bool collector_killed_late_ = false;
  bool finished_ = false;
};

}  // namespace stint::sim
