// SPDX-License-Identifier: Apache-2.0
#include "sim/world.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/log.h"

namespace stint::sim {
namespace {

// What one turn of a process takes; also what keeps a process that spins from standing in time.
constexpr Nanoseconds turn_least = std::chrono::microseconds(1);
constexpr Nanoseconds turn_most = std::chrono::microseconds(20);
constexpr Nanoseconds exec_least = Milliseconds(1);
constexpr Nanoseconds exec_most = Milliseconds(4);
// Far more than any scenario needs: whoever reaches it spins.
constexpr std::size_t steps_max = 2'000'000;

platform::Settings with_defaults(platform::Settings settings, std::uint64_t seed) {
  settings.runtime = {"runtime"};
  settings.runtime_api = PlatformProcess::authority;
  settings.extensions = {{"collector", "/opt/extensions/collector"}};
  settings.seed = seed;
  return settings;
}

}  // namespace

World::World(WorldSettings settings)
    : settings_(std::move(settings)),
      network_(settings_.seed, settings_.network),
      ledger_(settings_.back_ends),
      platform_(std::make_unique<PlatformProcess>(network_, with_defaults(settings_.platform, settings_.seed),
                                                  static_cast<platform::Processes&>(*this),
                                                  static_cast<platform::Watcher&>(*this))) {
  for (std::size_t i = 0; i < settings_.back_ends; ++i) {
    back_ends_.push_back(std::make_unique<BackEndProcess>(network_, ledger_, i));
  }
  set_log_sink(
      [](void* world, LogLevel, std::string_view line) {
        static_cast<World*>(world)->tell(static_cast<World*>(world)->turned_, line);
      },
      this);
  platform_->begin();
  entries_.push_back({platform_.get(), 0, network_.now(), Entry::State::running});
  if (settings_.back_end_listens) start_back_end();
}

World::~World() {
  set_log_sink(nullptr, nullptr);
  EXPECT_TRUE(finished_);
}

void World::tell(std::string_view who, std::string_view what) {
  const auto at = std::chrono::duration_cast<std::chrono::microseconds>(network_.now().time_since_epoch());
  story_.append(concat(at.count(), " ", who, ": ", what, "\n"));
}

void World::start_back_end() {
  for (const auto& back_end : back_ends_) {
    back_end->begin();
    entries_.push_back({back_end.get(), 0, network_.now(), Entry::State::running});
  }
}

// What the platform asks of the world.

Result<platform::ProcessId> World::spawn(const platform::ProcessStart& start) {
  Entry made{nullptr, ++last_id_, network_.now() + network_.random().between(exec_least, exec_most),
             Entry::State::starting};
  if (start.name == "runtime") {
    functions_.push_back(std::make_unique<FunctionProcess>(network_, settings_.function, ledger_,
                                                           PlatformProcess::address(), invocation_));
    made.process = functions_.back().get();
  } else {
    config::FixedEnvironment::Variables variables = start.environment;
    variables.insert(variables.end(), settings_.environment.begin(), settings_.environment.end());
    collectors_.push_back(std::make_unique<CollectorProcess>(
        network_,
        CollectorSettings{settings_.configuration, std::move(variables), PlatformProcess::authority,
                          settings_.memory_bytes_max, settings_.back_ends, settings_.journal_path, settings_.defect},
        disk_, names_));
    made.process = collectors_.back().get();
    if (settings_.fault && collectors_.size() == 1) made.process->loop.add_fault(*settings_.fault);
    if (collectors_.size() <= settings_.faults.size()) {
      for (const Fault& fault : settings_.faults[collectors_.size() - 1]) made.process->loop.add_fault(fault);
    }
    made.process->loop.set_killer(settings_.killer);
  }
  entries_.push_back(made);
  return last_id_;
}

World::Entry& World::entry(platform::ProcessId id) {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.id == id; });
  STINT_CHECK(id != 0 && found != entries_.end());
  return *found;
}

// The platform may not know yet that a process is gone.
void World::freeze(platform::ProcessId id) {
  SimulatedLoop& loop = entry(id).process->loop;
  if (!loop.abandoned()) loop.freeze(settings_.clock_stops_in_freeze);
}
void World::thaw(platform::ProcessId id) {
  SimulatedLoop& loop = entry(id).process->loop;
  if (!loop.abandoned()) loop.thaw();
}

// Only the runtime is asked to end, and it does so at once.
void World::terminate(platform::ProcessId id) { kill(entry(id)); }

void World::kill(platform::ProcessId id) {
  Entry& victim = entry(id);
  if (victim.process->name() == "collector" && victim.state == Entry::State::running) collector_killed_late_ = true;
  kill(victim);
}

void World::kill(Entry& victim) {
  if (victim.state != Entry::State::running && victim.state != Entry::State::starting) return;
  tell(victim.process->name(), "is killed");
  if (settings_.killer && victim.process->name() == "collector") settings_.killer();
  const bool begun = victim.state == Entry::State::running;
  victim.state = begun ? Entry::State::killed : Entry::State::ended;
  if (!victim.process->loop.abandoned()) victim.process->loop.abandon();
  if (begun) victim.process->killed();
  for (const auto& collector : collectors_) {
    if (collector.get() != victim.process) continue;
    last_counters_[victim.process] = collector->data();
    disk_.locked = false;  // as the kernel does
  }
  exits_.push_back({victim.id, {0, 9}});
}

void World::mark(const platform::Mark& mark) {
  tell("platform", concat(platform::name(mark.kind), " ", mark.who, " ", mark.detail));
}

void World::invocation_ended(const platform::InvocationOutcome& outcome) {
  tell("platform", concat("invocation ended: ", outcome.status, " ", outcome.error_type));
  outcomes_.push_back(outcome);
  paused_.push_back(pauses_);
}

// Turning.

bool World::has_work(const Entry& entry) const {
  if (entry.state == Entry::State::ended || entry.process->loop.frozen() || stands_still(entry)) return false;
  if (entry.state == Entry::State::starting) return entry.starts_at <= network_.now();
  if (entry.process->loop.has_completions()) return true;
  const std::optional<MonotonicTime> due = entry.process->runtime.next_due();
  return due && *due <= entry.process->loop.monotonic_now();
}

void World::turn(Entry& subject) {
  Process& process = *subject.process;
  turned_ = process.name();
  bool ended = false;
  if (subject.state == Entry::State::starting) {
    subject.state = Entry::State::running;
    ended = !process.begin();
  } else {
    ended = process.runtime.turn(Nanoseconds::zero());
  }
  turned_ = "world";
  if (process.loop.kill_asked()) kill(subject);
  if (!ended) return;
  if (subject.state == Entry::State::running) {
    tell(process.name(), concat("ends with ", process.exit_code));
    if (subject.id != 0) exits_.push_back({subject.id, {process.exit_code, 0}});
  }
  subject.state = Entry::State::ended;
  process.ended();
}

// Of the killed the rest is nobody's business.
bool World::stands_still(const Entry& entry) const {
  if (entry.id == 0 || entry.state == Entry::State::killed) return false;
  const bool stops = platform_->platform().phase() == platform::Phase::stopping;
  return stops ? settings_.defect == Defect::stands_still_at_the_end : network_.now() < paused_until_;
}

// The sandbox as a whole gets no time, between any two turns of what is in it. At its end the platform gives it two
// seconds of its own.
void World::maybe_pause(const Entry& entry) {
  if (settings_.pause_permille == 0 || entry.id == 0 || platform().phase() == platform::Phase::stopping) return;
  if (!network_.random().chance(settings_.pause_permille)) return;
  const Nanoseconds pause = network_.random().between(Nanoseconds::zero(), settings_.pause_max);
  tell("world", concat("nothing in the sandbox runs for ", pause.count() / 1000, " us"));
  paused_until_ = network_.now() + pause;
  pauses_ += pause;
}

bool World::turn_those_with_work() {
  bool any = false;
  // From another one on each time: entries may be added meanwhile, none is removed.
  const std::size_t count = entries_.size();
  const std::size_t first = network_.random().below(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t index = (first + i) % count;
    if (!has_work(entries_[index])) continue;
    any = true;
    Entry subject = entries_[index];
    turn(subject);
    entries_[index].state = std::max(entries_[index].state, subject.state);
    maybe_pause(subject);
    network_.advance(network_.now() + network_.random().between(turn_least, turn_most));
  }
  return any;
}

void World::report_exits() {
  const std::vector<Exit> exits = std::exchange(exits_, {});
  for (const Exit& exit : exits) platform_->api().process_exited(exit.id, exit.status);
}

MonotonicTime World::next_time(MonotonicTime until) const {
  MonotonicTime next = until;
  if (const auto event = network_.next_event()) next = std::min(next, *event);
  for (const MonotonicTime at : terminations_) next = std::min(next, at);
  for (const Entry& entry : entries_) {
    if (entry.state == Entry::State::ended || entry.process->loop.frozen()) continue;
    if (stands_still(entry)) {
      if (network_.now() < paused_until_) next = std::min(next, paused_until_);
    } else if (entry.state == Entry::State::starting) {
      next = std::min(next, entry.starts_at);
    } else if (const auto due = entry.process->runtime.next_due()) {
      next = std::min(next, entry.process->loop.world_time(*due));
    }
  }
  return std::max(next, network_.now());
}

void World::step(MonotonicTime until) {
  terminate_in_time();
  report_exits();
  if (!turn_those_with_work() && exits_.empty()) network_.advance(next_time(until));
}

bool World::run_until(const std::function<bool()>& reached, Nanoseconds limit) {
  const MonotonicTime until = network_.now() + limit;
  for (std::size_t steps = 0; steps < steps_max; ++steps) {
    if (reached()) return true;
    if (network_.now() >= until) return false;
    step(until);
  }
  ADD_FAILURE() << "somebody spins";
  return false;
}

// What a scenario does.

bool World::initialise(Nanoseconds limit) {
  platform_->api().start();
  return run_until([this] { return platform().phase() == platform::Phase::ready; }, limit);
}

bool World::begin_invoke(Nanoseconds limit) {
  if (!run_until([this] { return platform().can_invoke(); }, limit)) return false;
  pauses_ = std::max(Nanoseconds::zero(), paused_until_ - network_.now());
  ++begun_;
  platform_->api().invoke({});
  return true;
}

const platform::InvocationOutcome* World::invoke(Nanoseconds limit) {
  const std::size_t before = outcomes_.size();
  if (!begin_invoke(limit)) return nullptr;
  // A failed invocation is followed by a reset of the environment.
  const bool ended = run_until([&] { return outcomes_.size() > before && platform().can_invoke(); }, limit);
  return ended ? &outcomes_.back() : nullptr;
}

bool World::shut_down(Nanoseconds limit) {
  if (!run_until([this] { return platform().idle(); }, limit)) return false;
  platform_->api().shutdown();
  return run_until([this] { return platform().phase() == platform::Phase::ended; }, limit);
}

void World::pass(Nanoseconds time) {
  (void)run_until([] { return false; }, time);
}

bool World::is_frozen() const { return !collectors_.empty() && collectors_.back()->loop.frozen(); }

void World::end_connections(Death death) {
  if (!is_frozen()) return;
  for (const auto& back_end : back_ends_) network_.end_connections(collector().loop, back_end->loop, death);
}

void World::kill_collector() {
  for (Entry& entry : entries_) {
    if (entry.process == collectors_.back().get()) kill(entry);
  }
}

void World::terminate_collector(Nanoseconds after) { terminations_.push_back(network_.now() + after); }

void World::terminate_in_time() {
  std::erase_if(terminations_, [this](MonotonicTime at) {
    if (at > network_.now()) return false;
    tell("world", "SIGTERM");
    collectors_.back()->terminate();
    return true;
  });
}

bool World::platform_was_hit() const {
  return std::any_of(collectors_.begin(), collectors_.end(), [](const auto& collector) {
    const std::vector<std::uint16_t>& ports = collector->loop.hit_ports();
    return std::find(ports.begin(), ports.end(), PlatformProcess::address().port()) != ports.end();
  });
}

const DataCounters& World::counters(const CollectorProcess& collector) const {
  const auto killed = last_counters_.find(&collector);
  return killed == last_counters_.end() ? collector.data() : killed->second;
}

}  // namespace stint::sim
