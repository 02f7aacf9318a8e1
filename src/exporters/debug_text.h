// SPDX-License-Identifier: Apache-2.0
// The text of requests as the debug exporter shows them: `normal` is about one line per item, `detailed` all there is.
// Equal to the reference's, quirks included. The text leaves in pieces of bounded size, for a request of some MiB is a
// text of many more; nothing of it is kept here. Views live only while a line is made.
// Source: OpenTelemetry Collector 0.158.0, exporter/debugexporter/internal/{normal,otlptext}.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/block.h"
#include "base/log.h"
#include "otlp/signal.h"

namespace stint::debug_text {

enum class Verbosity : std::uint8_t { basic, normal, detailed };

/// Takes a text piece by piece. A piece ends with a line, so no character is cut.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void write(std::string_view piece) = 0;
};

/// Lines on their way to a sink.
class Writer {
 public:
  static constexpr std::size_t piece_bytes = 32u << 10;

  /// Borrows: the sink.
  explicit Writer(Sink& sink) : sink_(sink) {}
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() {
    if (!text_.empty()) sink_.write(text_);
  }

  /// The parts (text, integers) at the end of the line that is being made.
  template <typename... Parts>
  Writer& add(const Parts&... parts) {
    (detail::append(text_, parts), ...);
    return *this;
  }
  void end_line() {
    text_.push_back('\n');
    if (text_.size() < piece_bytes) return;
    sink_.write(text_);
    text_.clear();
  }
  /// A whole line, or the rest of one.
  template <typename... Parts>
  void line(const Parts&... parts) {
    add(parts...).end_line();
  }

 private:
  Sink& sink_;
  std::string text_;
};

/// What the first message of a batch says.
struct Counts {
  std::uint64_t resources = 0;
  std::uint64_t metrics = 0;  // of the signal metrics only
};
/// Requires: walk() accepted each slice. All slices together are one request.
Counts count(otlp::Signal signal, std::span<const Slice> slices);

/// Requires: as above; verbosity is normal or detailed. Resources are numbered through all slices.
void write(otlp::Signal signal, Verbosity verbosity, std::span<const Slice> slices, Sink& sink);

// The two forms, per resource entry (the bytes of a ResourceSpans, ResourceMetrics or ResourceLogs).
void write_normal(otlp::Signal signal, std::uint64_t number, std::string_view entry, Writer& out);
void write_detailed(otlp::Signal signal, std::uint64_t number, std::string_view entry, Writer& out);

}  // namespace stint::debug_text
