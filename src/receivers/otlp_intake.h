// SPDX-License-Identifier: Apache-2.0
// What the `otlp` receiver does with a request, whatever it came over: the walked protobuf becomes a batch, its text is
// repaired if it must be, and the pipeline takes it or says why not.
#pragma once

#include <array>
#include <memory>
#include <optional>

#include "otlp/status.h"
#include "otlp/walk.h"
#include "pipeline/component.h"

namespace stint {

/// What a sender is told of what the pipeline said, over HTTP and over gRPC. Source: the reference's
/// receiver/otlpreceiver/internal/errors, and the status that its exporters make of a back end's answer.
struct OtlpRefusal {
  int http_status = 503;
  otlp::RpcCode code = otlp::RpcCode::unavailable;
  std::optional<Nanoseconds> retry_delay;
};
OtlpRefusal refusal_of(Error error);

class OtlpIntake {
 public:
  /// Borrows: context.
  explicit OtlpIntake(ComponentContext& context) : context_(context) {}

  /// Borrows: next.
  void connect(otlp::Signal signal, Consumer& next) { next_[static_cast<std::size_t>(signal)] = &next; }
  /// True when a pipeline is there for the signal.
  bool takes(otlp::Signal signal) const { return next_[static_cast<std::size_t>(signal)] != nullptr; }
  /// Requires: takes(signal); `counts` is what a walk of the request said. `metadata`: of the client, if it is kept.
  /// Suspends: until the pipeline has accepted. Fails: as Consumer::consume.
  Task<Result<>> take(otlp::Signal signal, Slice request, otlp::Counts counts,
                      std::shared_ptr<const Metadata> metadata = nullptr);

 private:
  Result<Batch> to_batch(otlp::Signal signal, Slice request, const otlp::Counts& counts);

  ComponentContext& context_;
  std::array<Consumer*, 3> next_{};
};

}  // namespace stint
