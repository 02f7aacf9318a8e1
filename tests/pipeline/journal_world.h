// SPDX-License-Identifier: Apache-2.0
// Lives of a journal on one disk, for its tests: a life ends in an orderly way or is killed, and the next one recovers.
#pragma once

#include <map>

#include "pipeline/component_world.h"
#include "pipeline/journal.h"
#include "pipeline/memory_journal_file.h"
#include "pipeline/requests.h"

namespace stint {

/// One process's time with the journal. Counters are its own.
class JournalLife {
 public:
  JournalLife(ComponentWorld& world, MemoryDisk& disk, std::uint64_t bytes_max = 8u << 20)
      : world_(world),
        disk_(disk),
        journal_(std::make_unique<Journal>(
            world.runtime, data, std::make_unique<MemoryJournalFile>(disk, [this] { return !killed_; }), bytes_max)) {}
  ~JournalLife() {
    // A kill has nothing to do with destructors, but our memory has.
    journal_.reset();
  }
  JournalLife(const JournalLife&) = delete;
  JournalLife& operator=(const JournalLife&) = delete;

  Journal& operator*() { return *journal_; }
  Journal* operator->() { return journal_.get(); }

  /// A batch of one request of `bytes` bytes that begin with `text`.
  Batch accept(std::string_view text, std::size_t bytes = 0, std::string_view receiver = "otlp") {
    std::string body(text);
    body.resize(std::max(bytes, body.size()), '.');
    Batch batch(otlp::Signal::logs, slice_of(world_.pool, body), 1);
    journal_->append(receiver, batch);
    return batch;
  }
  /// Nothing reaches the disk any more.
  void kill() {
    killed_ = true;
    disk_.locked = false;
  }
  /// The beginnings of all requests of former lives and how often each was found; with `keep`, they stay.
  std::map<std::string, int> recover(bool keep = false) {
    std::map<std::string, int> found;
    if (!journal_->look_for_former_life()) return found;
    for (;;) {
      Result<Journal::Recovered> next = journal_->recover_next(world_.pool);
      if (!next && next.error().code == ErrorCode::malformed) {
        ++damaged;
        continue;
      }
      if (!next) {
        EXPECT_EQ(next.error().code, ErrorCode::not_found);
        return found;
      }
      const std::string_view text = next->batch.slices.front().view();
      ++found[std::string(text.substr(0, text.find('.')))];
      receivers.push_back(next->receiver);
      if (keep) next->batch.ticket().keep();
    }
  }

  DataCounters data;
  std::size_t damaged = 0;
  std::vector<std::string> receivers;

 private:
  ComponentWorld& world_;
  MemoryDisk& disk_;
  bool killed_ = false;
  std::unique_ptr<Journal> journal_;
};

}  // namespace stint
