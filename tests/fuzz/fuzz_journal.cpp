// SPDX-License-Identifier: Apache-2.0
// Recovery of the journal: whatever lies in the file, it ends, hands out nothing but whole records, each one once, and
// the journal can be written to afterwards.
// Input: a byte of settings, then what follows the file's head, in units of a record's alignment. A unit that begins
// with `R` is made a head with a right checksum: id and body lengths, generation and state are what the input says.
#include <cstring>

#include "base/log.h"
#include "fuzz/fuzz.h"
#include "pipeline/journal.h"
#include "pipeline/memory_journal_file.h"
#include "runtime/epoll_loop.h"

namespace stint::fuzz {
namespace {

using journal::RecordHead;

// `mark`, generation, length of the body in two bytes, its multiplier, length of the id, signal, state.
RecordHead head_of(Input input, std::string_view content) {
  (void)input.byte();
  RecordHead head;
  head.generation = input.byte() % 4u;
  head.body_bytes = static_cast<std::uint32_t>(input.word());
  head.body_bytes <<= input.byte() % 17u;
  head.id_bytes = input.byte();
  head.signal = input.byte() % 4u;
  head.state = static_cast<char>(input.byte());
  head.items = input.byte();
  head.content_crc = journal::crc32(0, content.substr(0, head.content_bytes()));
  journal::seal(head);
  return head;
}

// From the end on, so that a record's content is what it will be when its checksum is made.
std::string file_of(std::string_view units) {
  std::string file(journal::file_head());
  file.resize(journal::file_head_bytes, '\0');
  file.append(units);
  constexpr std::size_t unit = journal::record_alignment;
  for (std::size_t at = units.size() / unit * unit; at-- > 0;) {
    if (at % unit != 0 || units[at] != 'R' || units.size() - at < sizeof(RecordHead)) continue;
    const std::size_t place = journal::file_head_bytes + at;
    const RecordHead head = head_of(Input(units.substr(at)), std::string_view(file).substr(place + sizeof(RecordHead)));
    std::memcpy(file.data() + place, &head, sizeof head);
  }
  return file;
}

struct Outcome {
  std::size_t whole = 0, damaged = 0;
};

Outcome recover_all(Journal& journal, BlockPool& pool, std::size_t most) {
  Outcome outcome;
  if (!journal.look_for_former_life()) return outcome;
  for (;;) {
    const Result<Journal::Recovered> next = journal.recover_next(pool);
    if (!next && next.error().code == ErrorCode::not_found) return outcome;
    STINT_CHECK(next || next.error().code == ErrorCode::malformed);
    ++(next ? outcome.whole : outcome.damaged);
    STINT_CHECK(outcome.whole + outcome.damaged <= most);
    if (next) STINT_CHECK(next->batch.slices.size() == 1 && next->batch.bytes <= journal::segment_bytes * 8);
  }
}

}  // namespace

void run(std::string_view bytes) {
  static EpollLoop loop;
  static Runtime runtime(loop);
  set_log_level(LogLevel::fatal);
  Input input(bytes);
  const std::uint8_t settings = input.byte();
  MemoryDisk disk;
  disk.bytes = file_of(input.rest());
  // In some of the files the head is damaged, too.
  if ((settings & 1u) != 0) (*disk.bytes)[settings / 2u] = static_cast<char>((*disk.bytes)[settings / 2u] ^ 1);
  BlockPool pool(16u << 20);
  DataCounters data;
  Journal journal(runtime, data, std::make_unique<MemoryJournalFile>(disk), 8u << 20);
  const std::size_t most = bytes.size() / journal::record_alignment + 1;
  const Outcome outcome = recover_all(journal, pool, most);
  STINT_CHECK(data.journalled == 0);
  plant_bug({outcome.whole >= 1, outcome.whole >= 2, outcome.damaged >= 1}, bytes);

  // Afterwards it is a journal as any other.
  Batch batch(otlp::Signal::logs, slice_of(pool, "request"), 1);
  journal.append("otlp", batch);
  STINT_CHECK(batch.ticket() && data.journalled == 1);
  batch.ticket().keep();
  batch = Batch();
  journal.close();
  Journal next(runtime, data, std::make_unique<MemoryJournalFile>(disk), 8u << 20);
  // A forged record that claimed to hold others has hidden them until now.
  STINT_CHECK(recover_all(next, pool, most + 1).whole >= 1);
  next.close();
  STINT_CHECK(!disk.bytes);
}

}  // namespace stint::fuzz
