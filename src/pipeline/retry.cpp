// SPDX-License-Identifier: Apache-2.0
#include "pipeline/retry.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/limits.h"
#include "pipeline/settle.h"

namespace stint {

void RetryConfig::validate(const config::Report& report) {
  if (!enabled || max_elapsed_time == Nanoseconds::zero()) return;
  if (max_elapsed_time < initial_interval) {
    report.error("max_elapsed_time", "is less than initial_interval; it must be 0 (forever) or at least as long");
  } else if (max_elapsed_time < max_interval) {
    report.error("max_elapsed_time", "is less than max_interval; it must be 0 (forever) or at least as long");
  }
}

std::string check_randomization_factor(const double& value) {
  return value >= 0 && value <= 1 ? std::string() : "must be from 0 to 1";
}

std::string check_multiplier(const double& value) {
  return value >= 0 && std::isfinite(value) ? std::string() : "must be at least 0";
}

// One run() in the list of all.
class Retrier::Presence {
 public:
  explicit Presence(Retrier& retrier) : began(retrier.context_.runtime.now()), next(retrier.first_), retrier_(retrier) {
    if (next != nullptr) next->place_ = &next;
    retrier.first_ = this;
    retrier.context_.changed.notify_all();
  }
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;
  ~Presence() {
    *place_ = next;
    if (next != nullptr) next->place_ = place_;
    retrier_.context_.changed.notify_all();
  }
  void fail() {
    has_failed = true;
    retrier_.context_.changed.notify_all();
  }

  MonotonicTime began;
  bool has_failed = false;
  Presence* next;

 private:
  Retrier& retrier_;
  Presence** place_ = &retrier_.first_;  // what points here
};

namespace {

// With each wait in vain; in the end it is what a near back end needs.
constexpr int patience_divisor = 8;
constexpr Nanoseconds patience_min = Milliseconds(4);

constexpr Nanoseconds first_pause_in_hurry = Milliseconds(50);

}  // namespace

Retrier::Retrier(ComponentContext& context, RetryConfig config, Nanoseconds attempt_max)
    : context_(context),
      config_(config),
      attempt_max_(attempt_max),
      patience_(limits::hold_max),
      hurry_(context.runtime),
      looks_(context.runtime) {}

Task<Result<>> Retrier::run(Attempts& attempts) {
  Presence presence(*this);
  if (patience_ < limits::hold_max) looks_.spawn(look_again(presence.began + patience_));
  Nanoseconds interval = config_.initial_interval;
  Nanoseconds interval_in_hurry = first_pause_in_hurry;
  Nanoseconds elapsed{};
  for (;;) {
    const bool in_hurry = hurried_;
    const MonotonicTime began = context_.runtime.now();
    const Result<> result = co_await attempts.attempt();
    if (context_.runtime.now() - began <= limits::hold_max) patience_ = limits::hold_max;
    if (result || result.error().code != ErrorCode::retryable) co_return result;
    const Nanoseconds asked(Milliseconds(result.error().detail));
    if (in_hurry) {
      const Nanoseconds pause = std::max(asked, std::exchange(interval_in_hurry, 2 * interval_in_hurry));
      const Result<> waited = co_await wait_in_hurry(pause);
      if (!waited) co_return waited;
      continue;
    }
    if (!config_.enabled) co_return result;
    presence.fail();
    elapsed += std::min(context_.runtime.now() - began, attempt_max_);
    const Nanoseconds pause = std::max(varied(interval), asked);
    const bool forever = config_.max_elapsed_time == Nanoseconds::zero();
    if (!hurried_ && !forever && elapsed + pause > config_.max_elapsed_time) co_return result;
    const Result<> waited = co_await wait(pause);
    if (!waited) co_return waited;
    elapsed += pause;
    interval = next_interval(interval);
    ++context_.data.retries;
  }
}

Task<Result<>> Retrier::wait(Nanoseconds duration) {
  if (hurried_) co_return Result<>();
  const Result<> waited = co_await hurry_.wait(context_.runtime.now() + duration);
  if (!waited && waited.error().code != ErrorCode::timed_out) co_return waited;
  co_return Result<>();
}

// Fails: stopping (there is no time for it), cancelled.
Task<Result<>> Retrier::wait_in_hurry(Nanoseconds duration) {
  const MonotonicTime end = after(context_.runtime.now(), duration);
  if (!config_.enabled || end > last_tries_end_) co_return Error{ErrorCode::stopping};
  const Result<> slept = co_await context_.runtime.sleep_until(end);
  ++context_.data.retries;
  co_return slept;
}

void Retrier::hurry(Deadline deadline) {
  if (hurried_) return;
  hurried_ = true;
  const Nanoseconds half = deadline.remaining(context_.runtime.epoch_now()) / 2;
  last_tries_end_ = after(context_.runtime.now(), std::min(half, limits::last_tries_max));
  hurry_.notify_all();
  context_.changed.notify_all();
}

bool Retrier::is_waited_for(const Presence& presence) const {
  return hurried_ || (!presence.has_failed && context_.runtime.now() - presence.began < patience_);
}

Activity Retrier::activity() const {
  for (const Presence* presence = first_; presence != nullptr; presence = presence->next) {
    if (is_waited_for(*presence)) return Activity::working;
  }
  return idle() ? Activity::idle : Activity::waiting;
}

// Somebody has waited in vain when a first attempt is still under way.
void Retrier::lose_patience_if_late() {
  for (const Presence* presence = first_; presence != nullptr; presence = presence->next) {
    if (presence->has_failed) continue;
    patience_ = std::max(patience_ / patience_divisor, patience_min);
    return;
  }
}

// Nothing happens when an attempt becomes late, so those who wait must be told to look.
Task<> Retrier::look_again(MonotonicTime when) {
  const Result<> slept = co_await context_.runtime.sleep_until(when);
  if (!slept) co_return;
  if (activity() == Activity::waiting) lose_patience_if_late();
  context_.changed.notify_all();
}

Task<Result<>> Retrier::settle(Deadline deadline) {
  const Result<> settled = co_await await_settled(context_, *this, deadline);
  if (!settled && settled.error().code != ErrorCode::cancelled) lose_patience_if_late();
  co_return settled;
}

Task<> Retrier::stop(Deadline deadline) {
  co_await await_idle(context_, *this, deadline);
  looks_.cancel();
  co_await looks_.join();
}

Nanoseconds Retrier::varied(Nanoseconds interval) {
  char bytes[sizeof(std::uint32_t)];
  context_.runtime.loop().fill_entropy(bytes);
  std::uint32_t random = 0;
  std::memcpy(&random, bytes, sizeof random);
  const double part = static_cast<double>(random) / 4294967296.0;  // [0, 1)
  const double factor = 1 + config_.randomization_factor * (2 * part - 1);
  const double nanoseconds = static_cast<double>(interval.count()) * factor;
  constexpr double least = 1e6, most = 24.0 * 3600 * 1e9;
  return Nanoseconds(static_cast<std::int64_t>(std::clamp(nanoseconds, least, most)));
}

Nanoseconds Retrier::next_interval(Nanoseconds interval) const {
  const double longer = static_cast<double>(interval.count()) * config_.multiplier;
  const double most = static_cast<double>(config_.max_interval.count());
  return Nanoseconds(static_cast<std::int64_t>(std::min(longer, most)));
}

}  // namespace stint
