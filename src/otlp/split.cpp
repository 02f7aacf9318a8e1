// SPDX-License-Identifier: Apache-2.0
// Cutting in two steps: a plan of pieces (which advances through the request), then the bytes of new prefixes. Lengths
// are known only when the plan is complete, and a plan survives a full memory.
#include "otlp/split.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "otlp/cursor.h"

namespace stint::otlp {
namespace {

constexpr std::uint32_t bit(std::uint32_t number) { return 1u << number; }

// For each level, outermost first, the fields that hold the next level. The last one holds the items.
constexpr std::array<std::uint32_t, 3> record_levels = {bit(fields::ExportTraceServiceRequest::resource_spans),
                                                        bit(fields::ResourceSpans::scope_spans),
                                                        bit(fields::ScopeSpans::spans)};
static_assert(bit(fields::ResourceLogs::scope_logs) == record_levels[1] &&
              bit(fields::ScopeLogs::log_records) == record_levels[2]);
constexpr std::array<std::uint32_t, 5> metric_levels = {
    bit(fields::ExportMetricsServiceRequest::resource_metrics), bit(fields::ResourceMetrics::scope_metrics),
    bit(fields::ScopeMetrics::metrics),
    bit(fields::Metric::gauge) | bit(fields::Metric::sum) | bit(fields::Metric::histogram) |
        bit(fields::Metric::exponential_histogram) | bit(fields::Metric::summary),
    bit(fields::Gauge::data_points)};

std::span<const std::uint32_t> levels_of(Signal signal) {
  return signal == Signal::metrics ? std::span<const std::uint32_t>(metric_levels) : record_levels;
}

bool is_child(const FieldCursor& field, std::uint32_t children) {
  return field.number() < 32 && (children & bit(field.number())) != 0 && field.wire_type() == WireType::length;
}

/// Items below `payload`, whose children `levels` describes; stops counting above `enough`.
std::size_t count_items(std::string_view payload, std::span<const std::uint32_t> levels, std::size_t enough) {
  if (levels.empty()) return 1;
  std::size_t count = 0;
  FieldCursor field(payload);
  while (count <= enough && field.next()) {
    if (is_child(field, levels[0])) count += count_items(field.payload(), levels.subspan(1), enough - count);
  }
  STINT_CHECK(field.well_formed());
  return count;
}

std::string_view tag_of(std::string_view field) {
  std::uint64_t ignored = 0;
  const char* const after = read_varint(field.data(), field.data() + field.size(), ignored);
  return {field.data(), static_cast<std::size_t>(after - field.data())};
}

/// Adds `bytes` to the last view when it follows directly.
bool extend(std::string_view& last, std::string_view bytes) {
  if (last.data() + last.size() != bytes.data()) return false;
  last = {last.data(), last.size() + bytes.size()};
  return true;
}

}  // namespace

Splitter::Splitter(Signal signal, std::vector<Slice> request, Arena& arena)
    : signal_(signal), request_(std::move(request)), arena_(arena) {
  std::erase_if(request_, [](const Slice& slice) { return slice.size() == 0; });
}

Result<Part> Splitter::next(SplitLimits limits) {
  STINT_CHECK(!done() && limits.items_max > 0 && limits.bytes_max > 0);
  if (!planned_) plan(Room{limits.items_max, limits.bytes_max});
  planned_ = true;
  Result<Part> part = emit();
  if (!part) return part;
  planned_ = false;
  for (std::size_t i = 0; i < next_slice_; ++i) request_[i] = Slice();
  return part;
}

void Splitter::plan(Room room) {
  pieces_.clear();
  planned_items_ = 0;
  for (Frame& frame : open_) frame.begun = false;
  while (open_.empty() ? plan_slice(room) : plan_child(room)) {
  }
  for (std::size_t i = open_.size(); i-- > 0;) settle(open_[i], i == 0 ? nullptr : &open_[i - 1]);
}

bool Splitter::plan_slice(Room& room) {
  if (next_slice_ == request_.size()) return false;
  const std::string_view bytes = request_[next_slice_].view();
  switch (try_take(bytes, bytes, room)) {
    case Fit::taken: ++next_slice_; return true;
    case Fit::to_be_cut: open({}, bytes); return true;
    case Fit::full: break;
  }
  return false;
}

bool Splitter::plan_child(Room& room) {
  Frame& frame = open_.back();
  std::string_view payload;
  const std::string_view child = next_child(frame, payload);
  if (child.empty()) {
    close();
    return true;
  }
  const Fit fit = try_take(child, payload, room);
  if (fit == Fit::full) return false;
  frame.next = child.data() + child.size();
  if (fit == Fit::to_be_cut) {
    open(tag_of(child), payload);
  }
  return true;
}

/// Takes the next thing (a slice, or a child of the innermost open message) if there is room for all of it.
Splitter::Fit Splitter::try_take(std::string_view whole, std::string_view payload, Room& room) {
  std::size_t bytes = whole.size();
  for (const Frame& frame : open_) bytes += frame.begun ? 0 : frame.prefix_bytes_max + frame.own_bytes;
  const auto levels = levels_of(signal_).subspan(open_.size());
  const bool bytes_fit = bytes <= room.bytes;
  const std::size_t items = count_items(payload, levels, bytes_fit ? room.items : 0);
  const bool must_fit = pieces_.empty() && (levels.empty() || items == 0);
  if (!must_fit && !(bytes_fit && items <= room.items)) {
    return levels.empty() || items == 0 || room.items == 0 ? Fit::full : Fit::to_be_cut;
  }
  take(whole);
  planned_items_ += items;
  room.items -= items;
  room.bytes -= std::min(bytes, room.bytes);
  return Fit::taken;
}

std::string_view Splitter::next_child(Frame& frame, std::string_view& payload) const {
  const std::uint32_t children = levels_of(signal_)[open_.size() - 1];
  FieldCursor field(std::string_view(frame.next, static_cast<std::size_t>(frame.end - frame.next)));
  while (field.next()) {
    if (is_child(field, children)) {
      payload = field.payload();
      return field.whole();
    }
  }
  return {};
}

void Splitter::open(std::string_view tag, std::string_view payload) {
  Frame frame{.tag = tag, .next = payload.data(), .end = payload.data() + payload.size()};
  if (!tag.empty()) frame.prefix_bytes_max = tag.size() + varint_size(payload.size());
  const std::uint32_t children = levels_of(signal_)[open_.size()];
  FieldCursor field(payload);
  while (field.next()) {
    if (is_child(field, children)) continue;
    frame.own_bytes += field.whole().size();
    if (frame.own.empty() || !extend(frame.own.back(), field.whole())) frame.own.push_back(field.whole());
  }
  open_.push_back(std::move(frame));
}

/// Gives every open message its place in the plan, outermost first, now that something lies in it.
void Splitter::begin_frames() {
  for (Frame& frame : open_) {
    if (frame.begun) continue;
    frame.begun = true;
    frame.prefix = pieces_.size();
    frame.payload_bytes = frame.own_bytes;
    pieces_.push_back(Piece{.bytes = frame.tag, .is_prefix = true, .own = frame.own});
  }
}

void Splitter::take(std::string_view bytes) {
  begin_frames();
  if (!open_.empty()) open_.back().payload_bytes += bytes.size();
  Piece* const last = pieces_.empty() ? nullptr : &pieces_.back();
  const bool follows = last != nullptr && !last->is_prefix && last->slice == next_slice_;
  if (!follows || !extend(last->bytes, bytes)) pieces_.push_back(Piece{.bytes = bytes, .slice = next_slice_});
}

/// The length of an open message in this part is now known, to the plan and to the message around it.
void Splitter::settle(Frame& frame, Frame* parent) {
  if (!frame.begun) return;
  pieces_[frame.prefix].payload_bytes = frame.payload_bytes;
  if (parent != nullptr) {
    parent->payload_bytes += frame.tag.size() + varint_size(frame.payload_bytes) + frame.payload_bytes;
  }
}

void Splitter::close() {
  settle(open_.back(), open_.size() == 1 ? nullptr : &open_[open_.size() - 2]);
  open_.pop_back();
  if (open_.empty()) ++next_slice_;
}

void Splitter::append_prefix(const Piece& piece) {
  if (!piece.bytes.empty()) {
    char length[10];
    prefix_bytes_.append(piece.bytes).append(length, write_varint(length, piece.payload_bytes));
  }
  for (const std::string_view own : piece.own) prefix_bytes_.append(own);
}

Result<Part> Splitter::emit() {
  Part part;
  part.items = planned_items_;
  for (std::size_t i = 0; i < pieces_.size();) {
    if (!pieces_[i].is_prefix) {
      part.slices.push_back(request_[pieces_[i].slice].part(pieces_[i].bytes));
      part.bytes += pieces_[i++].bytes.size();
      continue;
    }
    prefix_bytes_.clear();
    for (; i < pieces_.size() && pieces_[i].is_prefix; ++i) append_prefix(pieces_[i]);
    if (prefix_bytes_.empty()) continue;
    Result<Slice> written = arena_.copy(prefix_bytes_);
    if (!written) return written.error();
    part.slices.push_back(std::move(*written));
    part.bytes += prefix_bytes_.size();
  }
  return part;
}

Result<std::vector<Part>> split(Signal signal, std::vector<Slice> request, SplitLimits limits, Arena& arena) {
  std::vector<Part> parts;
  Splitter splitter(signal, std::move(request), arena);
  while (!splitter.done()) {
    Result<Part> part = splitter.next(limits);
    if (!part) return part.error();
    parts.push_back(std::move(*part));
  }
  return parts;
}

}  // namespace stint::otlp
