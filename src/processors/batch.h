// SPDX-License-Identifier: Apache-2.0
// `batch`: merges requests until there are enough items or enough time has passed. Merging splices lists; only
// send_batch_max_size makes it write anything (the parents that both parts of a cut request need).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/component.h"
#include "processors/batch_shard.h"

namespace stint {

struct BatchConfig {
  Nanoseconds timeout = Milliseconds(200);
  std::uint32_t send_batch_size = 8192;
  std::uint32_t send_batch_max_size = 0;
  config::TextList metadata_keys;  // in lower case once validated
  std::uint32_t metadata_cardinality_limit = 1000;

  void validate(const config::Report& report);
};

class BatchProcessor final : public Processor {
 public:
  using Config = BatchConfig;

  BatchProcessor(ComponentContext& context, std::string id, Config config, otlp::Signal signal, Consumer* next);
  ~BatchProcessor() override;

  Task<Result<>> start() override;
  /// Fails also: permanent, when there are too many combinations of metadata values.
  Task<Result<>> consume(Batch batch) override;
  bool accepts() const override { return true; }
  Activity activity() const override;
  Task<Result<>> flush(Deadline deadline) override;
  Task<> stop(Deadline deadline) override;

 private:
  BatchShard& add_shard(std::string combination, std::shared_ptr<const Metadata> metadata);
  bool has_room(std::size_t bytes) const;
  Task<bool> make_room(std::size_t bytes);
  void set_flushing(bool flushing);

  ComponentContext& context_;
  std::string id_;
  Config config_;
  otlp::Signal signal_;
  Consumer& next_;
  std::map<std::string, std::unique_ptr<BatchShard>> shards_;  // by the values of metadata_keys
  std::vector<std::unique_ptr<BatchShard>> leaving_;
  BatchShard* only_ = nullptr;  // without metadata_keys
  std::size_t combination_bytes_ = 0;
  bool flushing_ = false;
  bool stopping_ = false;
  bool said_full_ = false;
};

constexpr auto fields_of(BatchConfig*) {
  using Config = BatchConfig;
  return config::fields(
      config::field<&Config::timeout>("timeout", "then what is there is sent; 0: everything at once"),
      config::field<&Config::send_batch_size>("send_batch_size", "items that are sent without waiting; 0: at once"),
      config::field<&Config::send_batch_max_size>("send_batch_max_size",
                                                  "the most items of one request, larger ones are cut; 0: no limit"),
      config::field<&Config::metadata_keys>("metadata_keys",
                                            "one batch for each combination of these headers' values, which the "
                                            "receiver's include_metadata keeps"),
      config::field<&Config::metadata_cardinality_limit>(
          "metadata_cardinality_limit",
          "combinations that hold data at one time; a request over it is refused; "
          "0: the limit of 10,000"));
}

}  // namespace stint
