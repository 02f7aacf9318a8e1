// SPDX-License-Identifier: Apache-2.0
// Back-off: what is tried again and how often, what a hurry and a freeze change. Attempts come from a script.
#include "pipeline/retry.h"

#include "base/limits.h"
#include "pipeline/component_world.h"

namespace stint {
namespace {

constexpr Error later{ErrorCode::retryable};

RetryConfig quick() {
  RetryConfig config;
  config.initial_interval = Milliseconds(1);
  config.max_interval = Milliseconds(2);
  return config;
}
RetryConfig slow() {
  RetryConfig config;
  config.initial_interval = config.max_interval = std::chrono::hours(1);
  config.max_elapsed_time = Nanoseconds::zero();
  config.randomization_factor = 0;
  return config;
}

/// Answers from a list, the last one for ever; each attempt may be held until released.
class Script final : public Attempts {
 public:
  Script(Runtime& runtime, std::vector<Result<>> answers) : answers_(std::move(answers)), released_(runtime) {}
  Task<Result<>> attempt() override {
    const std::size_t index = std::min(made, answers_.size() - 1);
    ++made;
    while (held) {
      const Result<> waited = co_await released_.wait();
      if (!waited) co_return waited;
    }
    co_return answers_[index];
  }
  void release() {
    held = false;
    released_.notify_all();
  }
  std::size_t made = 0;
  bool held = false;

 private:
  std::vector<Result<>> answers_;
  Notifier released_;
};

class RetrierTest : public ComponentWorld {};

Task<> until_success(RetrierTest& world) {
  Retrier retrier(world.context, quick(), Seconds(30));
  Script script(world.runtime, {later, later, Result<>()});
  EXPECT_TRUE(co_await retrier.run(script));
  EXPECT_EQ(script.made, 3u);
  EXPECT_EQ(world.data.retries, 2u);
  EXPECT_TRUE(retrier.idle());
}
TEST_F(RetrierTest, TriesAgainUntilAnAttemptSucceeds) { run(until_success(*this)); }

Task<> final_error(RetrierTest& world) {
  Retrier retrier(world.context, quick(), Seconds(30));
  for (const ErrorCode code : {ErrorCode::permanent, ErrorCode::unauthenticated, ErrorCode::cancelled}) {
    Script script(world.runtime, {Error{code, 0, 7}, Result<>()});
    const Result<> result = co_await retrier.run(script);
    EXPECT_FALSE(result);
    if (!result) EXPECT_EQ(result.error(), (Error{code, 0, 7}));
    EXPECT_EQ(script.made, 1u);
  }
  EXPECT_EQ(world.data.retries, 0u);
}
TEST_F(RetrierTest, DoesNotTryAgainWhatIsFinal) { run(final_error(*this)); }

Task<> switched_off(RetrierTest& world) {
  RetryConfig config = quick();
  config.enabled = false;
  Retrier retrier(world.context, config, Seconds(30));
  Script script(world.runtime, {Error{ErrorCode::retryable, 0, 1234}, Result<>()});
  const Result<> result = co_await retrier.run(script);
  EXPECT_FALSE(result);
  if (!result) EXPECT_EQ(result.error(), (Error{ErrorCode::retryable, 0, 1234}));
  EXPECT_EQ(script.made, 1u);
}
TEST_F(RetrierTest, SwitchedOffPassesTheWaitOnToTheSender) { run(switched_off(*this)); }

Task<> gives_up(RetrierTest& world) {
  RetryConfig config = quick();
  config.max_elapsed_time = Milliseconds(20);
  Retrier retrier(world.context, config, Seconds(30));
  Script script(world.runtime, {later});
  const Result<> result = co_await retrier.run(script);
  EXPECT_FALSE(result);
  if (!result) EXPECT_EQ(result.error().code, ErrorCode::retryable);
  EXPECT_GE(script.made, 2u);
  EXPECT_LE(script.made, 41u);  // no wait is under half a millisecond
}
TEST_F(RetrierTest, GivesUpWhenTheTimeIsOver) { run(gives_up(*this)); }

Task<> retry_after(RetrierTest& world) {
  Retrier retrier(world.context, quick(), Seconds(30));
  Script script(world.runtime, {Error{ErrorCode::retryable, 0, 30}, Result<>()});
  const MonotonicTime began = world.runtime.now();
  EXPECT_TRUE(co_await retrier.run(script));
  EXPECT_GE(world.runtime.now() - began, Milliseconds(30));
  Script unbelievable(world.runtime, {Error{ErrorCode::retryable, 0, 86'400'000}, Result<>()});
  EXPECT_FALSE(co_await retrier.run(unbelievable));
  EXPECT_EQ(unbelievable.made, 1u);
}
TEST_F(RetrierTest, WaitsAsLongAsTheBackEndAsksAndGivesUpWhenThatIsTooLong) { run(retry_after(*this)); }

Task<> activity(RetrierTest& world) {
  Retrier retrier(world.context, slow(), Seconds(30));
  EXPECT_EQ(retrier.activity(), Activity::idle);
  Script script(world.runtime, {later});
  script.held = true;
  std::optional<Result<>> result;
  Scope scope(world.runtime);
  scope.spawn(store_result(retrier.run(script), result));
  EXPECT_TRUE(co_await reaches(world, retrier, Activity::working));
  script.release();
  EXPECT_TRUE(co_await reaches(world, retrier, Activity::waiting));
  Script other(world.runtime, {Result<>()});
  EXPECT_TRUE(co_await retrier.run(other));
  EXPECT_EQ(retrier.activity(), Activity::waiting);
  scope.cancel();
  co_await scope.join();
  EXPECT_EQ(retrier.activity(), Activity::idle);
  EXPECT_TRUE(result && !*result && result->error().code == ErrorCode::cancelled);
}
TEST_F(RetrierTest, IsWorkingAtFirstAttemptsAndWaitingAfterwards) { run(activity(*this)); }

Task<> impatience(RetrierTest& world) {
  Retrier retrier(world.context, slow(), Seconds(30));
  Script hanging(world.runtime, {Result<>()}), second(world.runtime, {Result<>()}), third(world.runtime, {Result<>()});
  hanging.held = second.held = third.held = true;
  std::optional<Result<>> results[3];
  Scope scope(world.runtime);
  scope.spawn(store_result(retrier.run(hanging), results[0]));
  EXPECT_TRUE(co_await reaches(world, retrier, Activity::working));
  const Result<> vain = co_await retrier.settle(Deadline{world.runtime.epoch_now() + Milliseconds(5)});
  EXPECT_TRUE(!vain && vain.error().code == ErrorCode::timed_out);
  // The next one is waited for, but not as long.
  world.loop.freeze(Seconds(10));
  scope.spawn(store_result(retrier.run(second), results[1]));
  EXPECT_TRUE(co_await reaches(world, retrier, Activity::working));
  const Result<> late = co_await retrier.settle(Deadline::never());
  EXPECT_TRUE(!late && late.error().code == ErrorCode::retryable);
  EXPECT_FALSE(results[1]);
  // Until an answer comes in good time.
  second.release();
  EXPECT_TRUE(co_await reaches(world, retrier, Activity::waiting));
  scope.spawn(store_result(retrier.run(third), results[2]));
  EXPECT_TRUE(co_await reaches(world, retrier, Activity::working));
  world.loop.freeze(limits::hold_max / 2);
  EXPECT_TRUE(co_await world.runtime.sleep(Milliseconds(1)));
  EXPECT_EQ(retrier.activity(), Activity::working);
  hanging.release();
  third.release();
  co_await scope.join();
  EXPECT_TRUE(results[0] && *results[0] && results[1] && *results[1] && results[2] && *results[2]);
  co_await retrier.stop(Deadline::never());
}
TEST_F(RetrierTest, HasLessPatienceWithABackEndThatWasWaitedForInVain) { run(impatience(*this)); }

Task<> hurried_wait(RetrierTest& world) {
  Retrier retrier(world.context, slow(), Seconds(30));
  Script fails(world.runtime, {later});
  Script succeeds(world.runtime, {later, Result<>()});
  std::optional<Result<>> failed, succeeded;
  Scope scope(world.runtime);
  scope.spawn(store_result(retrier.run(fails), failed));
  scope.spawn(store_result(retrier.run(succeeds), succeeded));
  EXPECT_TRUE(co_await reaches(world, retrier, Activity::waiting));
  retrier.hurry(Deadline{world.runtime.epoch_now()});
  EXPECT_EQ(retrier.activity(), Activity::working);
  co_await scope.join();
  EXPECT_TRUE(failed && !*failed && failed->error().code == ErrorCode::stopping);
  EXPECT_TRUE(succeeded && *succeeded);
  EXPECT_EQ(fails.made, 2u);
  Script late(world.runtime, {later});
  const Result<> result = co_await retrier.run(late);
  EXPECT_TRUE(!result && result.error().code == ErrorCode::stopping);
  EXPECT_EQ(late.made, 1u);
}
TEST_F(RetrierTest, InAHurryWithoutTimeEverythingIsTriedOnceMoreAndAtOnce) { run(hurried_wait(*this)); }

Task<> hurried_attempt(RetrierTest& world) {
  Retrier retrier(world.context, slow(), Seconds(30));
  Script script(world.runtime, {later});
  script.held = true;
  std::optional<Result<>> result;
  Scope scope(world.runtime);
  scope.spawn(store_result(retrier.run(script), result));
  EXPECT_TRUE(co_await reaches(world, retrier, Activity::working));
  retrier.hurry(Deadline{world.runtime.epoch_now()});
  script.release();
  co_await scope.join();
  EXPECT_TRUE(result && !*result && result->error().code == ErrorCode::stopping);
  EXPECT_EQ(script.made, 2u);
}
TEST_F(RetrierTest, AnAttemptUnderWayAtTheHurryIsNotTheLastOne) { run(hurried_attempt(*this)); }

Task<> hurried_with_time(RetrierTest& world) {
  Retrier retrier(world.context, slow(), Seconds(30));
  Script waits(world.runtime, {later, later, later, Result<>()});
  std::optional<Result<>> result;
  Scope scope(world.runtime);
  scope.spawn(store_result(retrier.run(waits), result));
  EXPECT_TRUE(co_await reaches(world, retrier, Activity::waiting));
  retrier.hurry(Deadline::never());
  retrier.hurry(Deadline{world.runtime.epoch_now()});  // too late to say so
  co_await scope.join();
  EXPECT_TRUE(result && *result);
  EXPECT_EQ(waits.made, 4u);
  EXPECT_EQ(world.data.retries, 3u);
  Script fails(world.runtime, {later});
  const Result<> failed = co_await retrier.run(fails);
  EXPECT_TRUE(!failed && failed.error().code == ErrorCode::stopping);
  EXPECT_LE(fails.made, 6u);  // 50, 100, 200, 400 ms
}
TEST_F(RetrierTest, InAHurryItIsTriedAgainWhileThereIsTime) { run(hurried_with_time(*this)); }

Task<> tried_once_in_hurry(RetrierTest& world, RetryConfig config, Error answer) {
  Retrier retrier(world.context, config, Seconds(30));
  Script script(world.runtime, {answer, Result<>()});
  retrier.hurry(Deadline::never());
  const Result<> result = co_await retrier.run(script);
  EXPECT_TRUE(!result && result.error().code == ErrorCode::stopping);
  EXPECT_EQ(script.made, 1u);
}
TEST_F(RetrierTest, InAHurryNobodyWaitsForABackEndThatNeedsLonger) {
  run(tried_once_in_hurry(*this, slow(), Error{ErrorCode::retryable, 0, 1001}));
}
TEST_F(RetrierTest, InAHurryNothingIsTriedAgainWhereThatIsSwitchedOff) {
  RetryConfig config = quick();
  config.enabled = false;
  run(tried_once_in_hurry(*this, config, later));
}

Task<> frozen(RetrierTest& world) {
  RetryConfig config = quick();
  config.initial_interval = config.max_interval = Seconds(1);
  config.randomization_factor = 0;
  config.max_elapsed_time = Seconds(5);
  Retrier retrier(world.context, config, Milliseconds(10));
  Script script(world.runtime, {later, later, later, Result<>()});
  script.held = true;
  std::optional<Result<>> result;
  Scope scope(world.runtime);
  scope.spawn(store_result(retrier.run(script), result));
  EXPECT_TRUE(co_await reaches(world, retrier, Activity::working));
  world.loop.freeze(std::chrono::hours(1));  // inside an attempt
  script.release();
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(co_await reaches(world, retrier, Activity::waiting));
    world.loop.freeze(std::chrono::hours(1));  // inside a wait
    EXPECT_TRUE(co_await world.runtime.sleep(Milliseconds(1)));
  }
  co_await scope.join();
  EXPECT_TRUE(result && *result);
  EXPECT_EQ(script.made, 4u);
}
TEST_F(RetrierTest, AFreezeIsNoElapsedTime) { run(frozen(*this)); }

}  // namespace
}  // namespace stint
