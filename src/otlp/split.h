// SPDX-License-Identifier: Apache-2.0
// Cutting requests into parts. A list of slices is one request (concatenated requests are the merged one), a part is
// such a list too: what is taken whole stays a slice of the received block, and only new length prefixes and the
// repeated parents of what is cut are written, into an arena, counted as copies.
//
//   request ─ resource ─ scope ─ span | log record
//                              └ metric ─ gauge, sum, histogram... ─ data point
//
// Every level's own fields (resource, scope, schema URL, the metric's header, and fields we do not know) are repeated
// in every part that holds one of its children. The order of items is kept. Parents without items stay, once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/block.h"
#include "base/result.h"
#include "otlp/signal.h"

namespace stint::otlp {

struct Part {
  std::vector<Slice> slices;
  std::size_t items = 0;
  std::size_t bytes = 0;
};

/// Either may be unlimited. A part holds at least one item even when that item alone is larger than `bytes_max`.
struct SplitLimits {
  std::size_t items_max = SIZE_MAX;
  std::size_t bytes_max = SIZE_MAX;
};

/// Takes parts off the front of a request, one after the other; cutting n items costs O(n) however often it is done.
class Splitter {
 public:
  /// Requires: walk() accepted every slice. Borrows: the arena.
  Splitter(Signal signal, std::vector<Slice> request, Arena& arena);

  /// True when everything has been taken.
  bool done() const { return !planned_ && next_slice_ == request_.size(); }
  /// The next part. Requires: !done(), limits of at least 1.
  /// Fails: memory_full; nothing is lost and the next call gives the same part (its own limits are then not looked at).
  Result<Part> next(SplitLimits limits);

 private:
  /// A message that is being cut. The outermost is a whole slice, which has no tag and no length.
  struct Frame {
    std::string_view tag = {};
    const char* next = nullptr;  // where its next child begins
    const char* end = nullptr;
    std::size_t prefix_bytes_max = 0;        // tag and length, for any part of it
    std::vector<std::string_view> own = {};  // fields that every part repeats
    std::size_t own_bytes = 0;
    bool begun = false;             // it has something in the part being planned: then
    std::size_t prefix = 0;         // where in the plan its prefix stands
    std::size_t payload_bytes = 0;  // and its length there
  };
  /// A step of the plan: a run of bytes of slice number `slice`, or the beginning of a message to be written.
  struct Piece {
    std::string_view bytes = {};  // of a prefix: the tag
    std::size_t slice = 0;
    bool is_prefix = false;
    std::size_t payload_bytes = 0;
    std::vector<std::string_view> own = {};
  };
  struct Room {
    std::size_t items;
    std::size_t bytes;
  };
  enum class Fit { taken, to_be_cut, full };

  void plan(Room room);
  bool plan_slice(Room& room);
  bool plan_child(Room& room);
  Fit try_take(std::string_view whole, std::string_view payload, Room& room);
  void open(std::string_view tag, std::string_view payload);
  void begin_frames();
  void settle(Frame& frame, Frame* parent);
  void close();
  void take(std::string_view bytes);
  std::string_view next_child(Frame& frame, std::string_view& payload) const;
  Result<Part> emit();
  void append_prefix(const Piece& piece);

  Signal signal_;
  std::vector<Slice> request_;
  Arena& arena_;
  std::size_t next_slice_ = 0;
  std::vector<Frame> open_;  // of the slice at next_slice_
  bool planned_ = false;
  std::vector<Piece> pieces_;
  std::size_t planned_items_ = 0;
  std::string prefix_bytes_;
};

/// The whole request in parts. Fails: memory_full. Requires: as Splitter.
Result<std::vector<Part>> split(Signal signal, std::vector<Slice> request, SplitLimits limits, Arena& arena);

}  // namespace stint::otlp
