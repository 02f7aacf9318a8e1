// SPDX-License-Identifier: Apache-2.0
// The keys of `sending_queue`. On Lambda the reference switches this queue off whatever the file says, so all of them
// are checked and have no effect: `batch` and `decouple` are the queues.
#pragma once

#include <string>

#include "config/schema.h"

namespace stint {

struct SendingQueuePartition {};
constexpr auto fields_of(SendingQueuePartition*) {
  return config::fields(config::accepted<config::TextList>("metadata_keys", "one batch per value of these"));
}

struct SendingQueueBatch {
  SendingQueuePartition partition;
};
constexpr auto fields_of(SendingQueueBatch*) {
  using namespace config;
  return fields(accepted<Nanoseconds>("flush_timeout", "then a batch is sent"),
                accepted<std::int64_t>("min_size", "a batch is sent when it is as large"),
                accepted<std::int64_t>("max_size", "a larger one is split"),
                accepted<std::string>("sizer", "items or bytes"),
                field<&SendingQueueBatch::partition>("partition", "batches that are kept apart", Use::accepted));
}

struct SendingQueueConfig {
  SendingQueueBatch batch;
};
constexpr auto fields_of(SendingQueueConfig*) {
  using namespace config;
  return fields(accepted<bool>("enabled", "the queue is off; use the processors batch and decouple"),
                accepted<std::int64_t>("num_consumers", "requests at one time"),
                accepted<std::int64_t>("queue_size", "what the queue holds, in units of sizer"),
                accepted<std::string>("sizer", "requests, items or bytes"),
                accepted<bool>("wait_for_result", "the sender waits"),
                accepted<bool>("block_on_overflow", "the sender waits when the queue is full"),
                refused<std::string>("storage", "an extension that keeps the queue"),
                field<&SendingQueueConfig::batch>("batch", "batches made by the queue", Use::accepted));
}

}  // namespace stint
