// SPDX-License-Identifier: Apache-2.0
// Kills of a real process: a random world is played in a forked child whose collector writes a real journal, and which
// ends with _exit in the middle of some call, with everything in it. The parent goes on in the same sandbox, with what
// the senders had been told. Guaranteed: what was accepted is delivered, by the one or by the other.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <new>

#include "sim/random_world.h"
#include "sim/scenario_steps.h"
#include "sim/sweep.h"

namespace stint::sim {
namespace {

/// Memory that parent and child share: the ledger as it was at the kill.
class SharedLedger {
 public:
  SharedLedger()
      : place_(static_cast<Shared*>(
            ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {
    STINT_CHECK(place_ != MAP_FAILED);
  }
  SharedLedger(const SharedLedger&) = delete;
  SharedLedger& operator=(const SharedLedger&) = delete;
  ~SharedLedger() { ::munmap(place_, sizeof(Shared)); }

  /// `dropped`: what the child has counted as given up for good.
  void write(const std::vector<Ledger::Entry>& entries, std::uint64_t dropped) {
    STINT_CHECK(entries.size() <= items_max);
    for (std::size_t i = 0; i < entries.size(); ++i) new (&place_->entries[i]) Ledger::Entry(entries[i]);
    place_->count = entries.size();
    place_->dropped = dropped;
  }
  std::uint64_t dropped() const { return place_->dropped; }
  std::vector<Ledger::Entry> read() const { return {place_->entries, place_->entries + place_->count}; }

 private:
  static constexpr std::size_t items_max = 100'000;
  struct Shared {
    std::size_t count;
    std::uint64_t dropped;
    Ledger::Entry entries[items_max];
  };
  Shared* place_;
};

constexpr int not_killed = 1, was_killed = 9;

[[noreturn]] void play_until_killed(std::uint64_t seed, const std::string& journal, SharedLedger& ledger) {
  World* world = nullptr;
  (void)play_random(
      seed,
      [&](WorldSettings& settings) {
        settings.journal_path = journal;
        settings.journal_works = false;  // what is in it is the parent's to see
        settings.faults = {{Fault{Random(seed).below(400), Fault::Kind::kill}}};
        settings.killer = [&] {
          ledger.write(world->ledger().entries(), world->dropped(DropReason::retries_ended));
          ::_exit(was_killed);
        };
      },
      [&](World& played) { world = &played; });
  ::_exit(not_killed);
}

// The same configuration in the next process of the sandbox. Its back ends are well.
void go_on(std::uint64_t seed, const std::string& journal, const SharedLedger& left) {
  std::vector<Ledger::Entry> entries = left.read();
  WorldSettings settings = draw_world(seed).settings;
  settings.journal_path = journal;
  settings.journal_works = false;
  settings.given_up_before = left.dropped();
  settings.faults.clear();
  settings.pause_permille = 0;
  settings.function = FunctionPlan();
  settings.function.invocations = {with_exports({{otlp::Signal::traces, 2}})};
  // What a back end has refused for good is settled.
  for (Ledger::Entry& entry : entries) {
    for (const Ledger::Fate& fate : entry.fates) entry.confirmed = entry.confirmed && !fate.rejected;
  }
  World world(std::move(settings));
  world.ledger().restore(std::move(entries));
  initialise(world);
  invoke(world, 3, Seconds(40));
  shut_down(world);
  world.finish();
  EXPECT_LE(world.ledger().unexplained(), world.dropped(DropReason::retries_ended)) << world.story();
  EXPECT_NE(::access(journal.c_str(), F_OK), 0) << "a journal is left though all is done\n" << world.story();
}

TEST(KilledProcess, LeavesWhatItAcceptedToTheNextOne) {
  const std::uint64_t seeds = in_full() ? 400 : 40;
  std::uint64_t killed = 0, with_data = 0;
  std::string directory = testing::TempDir() + "killed-XXXXXX";
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  for (std::uint64_t seed = 1; seed <= seeds && !HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    if (!draw_world(seed).settings.journal_works) continue;  // it is off there
    const std::string journal = directory + "/journal-" + std::to_string(seed);
    SharedLedger ledger;
    const pid_t child = ::fork();
    if (child == 0) play_until_killed(seed, journal, ledger);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status) && (WEXITSTATUS(status) == was_killed || WEXITSTATUS(status) == not_killed))
        << status;
    if (WEXITSTATUS(status) == was_killed) {
      ++killed;
      with_data += ::access(journal.c_str(), F_OK) == 0 ? 1 : 0;
      go_on(seed, journal, ledger);
    }
    ::unlink(journal.c_str());
  }
  ::rmdir(directory.c_str());
  EXPECT_GE(killed, seeds / 4);
  EXPECT_GE(with_data, seeds / 10) << "no kill had anything to lose";
}

}  // namespace
}  // namespace stint::sim
