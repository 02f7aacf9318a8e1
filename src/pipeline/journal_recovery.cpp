// SPDX-License-Identifier: Apache-2.0
// What the journal finds of a former life and hands out again, in the order in which it was written.
#include <algorithm>
#include <utility>

#include "pipeline/journal.h"
#include "pipeline/journal_reader.h"

namespace stint {

using journal::RecordHead;
using journal::segment_bytes;
using journal::segments_of;

namespace {

constexpr std::size_t no_segment = SIZE_MAX;

}  // namespace

void Journal::scan(std::size_t count) {
  reader_ = std::make_unique<Reader>(*file_, segment_begin(segments_.size()));
  for (std::size_t i = 0; i < count;) {
    scan_segment(i, *reader_);
    i += segments_[i].run;
  }
  if (oldest_to_recover() == no_segment) reader_.reset();
}

// Counts what is live of the present generation: that of the first record, for what is left of former ones, or looks
// like a record within a request, lies behind.
void Journal::scan_segment(std::size_t segment, Reader& reader) {
  Segment found;
  std::uint64_t items = 0;
  reader.begin(segment_begin(segment), segment_begin(segment) + segment_bytes);
  while (const auto record = reader.next()) {
    const RecordHead& head = record->head;
    if (!found.found) found = Segment{.generation = head.generation, .found = true};
    if (head.generation != found.generation || head.state == journal::state_done) continue;
    ++found.live;
    items += head.items;
    const std::uint64_t run = segments_of(head.record_bytes());
    found.run = static_cast<std::uint32_t>(std::min<std::uint64_t>(run, segments_.size() - segment));
  }
  next_generation_ = std::max(next_generation_, found.generation + 1);
  if (found.live == 0) return;
  found.to_recover = found.live;
  segments_[segment] = found;
  for (std::size_t later = segment + 1; later < segment + found.run; ++later) segments_[later] = Segment{.live = 1};
  data_.journalled += items;
}

std::size_t Journal::oldest_to_recover() const {
  std::size_t oldest = no_segment;
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    if (segments_[i].to_recover == 0) continue;
    if (oldest == no_segment || segments_[i].generation < segments_[oldest].generation) oldest = i;
  }
  return oldest;
}

bool Journal::look_for_former_life() { return open(JournalFile::Want::existing) && oldest_to_recover() != no_segment; }

Result<Journal::Recovered> Journal::recover_next(BlockPool& pool) {
  if (state_ != State::open) return Error{ErrorCode::not_found};
  for (std::size_t at; (at = oldest_to_recover()) != no_segment;) {
    Segment& segment = segments_[at];
    reader_->begin(segment_begin(at) + segment.used, segment_begin(at) + segment_bytes);
    while (const auto record = reader_->next()) {
      const RecordHead& head = record->head;
      if (head.generation == segment.generation && head.state != journal::state_done) {
        return recover(at, record->place, head, pool);
      }
    }
    // Fewer than the scan has counted: somebody has written to the file meanwhile.
    segment.live -= std::exchange(segment.to_recover, 0);
    if (segment.live == 0) free_segments(at);
  }
  reader_.reset();
  small_.reset();
  return Error{ErrorCode::not_found};
}

// Small records share a block, as the requests of one connection do.
Result<Journal::Room> Journal::room_for(std::size_t bytes, BlockPool& pool) {
  if (small_ && bytes <= small_.capacity() - small_used_) {
    char* const begin = small_.data() + std::exchange(small_used_, small_used_ + bytes);
    return Room{small_.share(), begin};
  }
  small_.reset();
  if (bytes >= pool.block_bytes_max()) return Error{ErrorCode::too_large};
  // Half of the memory is left to what comes in now; but an empty pool takes any record.
  const bool is_quiet = pool.bytes_in_use() < pool.bytes_max() / 4;
  if (!is_quiet && pool.bytes_in_use() + bytes > pool.bytes_max() / 2) return Error{ErrorCode::memory_full};
  Result<Block> block = pool.allocate(bytes);
  if (!block) return block.error();
  char* const begin = block->data();
  if (bytes < BlockPool::smallest_bytes) {
    small_ = block->share();
    small_used_ = bytes;
  }
  return Room{std::move(*block), begin};
}

Result<Journal::Recovered> Journal::recover(std::size_t segment, std::uint64_t place, const RecordHead& head,
                                            BlockPool& pool) {
  const auto bytes = static_cast<std::size_t>(head.content_bytes());
  Result<Room> room = room_for(bytes, pool);
  if (!room && room.error().code == ErrorCode::memory_full) return room.error();
  segments_[segment].used =
      static_cast<std::uint32_t>(std::min(place - segment_begin(segment) + head.record_bytes(), segment_bytes));
  --segments_[segment].to_recover;
  Ticket ticket = issue(place, head.items);
  if (!room) return Error{ErrorCode::malformed};  // and done, with its ticket
  const Result<std::size_t> size = file_->read(place + sizeof head, {room->begin, bytes});
  const std::string_view content(room->begin, bytes);
  const bool is_whole = size && *size == bytes && journal::crc32(0, content) == head.content_crc && head.signal < 3;
  if (!is_whole) return Error{ErrorCode::malformed};
  Recovered recovered;
  recovered.receiver = content.substr(0, head.id_bytes);
  recovered.batch = Batch(static_cast<otlp::Signal>(head.signal),
                          Slice(std::move(room->block), content.substr(head.id_bytes)), head.items);
  recovered.batch.slices.front().attach(std::move(ticket));
  return recovered;
}

}  // namespace stint
