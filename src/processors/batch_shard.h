// SPDX-License-Identifier: Apache-2.0
// One batch in the making, and the task that sends it when it is due. The `batch` processor has one, or with
// metadata_keys one for each combination of their values.
#pragma once

#include <memory>

#include "base/arena.h"
#include "otlp/split.h"
#include "pipeline/component.h"
#include "runtime/scope.h"

namespace stint {

struct BatchConfig;

class BatchShard {
 public:
  /// `metadata`: of every batch that leaves; may be null. Borrows: all but that.
  BatchShard(ComponentContext& context, const BatchConfig& config, otlp::Signal signal, Consumer& next,
             std::shared_ptr<const Metadata> metadata);
  /// Requires: end() was awaited.
  ~BatchShard() = default;

  /// As Consumer::consume.
  Task<Result<>> consume(Batch batch);
  /// Nothing is in it, on its way, or about to come.
  bool idle() const { return pending_.empty() && !sending_ && consumers_ == 0; }
  Activity activity() const;
  /// While set, nothing is held back.
  void set_flushing(bool flushing);
  /// What waits to be taken is refused; what is held back goes out.
  void begin_stop();
  /// Ends the task. Returns the items that are left: lost, but for the journal.
  Task<std::size_t> end();

 private:
  Task<Result<>> wait_for_room();
  bool due() const;
  bool full() const;
  Task<> send_when_due();
  Task<> send(Batch batch, bool everything);
  Result<> put_back(otlp::Part part, Arena& arena);
  Task<> hand_on(Batch batch);

  ComponentContext& context_;
  const BatchConfig& config_;
  otlp::Signal signal_;
  Consumer& next_;
  std::shared_ptr<const Metadata> metadata_;
  Batch pending_;
  MonotonicTime send_at_{};  // of the first request in pending_
  std::size_t consumers_ = 0;
  bool flushing_ = false;
  bool sending_ = false;
  bool stopping_ = false;
  Notifier filled_;
  Notifier taken_;
  Scope worker_;
};

}  // namespace stint
