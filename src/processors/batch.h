// SPDX-License-Identifier: Apache-2.0
// `batch`: merges requests until there are enough items or enough time has passed. Merging splices lists; only
// send_batch_max_size makes it write anything (the parents that both parts of a cut request need).
#pragma once

#include <deque>
#include <string>

#include "base/arena.h"
#include "otlp/split.h"
#include "pipeline/component.h"
#include "runtime/scope.h"

namespace stint {

class BatchProcessor final : public Processor {
 public:
  struct Config {
    Nanoseconds timeout = Milliseconds(200);
    std::uint32_t send_batch_size = 8192;
    std::uint32_t send_batch_max_size = 0;
    config::TextList metadata_keys;
    std::uint32_t metadata_cardinality_limit = 1000;

    void validate(const config::Report& report);
  };

  BatchProcessor(ComponentContext& context, std::string id, Config config, otlp::Signal signal, Consumer* next);

  Task<Result<>> start() override;
  Task<Result<>> consume(Batch batch) override;
  bool accepts() const override { return true; }
  Activity activity() const override;
  Task<Result<>> flush(Deadline deadline) override;
  Task<> stop(Deadline deadline) override;

 private:
  bool due() const;
  bool full() const { return pending_.items >= config_.send_batch_size; }
  Task<> send_when_due();
  Task<> send(Batch batch, bool everything);
  Result<> put_back(otlp::Part part, Arena& arena);
  Task<> hand_on(Batch batch);

  ComponentContext& context_;
  Config config_;
  otlp::Signal signal_;
  Consumer& next_;
  Batch pending_;
  MonotonicTime send_at_{};  // of the first request in pending_
  bool flushing_ = false;
  bool sending_ = false;
  bool stopping_ = false;
  Notifier filled_;
  Notifier taken_;
  Scope worker_;
};

constexpr auto fields_of(BatchProcessor::Config*) {
  using Config = BatchProcessor::Config;
  return config::fields(
      config::field<&Config::timeout>("timeout", "then what is there is sent; 0: everything at once"),
      config::field<&Config::send_batch_size>("send_batch_size", "items that are sent without waiting; 0: at once"),
      config::field<&Config::send_batch_max_size>("send_batch_max_size",
                                                  "the most items of one request, larger ones are cut; 0: no limit"),
      config::field<&Config::metadata_keys>("metadata_keys", "one batch per value of these client headers",
                                            config::not_supported_yet),
      config::field<&Config::metadata_cardinality_limit>("metadata_cardinality_limit",
                                                         "most combinations of metadata values"));
}

}  // namespace stint
