// SPDX-License-Identifier: Apache-2.0
// The journal: each accepted request is appended to a file before it goes on, and marked as done with one byte
// when the last share of its ticket ends, so that a killed process's data is found by the next one in the same
// sandbox. Any trouble with the file costs the safety, never the data path: it is said once. Bodies only, no headers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/limits.h"
#include "base/ticket.h"
#include "config/provider.h"
#include "pipeline/batch.h"
#include "pipeline/component.h"
#include "pipeline/journal_file.h"
#include "pipeline/journal_record.h"

namespace stint {

struct JournalSettings {
  std::string path;  // empty: no journal
  std::uint64_t bytes_max = limits::journal_bytes_max;
};

/// STINT_JOURNAL and STINT_JOURNAL_MAX_MIB. `in_sandbox`: there is one by default, in $TMPDIR or /tmp.
/// A value that is none is a warning.
JournalSettings journal_settings(const config::Environment& environment, bool in_sandbox);

class Journal final : public TicketOffice {
 public:
  /// What was found of a former life.
  struct Recovered {
    std::string receiver;
    Batch batch;  // one slice with its ticket
  };

  /// Nothing is opened yet. Borrows: runtime, data.
  Journal(Runtime& runtime, DataCounters& data, std::unique_ptr<JournalFile> file, std::uint64_t bytes_max);
  /// What is not done stays in the file.
  ~Journal() override;

  /// Writes the request down and puts the ticket on its slices; without success the batch just has none.
  /// Requires: the slices have no tickets yet.
  void append(std::string_view receiver, Batch& batch);

  /// Opens what a former life has left, if it has. True: recover_next() will find something.
  bool look_for_former_life();
  /// The next record of a former life, in the order in which they were written.
  /// Fails: not_found (there is none left), memory_full (try again later), malformed (that one is damaged and lost;
  /// there may be more).
  Result<Recovered> recover_next(BlockPool& pool);

  /// The end: removes the file if everything in it is done.
  /// Requires: nothing is appended any more.
  void close();

 private:
  struct Segment {
    std::uint64_t generation = 0;
    std::uint32_t live = 0;        // records that are not done; of a run's later segments: 1
    std::uint32_t to_recover = 0;  // of those: not yet handed out
    std::uint32_t run = 1;         // segments that its one record takes
    std::uint32_t used = 0;        // bytes; of one that was found: what has been recovered
    bool found = false;            // from a former life, so nothing is appended
  };
  enum class State : std::uint8_t { unopened, open, off };
  enum class Trouble : std::uint8_t { off, full, write, truncated };

  class Reader;

  // The file.
  bool open(JournalFile::Want want);
  bool take_file(const JournalFile::Found& found);
  bool write_file_head();
  bool check_whole();
  bool may_write();
  bool write_record(std::uint64_t place);
  void go_off(std::string_view why);
  void say(Trouble trouble, std::string_view what);

  // Segments.
  std::uint64_t segment_begin(std::size_t segment) const;
  std::size_t segment_of(std::uint64_t place) const;
  bool is_free(std::size_t segment) const { return segments_[segment].live == 0; }
  bool take_segments(std::size_t count);
  void free_segments(std::size_t first);
  std::uint64_t place_for(std::uint64_t bytes);
  void settled(std::uint64_t place, std::uint32_t items, bool kept) override;
  void forget(std::size_t segment, std::uint32_t items);

  // The former life.
  void scan(std::size_t count);
  void scan_segment(std::size_t segment, Reader& reader);
  std::size_t oldest_to_recover() const;
  struct Room {
    Block block;
    char* begin;
  };
  Result<Room> room_for(std::size_t bytes, BlockPool& pool);
  Result<Recovered> recover(std::size_t segment, std::uint64_t place, const journal::RecordHead& head, BlockPool& pool);

  Runtime& runtime_;
  DataCounters& data_;
  std::unique_ptr<JournalFile> file_;
  std::uint64_t bytes_max_;
  State state_ = State::unopened;
  std::vector<Segment> segments_;
  std::size_t usable_ = 0;   // segments that may be appended to
  std::size_t current_ = 0;  // the one that is being filled
  std::uint64_t next_generation_ = 1;
  std::uint64_t written_end_ = 0;  // the file is at least as long
  MonotonicTime retry_at_{};       // after a write that failed
  MonotonicTime look_at_{};        // when to see whether somebody has cut or removed it
  std::uint8_t said_ = 0;          // bits of Trouble
  std::vector<iovec> parts_;
  std::unique_ptr<Reader> reader_;  // while something is to be recovered
  Block small_;                     // in which small records of a former life lie behind each other
  std::size_t small_used_ = 0;
};

}  // namespace stint
