// SPDX-License-Identifier: Apache-2.0
#include "pipeline/journal.h"

#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "pipeline/journal_reader.h"

namespace stint {

using journal::RecordHead;
using journal::segment_bytes;
using journal::segments_of;

namespace {

constexpr std::uint64_t part_of_free_space = 10;
// Each look costs an invocation as much as its record. What is cut under our hands says so by itself.
constexpr Nanoseconds look_interval = Seconds(1);

std::string explain(Error error) {
  switch (error.code) {
    case ErrorCode::in_use: return "another process holds it";
    case ErrorCode::permission_denied: return "it is not a plain file of our own";
    case ErrorCode::not_found: return "its directory does not exist";
    default: return to_string(error);
  }
}

std::uint64_t journal_bytes_max(const config::Environment& environment) {
  const auto text = environment.lookup("STINT_JOURNAL_MAX_MIB");
  if (!text || text->empty()) return limits::journal_bytes_max;
  std::uint64_t mib = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), mib);
  if (error == std::errc() && end == text->data() + text->size() && mib >= 1 && mib <= 1024) return mib << 20;
  log(LogLevel::warn, "STINT_JOURNAL_MAX_MIB: '", *text, "' is not a number from 1 to 1024; ",
      limits::journal_bytes_max >> 20, " is taken");
  return limits::journal_bytes_max;
}

}  // namespace

JournalSettings journal_settings(const config::Environment& environment, bool in_sandbox) {
  JournalSettings settings;
  settings.bytes_max = journal_bytes_max(environment);
  const std::string_view chosen = environment.lookup("STINT_JOURNAL").value_or("");
  if (chosen == "off") return settings;
  if (!chosen.empty()) {
    settings.path = chosen;
  } else if (in_sandbox) {
    const std::string_view directory = environment.lookup("TMPDIR").value_or("");
    settings.path = concat(directory.empty() ? std::string_view("/tmp") : directory, "/.stint-journal");
  }
  return settings;
}

Journal::Journal(Runtime& runtime, DataCounters& data, std::unique_ptr<JournalFile> file, std::uint64_t bytes_max)
    : runtime_(runtime), data_(data), file_(std::move(file)), bytes_max_(bytes_max) {}

Journal::~Journal() = default;

// ---- the file ----

void Journal::say(Trouble trouble, std::string_view what) {
  const auto bit = static_cast<std::uint8_t>(1u << static_cast<unsigned>(trouble));
  if ((said_ & bit) == 0) log(LogLevel::warn, "journal: ", file_->path(), ": ", what);
  said_ |= bit;
}

void Journal::go_off(std::string_view why) {
  if (state_ == State::open) file_->close();
  state_ = State::off;
  data_.journalled = 0;
  say(Trouble::off, concat(why, "; going on without: what is accepted would not survive a kill"));
}

bool Journal::open(JournalFile::Want want) {
  if (state_ != State::unopened) return state_ == State::open;
  const Result<JournalFile::Found> found = file_->open(want);
  if (found) return take_file(*found);
  const bool nothing = want == JournalFile::Want::existing && found.error().code == ErrorCode::not_found;
  if (!nothing) go_off(explain(found.error()));
  return false;
}

bool Journal::take_file(const JournalFile::Found& found) {
  state_ = State::open;
  char bytes[256];
  const Result<std::size_t> size = file_->read(0, bytes);
  if (!size) return go_off(to_string(size.error())), false;
  const journal::FileKind kind = journal::kind_of({bytes, *size});
  if (kind == journal::FileKind::foreign) return go_off("there is a file of another kind"), false;
  const std::uint64_t most = segments_of(bytes_max_);
  const std::uint64_t existing =
      found.bytes > journal::file_head_bytes ? segments_of(found.bytes - journal::file_head_bytes) : 0;
  usable_ = std::min(most, (found.free_bytes + found.bytes) / part_of_free_space / segment_bytes);
  segments_.resize(std::max<std::size_t>(usable_, std::min(most, existing)));
  written_end_ = found.bytes;
  if (kind == journal::FileKind::damaged) {
    say(Trouble::truncated, "it was damaged or truncated; what is whole is recovered");
  }
  if (kind != journal::FileKind::empty) scan(std::min<std::size_t>(existing, segments_.size()));
  if (segments_.empty()) {
    if (found.bytes == 0) file_->remove();
    return go_off("there is too little free space for it"), false;
  }
  return kind == journal::FileKind::ours || write_file_head();
}

bool Journal::write_file_head() {
  const std::string_view head = journal::file_head();
  const iovec part{const_cast<char*>(head.data()), head.size()};
  if (const Result<> written = file_->write(0, {&part, 1}); !written) {
    return go_off(to_string(written.error())), false;
  }
  return true;
}

// Somebody may remove or cut the file while we write to it.
bool Journal::check_whole() {
  const Result<std::uint64_t> size = file_->size();
  if (!size) {
    go_off(size.error().code == ErrorCode::not_found ? "it was removed" : to_string(size.error()));
    return false;
  }
  if (*size >= written_end_) return true;
  say(Trouble::truncated, "it was truncated while in use; what is accepted from now on is safe again");
  written_end_ = *size;
  return *size >= journal::file_head().size() || write_file_head();
}

bool Journal::may_write() {
  if (!open(JournalFile::Want::any)) return false;
  const MonotonicTime now = runtime_.now();
  if (now < retry_at_) return false;
  if (now < look_at_) return true;
  look_at_ = now + look_interval;
  return check_whole();
}

// ---- segments ----

std::uint64_t Journal::segment_begin(std::size_t segment) const {
  return journal::file_head_bytes + segment * segment_bytes;
}

std::size_t Journal::segment_of(std::uint64_t place) const {
  return static_cast<std::size_t>((place - journal::file_head_bytes) / segment_bytes);
}

// Makes the lowest `count` free segments in a row current.
bool Journal::take_segments(std::size_t count) {
  std::size_t free = 0;
  for (std::size_t i = 0; i < usable_; ++i) {
    free = is_free(i) ? free + 1 : 0;
    if (free < count) continue;
    current_ = i + 1 - count;
    segments_[current_] = Segment{.generation = next_generation_++, .run = static_cast<std::uint32_t>(count)};
    for (std::size_t later = current_ + 1; later <= i; ++later) segments_[later] = Segment{.live = 1};
    return true;
  }
  return false;
}

void Journal::free_segments(std::size_t first) {
  const std::size_t end = std::min<std::size_t>(first + segments_[first].run, segments_.size());
  std::fill(segments_.begin() + static_cast<std::ptrdiff_t>(first),
            segments_.begin() + static_cast<std::ptrdiff_t>(end), Segment());
}

// Where a record goes; 0: there is no room.
std::uint64_t Journal::place_for(std::uint64_t bytes) {
  const bool is_large = bytes > segment_bytes;
  const Segment* const current = usable_ > 0 ? &segments_[current_] : nullptr;
  const bool fits = current != nullptr && !is_large && current->generation > 0 && !current->found &&
                    current->run == 1 && current->used + bytes <= segment_bytes;
  if (!fits && !take_segments(static_cast<std::size_t>(segments_of(bytes)))) return 0;
  return segment_begin(current_) + segments_[current_].used;
}

void Journal::append(std::string_view receiver, Batch& batch) {
  if (!may_write()) return;
  receiver = receiver.substr(0, UINT16_MAX);
  RecordHead head{.body_bytes = static_cast<std::uint32_t>(batch.bytes),
                  .items = static_cast<std::uint32_t>(batch.items),
                  .id_bytes = static_cast<std::uint16_t>(receiver.size()),
                  .signal = static_cast<std::uint8_t>(batch.signal)};
  const std::uint64_t place = place_for(head.record_bytes());
  if (place == 0) return say(Trouble::full, "it is full; what does not fit would not survive a kill");
  Segment& segment = segments_[current_];
  head.generation = segment.generation;
  parts_.clear();
  parts_.push_back({&head, sizeof head});
  parts_.push_back({const_cast<char*>(receiver.data()), receiver.size()});
  head.content_crc = journal::crc32(0, receiver);
  for (const Slice& slice : batch.slices) {
    parts_.push_back({const_cast<char*>(slice.view().data()), slice.size()});
    head.content_crc = journal::crc32(head.content_crc, slice.view());
  }
  journal::seal(head);
  if (!write_record(place)) {
    if (segment.live == 0) free_segments(current_);
    return;
  }
  written_end_ = std::max(written_end_, place + sizeof head + head.content_bytes());
  segment.used += static_cast<std::uint32_t>(std::min(head.record_bytes(), segment_bytes));
  ++segment.live;
  data_.journalled += batch.items;
  Ticket ticket = issue(place, head.items);
  for (Slice& slice : batch.slices) slice.attach(ticket.share());
}

// What stands in parts_.
bool Journal::write_record(std::uint64_t place) {
  Result<> written = file_->write(place, parts_);
  if (!written && written.error().code == ErrorCode::closed) {
    if (!check_whole()) return false;
    written = file_->write(place, parts_);
  }
  if (written) return true;
  retry_at_ = runtime_.now() + limits::journal_retry_after;
  say(Trouble::write, concat(to_string(written.error()), "; what is accepted would not survive a kill"));
  return false;
}

void Journal::settled(std::uint64_t place, std::uint32_t items, bool kept) {
  if (kept || state_ != State::open) return;
  const char done = journal::state_done;
  const iovec part{const_cast<char*>(&done), 1};
  const Result<> written = file_->write(place + journal::state_offset, {&part, 1});
  // Without it the record would be sent once more in another life: no reason to say or do more.
  if (!written && written.error().code == ErrorCode::closed) look_at_ = {};
  forget(segment_of(place), items);
}

void Journal::forget(std::size_t segment, std::uint32_t items) {
  data_.journalled -= std::min<std::uint64_t>(data_.journalled, items);
  if (--segments_[segment].live == 0) free_segments(segment);
}

void Journal::close() {
  if (state_ != State::open) return;
  const bool all_done =
      std::all_of(segments_.begin(), segments_.end(), [](const Segment& segment) { return segment.live == 0; });
  all_done ? file_->remove() : file_->close();
  state_ = State::off;
}

}  // namespace stint
