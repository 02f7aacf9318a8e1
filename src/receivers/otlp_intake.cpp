// SPDX-License-Identifier: Apache-2.0
#include "receivers/otlp_intake.h"

#include "base/arena.h"
#include "otlp/repair.h"

namespace stint {

Result<Batch> OtlpIntake::to_batch(otlp::Signal signal, Slice request, const otlp::Counts& counts) {
  if (counts.invalid_utf8 == 0) return Batch(signal, std::move(request), counts.items);
  Arena arena(context_.pool, context_.copies);
  Result<otlp::Repaired> repaired = otlp::repair(signal, request, arena);
  if (!repaired) return repaired.error();
  context_.data.repaired_strings += repaired->strings;
  Result<Slice> whole = arena.gather(repaired->slices);
  if (!whole) return whole.error();
  return Batch(signal, std::move(*whole), counts.items);
}

Task<Result<>> OtlpIntake::take(otlp::Signal signal, Slice request, otlp::Counts counts,
                                std::shared_ptr<const Metadata> metadata) {
  if (counts.items == 0) co_return Result<>();
  Result<Batch> batch = to_batch(signal, std::move(request), counts);
  if (!batch) co_return batch.error();
  batch->metadata = std::move(metadata);
  const Result<> consumed = co_await next_[static_cast<std::size_t>(signal)]->consume(std::move(*batch));
  if (consumed) context_.data.accepted += counts.items;
  co_return consumed;
}

}  // namespace stint
