// SPDX-License-Identifier: Apache-2.0
// A consumer that keeps what it gets, answers what the test wants, and can be held.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "pipeline/component.h"
#include "pipeline/requests.h"

namespace stint {

class KeepingConsumer final : public Consumer {
 public:
  struct Kept {
    std::size_t items;
    std::string bytes;
    std::shared_ptr<const Metadata> metadata;
  };

  explicit KeepingConsumer(Runtime& runtime) : released_(runtime) {}

  Task<Result<>> consume(Batch batch) override {
    ++inside_;
    while (held) {
      const Result<> waited = co_await released_.wait();
      if (!waited) {
        --inside_;
        co_return Error{ErrorCode::cancelled};
      }
    }
    --inside_;
    if (!errors.empty()) {
      const Error error = errors.front();
      errors.pop_front();
      co_return error;
    }
    kept.push_back({batch.items, bytes_of(batch), batch.metadata});
    co_return Result<>();
  }
  Activity activity() const override {
    return inside_ == 0 ? Activity::idle : (waiting ? Activity::waiting : Activity::working);
  }
  /// Batches that it holds at present.
  std::size_t inside() const { return inside_; }
  void release() {
    held = false;
    released_.notify_all();
  }

  std::vector<Kept> kept;
  std::deque<Error> errors;
  bool held = false;
  bool waiting = false;  // what activity() says while something is inside

 private:
  Notifier released_;
  std::size_t inside_ = 0;
};

}  // namespace stint
