// SPDX-License-Identifier: Apache-2.0
#include "processors/batch.h"

#include <algorithm>
#include <ranges>

#include "base/log.h"
#include "pipeline/settle.h"

namespace stint {
namespace {

// The values of `keys`, so that two texts are equal when and only when all values are. No value is not an empty one.
std::string combination_of(const Metadata* metadata, const config::TextList& keys) {
  std::string text;
  for (const std::string& key : keys) {
    if (metadata != nullptr) {
      metadata->each(key, [&](std::string_view value) { text.append(concat(value.size(), ":", value)); });
    }
    text += ';';
  }
  return text;
}

std::shared_ptr<const Metadata> picked(const Metadata* metadata, const config::TextList& keys) {
  auto made = std::make_shared<Metadata>();
  for (const std::string& key : keys) {
    if (metadata != nullptr) metadata->each(key, [&](std::string_view value) { made->add(key, value); });
  }
  return made;
}

}  // namespace

void BatchConfig::validate(const config::Report& report) {
  if (send_batch_max_size > 0 && send_batch_max_size < send_batch_size) {
    report.error("send_batch_max_size", concat("is less than send_batch_size (", send_batch_size,
                                               "); it must be 0 (no limit) or at least as large"));
  }
  for (auto key = metadata_keys.begin(); key != metadata_keys.end(); ++key) {
    for (char& c : *key) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    }
    if (key->empty()) report.error("metadata_keys", "an empty key is no name of a header");
    if (std::find(metadata_keys.begin(), key, *key) != key) {
      report.error("metadata_keys", concat("'", *key, "' is there twice; upper and lower case are the same"));
    }
  }
}

BatchProcessor::BatchProcessor(ComponentContext& context, std::string id, Config config, otlp::Signal signal,
                               Consumer* next)
    : context_(context), id_(std::move(id)), config_(std::move(config)), signal_(signal), next_(*next) {}

BatchProcessor::~BatchProcessor() = default;

Task<Result<>> BatchProcessor::start() {
  if (config_.metadata_keys.empty()) only_ = &add_shard({}, nullptr);
  co_return Result<>();
}

BatchShard& BatchProcessor::add_shard(std::string combination, std::shared_ptr<const Metadata> metadata) {
  combination_bytes_ += combination.size();
  auto& shard = shards_[std::move(combination)];
  shard = std::make_unique<BatchShard>(context_, config_, signal_, next_, std::move(metadata));
  shard->set_flushing(flushing_);
  return *shard;
}

Task<Result<>> BatchProcessor::consume(Batch batch) {
  if (stopping_) co_return Error{ErrorCode::stopping};
  if (only_ != nullptr) co_return co_await only_->consume(std::move(batch));
  std::string combination = combination_of(batch.metadata.get(), config_.metadata_keys);
  auto found = shards_.find(combination);
  if (found == shards_.end()) {
    // Before room is made: who comes meanwhile with the same values finds it.
    if (!has_room(combination.size())) {
      const bool has_made_room = co_await make_room(combination.size());
      if (!has_made_room) co_return Error{ErrorCode::permanent};
    }
    found = shards_.find(combination);
  }
  BatchShard& shard = found != shards_.end()
                          ? *found->second
                          : add_shard(std::move(combination), picked(batch.metadata.get(), config_.metadata_keys));
  co_return co_await shard.consume(std::move(batch));
}

bool BatchProcessor::has_room(std::size_t bytes) const {
  const std::size_t wanted = config_.metadata_cardinality_limit;
  const std::size_t most =
      std::min(wanted > 0 ? wanted : limits::batch_combinations_max, limits::batch_combinations_max);
  return shards_.size() < most && combination_bytes_ + bytes <= limits::batch_metadata_bytes_max;
}

// Combinations that hold nothing make room for new ones.
Task<bool> BatchProcessor::make_room(std::size_t bytes) {
  for (auto one = shards_.begin(); one != shards_.end() && !has_room(bytes);) {
    if (one->second->idle()) {
      combination_bytes_ -= one->first.size();
      leaving_.push_back(std::move(one->second));
      one = shards_.erase(one);
    } else {
      ++one;
    }
  }
  while (!leaving_.empty()) {
    const std::unique_ptr<BatchShard> last = std::move(leaving_.back());
    leaving_.pop_back();
    co_await last->end();
  }
  if (has_room(bytes)) co_return true;
  if (!said_full_) {
    log(LogLevel::warn, "processors::", id_, "::metadata_cardinality_limit: there are ", shards_.size(),
        " combinations of metadata values that wait to be sent; requests with a new one are refused");
    said_full_ = true;
  }
  co_return false;
}

Activity BatchProcessor::activity() const { return joint_activity(std::views::values(shards_)); }

void BatchProcessor::set_flushing(bool flushing) {
  flushing_ = flushing;
  for (const auto& [combination, shard] : shards_) shard->set_flushing(flushing);
}

Task<Result<>> BatchProcessor::flush(Deadline deadline) {
  set_flushing(true);
  const Result<> settled = co_await await_settled(context_, *this, deadline);
  set_flushing(false);
  co_return settled;
}

Task<> BatchProcessor::stop(Deadline deadline) {
  stopping_ = true;
  for (const auto& [combination, shard] : shards_) shard->begin_stop();
  co_await await_idle(context_, *this, deadline);
  for (const auto& [combination, shard] : shards_) {
    const std::size_t left = co_await shard->end();
    context_.data.drop(DropReason::environment_end, left);
  }
}

}  // namespace stint
