// SPDX-License-Identifier: Apache-2.0
// What must hold at the end of every world, whatever has happened in it: each accepted item is delivered, in the
// journal or counted; no invocation was held past what its policy allows; the end came in time; memory stayed within
// its limit. That each process gave everything back is looked at when it ends (collector.cpp).
#include <gtest/gtest.h>

#include <algorithm>

#include "sim/world.h"

namespace stint::sim {
namespace {

// From the function's end to the platform's telling it (25 ms), and what turns and packets take in a simulated world.
constexpr Nanoseconds told_after = Milliseconds(25);
constexpr Nanoseconds turns_take = Milliseconds(15);
// What a request's blocks may take beyond the data's own limit: one block is admitted because it is alone.
constexpr std::size_t single_block_bytes_max = 1u << 20;

config::FlushPolicy policy_of(const WorldSettings& settings) {
  for (const auto& [name, value] : settings.environment) {
    if (name == "STINT_FLUSH") return config::parse_flush_policy(value).value_or(config::FlushPolicy());
  }
  return {};
}

}  // namespace

std::uint64_t World::dropped() const {
  std::uint64_t total = settings_.given_up_before;
  for (const auto& collector : collectors_) total += counters(*collector).dropped_total();
  return total;
}

std::uint64_t World::dropped(DropReason reason) const {
  std::uint64_t total = reason == DropReason::retries_ended ? settings_.given_up_before : 0;
  for (const auto& collector : collectors_) total += counters(*collector).dropped[static_cast<std::size_t>(reason)];
  return total;
}

std::set<ItemId> World::journalled() {
  std::set<ItemId> items;
  MemoryDisk copy = disk_;
  copy.locked = false;
  DataCounters data;
  BlockPool pool(64u << 20);
  Journal journal(platform_->runtime, data, std::make_unique<MemoryJournalFile>(copy), limits::journal_bytes_max);
  if (!journal.look_for_former_life()) return items;
  for (;;) {
    const Result<Journal::Recovered> recovered = journal.recover_next(pool);
    if (!recovered && recovered.error().code == ErrorCode::not_found) return items;
    EXPECT_TRUE(recovered) << "a record that is not whole: " << to_string(recovered.error());
    if (!recovered) continue;
    const Batch& batch = recovered->batch;
    const std::vector<ItemId> found = read_request(batch.signal, batch.slices.front().view());
    items.insert(found.begin(), found.end());
  }
}

void World::finish() {
  finished_ = true;
  for (Entry& entry : entries_) {
    if (entry.id != 0 && entry.state != Entry::State::ended) {
      EXPECT_TRUE(entry.state == Entry::State::killed) << entry.process->name() << " runs at the end of the world";
      kill(entry);
    }
  }
  exits_.clear();
  platform_->stop();
  for (const auto& back_end : back_ends_) back_end->stop();
  const bool all_ended = run_until(
      [this] {
        return std::all_of(entries_.begin(), entries_.end(),
                           [](const Entry& entry) { return entry.state == Entry::State::ended; });
      },
      std::chrono::hours(2));
  EXPECT_TRUE(all_ended) << "a process does not come to its end";
  // A second collector may be killed by the platform only while the first's connection to it was cut.
  EXPECT_TRUE(!collector_killed_late_ || platform_was_hit()) << "the collector was not done in time";
  check_ledger();
  check_invocations();
  check_memory();
}

void World::check_ledger() {
  EXPECT_EQ(ledger_.unknown(), 0u) << "the back end was sent what nobody made";
  if (settings_.journal_works) {
    EXPECT_LE(ledger_.unexplained(journalled()), dropped(DropReason::retries_ended))
        << "accepted, not delivered and not in the journal";
  }
  if (!last_counters_.empty()) return;  // a killed collector has no last line
  EXPECT_LE(ledger_.missing(), dropped()) << "items are lost without being counted";
  std::uint64_t delivered = 0;
  for (const auto& collector : collectors_) delivered += collector->data().delivered;
  EXPECT_LE(delivered, ledger_.received() + ledger_.duplicates()) << "counted as delivered and never received";
}

bool World::only_back_ends_were_hit() const {
  return std::all_of(collectors_.begin(), collectors_.end(), [](const auto& collector) {
    const std::vector<std::uint16_t>& ports = collector->loop.hit_ports();
    return std::all_of(ports.begin(), ports.end(), [](std::uint16_t port) {
      return port == BackEndProcess::http_port || port == BackEndProcess::grpc_port;
    });
  });
}

// From the function's end on. A function shorter than a flush that waits at an invocation's begin has that left.
Nanoseconds World::held_at_most() const {
  using config::FlushKind;
  const FlushKind kind = policy_of(settings_).kind;
  if (kind == FlushKind::continuous) return turns_take;
  if (kind == FlushKind::periodic) return limits::hold_max + turns_take;
  const bool told = settings_.platform.telemetry == platform::TelemetrySupport::served;
  return told ? told_after + limits::hold_max + turns_take : turns_take;
}

void World::check_invocations() {
  const bool hangs = std::any_of(settings_.function.invocations.begin(), settings_.function.invocations.end(),
                                 [](const Invoked& invoked) { return invoked.hangs; });
  const Nanoseconds held_most = held_at_most_.value_or(held_at_most());
  const bool exact = only_back_ends_were_hit();
  for (std::size_t i = 0; i < outcomes_.size(); ++i) {
    const platform::InvocationOutcome& outcome = outcomes_[i];
    EXPECT_TRUE(hangs || platform_was_hit() || outcome.status != "timeout")
        << outcome.request_id << " was held past its deadline";
    if (!exact || outcome.status != "success") continue;
    EXPECT_LE(outcome.extension_overhead - paused_[i], held_most)
        << outcome.request_id << " was held past what its policy allows";
  }
}

void World::check_memory() {
  for (const auto& collector : collectors_) {
    EXPECT_LE(collector->pool().bytes_in_use_peak(), settings_.memory_bytes_max + single_block_bytes_max)
        << "memory for data went beyond its limit";
  }
}

}  // namespace stint::sim
