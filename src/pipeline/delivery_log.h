// SPDX-License-Identifier: Apache-2.0
// What exporters say and count of their deliveries, in the same words whatever the protocol: a back end that fails and
// comes back, data that is lost, data that it did not take all of. And the body that all of them make of a batch.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "otlp/status.h"
#include "pipeline/component.h"
#include "wire/compression.h"

namespace stint {

/// What exporters call themselves to back ends.
std::string_view user_agent();

/// A back end's text as a part of one line: bounded, and nothing in it that a terminal would obey.
std::string one_line(std::string_view text);

class DeliveryLog {
 public:
  /// `tries_again`: a failed attempt is not the last.
  DeliveryLog(ComponentContext& context, std::string id, bool tries_again)
      : context_(context), id_(std::move(id)), tries_again_(tries_again) {}

  const std::string& id() const { return id_; }
  /// `target`: the back end's URL. Of attempts that fail one after the other only the first is a warning.
  void attempt_failed(std::string_view target, std::string_view why);
  /// All but what `partial` says has arrived.
  void delivered(std::string_view target, otlp::Signal signal, std::size_t items, const otlp::PartialSuccess& partial);
  /// The retrier has ended with `result`: what it has given up because its time is over is lost.
  void ended(const Result<>& result, std::string_view target, otlp::Signal signal, std::size_t items) const;
  void lost(std::string_view target, otlp::Signal signal, std::size_t items, std::string_view why) const;

 private:
  ComponentContext& context_;
  std::string id_;
  bool tries_again_;
  bool failing_ = false;        // since the last delivery
  std::string last_rejection_;  // said already
};

/// What is sent of a batch.
struct RequestBody {
  std::vector<Slice> slices;
  bool compressed = false;

  std::size_t size() const;
};
/// Compressed into a block of its own, or where `compressor` is null, or without memory for it, the slices as they are:
/// that frees memory, too.
RequestBody make_request_body(Batch batch, wire::Compressor* compressor, ComponentContext& context);

}  // namespace stint
