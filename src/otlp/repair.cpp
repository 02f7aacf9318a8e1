// SPDX-License-Identifier: Apache-2.0
// Repair as a visitor of the walk: a plan of kept runs, new lengths and new strings, then their bytes. A message gets a
// new length only when something inside it changed; lengths are known when it is left.
#include "otlp/repair.h"

#include <string>

#include "otlp/cursor.h"
#include "otlp/machine.h"
#include "otlp/utf8.h"

namespace stint::otlp {
namespace {

struct Piece {
  enum class Kind { kept, length, text } kind;
  std::string_view bytes;  // kept as it is, or text to be repaired
  std::size_t length = 0;  // to be written, of a message or of the repaired text
};

class Planner {
 public:
  explicit Planner(std::string_view request) : kept_from_(request.data()), end_(request.data() + request.size()) {}

  void enter(MessageId, const char* field_begin, std::string_view payload) {
    open_.push_back(Frame{field_begin, payload, payload.size()});
  }

  void leave() {
    const Frame frame = open_.back();
    open_.pop_back();
    if (frame.piece == none) return;
    pieces_[frame.piece].length = frame.payload_bytes;
    grow(frame.payload.size(), frame.payload_bytes, length_bytes(frame.field_begin, frame.payload));
  }

  void string(const char* field_begin, std::string_view text) {
    if (is_valid_utf8(text)) return;
    ++strings_;
    for (Frame& frame : open_) {
      if (frame.piece == none) frame.piece = renew_length(frame.field_begin, frame.payload);
    }
    const std::size_t size = repaired_utf8_size(text);
    pieces_[renew_length(field_begin, text)].length = size;
    pieces_.push_back(Piece{Piece::Kind::text, text, size});
    kept_from_ = text.data() + text.size();
    grow(text.size(), size, length_bytes(field_begin, text));
  }

  std::vector<Piece> finish() {
    keep_until(end_);
    return std::move(pieces_);
  }
  std::uint32_t strings() const { return strings_; }

 private:
  static constexpr std::size_t none = SIZE_MAX;
  struct Frame {
    const char* field_begin;
    std::string_view payload;
    std::size_t payload_bytes;  // as it will be
    std::size_t piece = none;   // its length in the plan
  };

  static const char* after_tag(const char* field_begin, std::string_view payload) {
    std::uint64_t ignored = 0;
    return read_varint(field_begin, payload.data(), ignored);
  }
  static std::size_t length_bytes(const char* field_begin, std::string_view payload) {
    return static_cast<std::size_t>(payload.data() - after_tag(field_begin, payload));
  }

  void keep_until(const char* p) {
    if (p != kept_from_) {
      pieces_.push_back(Piece{Piece::Kind::kept, {kept_from_, static_cast<std::size_t>(p - kept_from_)}});
    }
  }

  std::size_t renew_length(const char* field_begin, std::string_view payload) {
    keep_until(after_tag(field_begin, payload));
    kept_from_ = payload.data();
    pieces_.push_back(Piece{Piece::Kind::length, {}});
    return pieces_.size() - 1;
  }

  /// The innermost open message holds a field that changed from one payload size to another.
  void grow(std::size_t before, std::size_t after, std::size_t length_bytes_before) {
    if (!open_.empty()) open_.back().payload_bytes += after + varint_size(after) - before - length_bytes_before;
  }

  const char* kept_from_;
  const char* end_;
  std::vector<Frame> open_;
  std::vector<Piece> pieces_;
  std::uint32_t strings_ = 0;
};

void append_new(std::string& out, const Piece& piece) {
  if (piece.kind == Piece::Kind::length) {
    char length[10];
    out.append(length, write_varint(length, piece.length));
    return;
  }
  const std::size_t size = out.size();
  out.resize(size + piece.length);
  write_repaired_utf8(out.data() + size, piece.bytes);
}

/// Kept runs this short are written with their neighbours: a slice of a tag would cost more than the copy.
constexpr std::size_t short_run_bytes = 64;

bool is_slice(const Piece& piece) { return piece.kind == Piece::Kind::kept && piece.bytes.size() > short_run_bytes; }

}  // namespace

Result<Repaired> repair(Signal signal, const Slice& request, Arena& arena) {
  Planner planner(request.view());
  detail::Machine<Planner> machine(names(signal).request, request.view(), planner);
  if (const Result<> walked = machine.run(); !walked) return walked.error();
  Repaired repaired;
  repaired.strings = planner.strings();
  const std::vector<Piece> pieces = planner.finish();
  std::string fresh;
  for (std::size_t i = 0; i < pieces.size();) {
    if (is_slice(pieces[i])) {
      repaired.slices.push_back(request.part(pieces[i++].bytes));
      continue;
    }
    fresh.clear();
    for (; i < pieces.size() && !is_slice(pieces[i]); ++i) {
      pieces[i].kind == Piece::Kind::kept ? void(fresh.append(pieces[i].bytes)) : append_new(fresh, pieces[i]);
    }
    Result<Slice> written = arena.copy(fresh);
    if (!written) return written.error();
    repaired.slices.push_back(std::move(*written));
  }
  return repaired;
}

}  // namespace stint::otlp
