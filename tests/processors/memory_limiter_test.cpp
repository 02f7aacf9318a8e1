// SPDX-License-Identifier: Apache-2.0
// `memory_limiter`: what its keys mean, and that it refuses exactly while too much data is inside.
#include "processors/memory_limiter.h"

#include <gtest/gtest.h>

#include "config/decoded.h"
#include "pipeline/component_world.h"
#include "pipeline/consumers.h"

namespace stint {
namespace {

constexpr std::uint64_t mib = 1u << 20;

class MemoryLimiterTest : public ComponentWorld {
 protected:
  MemoryLimiterProcessor& make(MemoryLimiterConfig config) {
    config.check_interval = Seconds(1);
    processor_.emplace(context, "memory_limiter", config, otlp::Signal::traces, &next);
    return *processor_;
  }
  KeepingConsumer next{runtime};

 private:
  std::optional<MemoryLimiterProcessor> processor_;
};

MemoryLimiterConfig limit_of(std::uint32_t limit_mib, std::uint32_t spike_limit_mib = 0) {
  MemoryLimiterConfig config;
  config.limit_mib = limit_mib;
  config.spike_limit_mib = spike_limit_mib;
  return config;
}

Task<> consume(MemoryLimiterProcessor& limiter, Batch batch, std::optional<Error>& error) {
  const Result<> consumed = co_await limiter.consume(std::move(batch));
  error = consumed ? std::nullopt : std::optional(consumed.error());
}

Task<> fill_and_empty(ComponentWorld& world, MemoryLimiterProcessor& limiter) {
  std::optional<Error> error;
  std::vector<Block> inside;
  while (world.pool.bytes_in_use() < 3 * mib) inside.push_back(*world.pool.allocate(200u << 10));
  co_await consume(limiter, spans_batch(world.pool, 1), error);
  EXPECT_EQ(error, Error{ErrorCode::memory_full});
  inside.pop_back();
  co_await consume(limiter, spans_batch(world.pool, 1), error);
  EXPECT_FALSE(error) << "there is less than the limit inside";
}
TEST_F(MemoryLimiterTest, RefusesWhileTheSoftLimitIsInside) {
  MemoryLimiterProcessor& limiter = make(limit_of(4, 1));
  run(fill_and_empty(*this, limiter));
  EXPECT_EQ(next.kept.size(), 1u);
  EXPECT_EQ(limiter.activity(), Activity::idle);
}

Task<> take_large(ComponentWorld& world, MemoryLimiterProcessor& limiter) {
  std::optional<Error> error;
  const std::string large(3 * mib, 'x');
  co_await consume(limiter, Batch(otlp::Signal::logs, slice_of(world.pool, large), 1), error);
  EXPECT_FALSE(error);
}
TEST_F(MemoryLimiterTest, TakesARequestThatIsLargerThanTheLimitWhenItFindsLittle) {
  run(take_large(*this, make(limit_of(2))));
  EXPECT_EQ(next.kept.size(), 1u);
}

Task<> refuse_often(ComponentWorld& world, FreezableLoop& loop, MemoryLimiterProcessor& limiter) {
  std::optional<Error> error;
  for (int i = 0; i < 6; ++i) {
    {
      const Block inside = *world.pool.allocate(2 * mib);
      co_await consume(limiter, spans_batch(world.pool, 1), error);
      EXPECT_TRUE(error);
      co_await consume(limiter, spans_batch(world.pool, 1), error);
      EXPECT_TRUE(error);
    }
    co_await consume(limiter, spans_batch(world.pool, 1), error);
    EXPECT_FALSE(error);
    if (i != 2) continue;
    loop.freeze(Seconds(2));
    co_await world.runtime.yield();
  }
}
TEST_F(MemoryLimiterTest, SaysOnceInAnIntervalThatItRefusesAndThenThatItTakesAgain) {
  MemoryLimiterConfig config = limit_of(1);
  MemoryLimiterProcessor& limiter = make(config);
  const MonotonicTime began = runtime.now();
  run(refuse_often(*this, loop, limiter));
  if (runtime.now() - began > Milliseconds(2900)) GTEST_SKIP() << "the machine stood still";
  EXPECT_EQ(said("bytes of data are inside, the soft limit is 838861"), 2u) << whole_log();
  EXPECT_EQ(said("all is taken again"), 2u) << whole_log();
}

Task<> take_accepted(ComponentWorld& world, MemoryLimiterProcessor& limiter) {
  std::optional<Error> error;
  const Block inside = *world.pool.allocate(2 * mib);
  co_await consume(limiter, spans_batch(world.pool, 1), error);
  EXPECT_FALSE(error) << "nobody would send it again";
}
TEST_F(MemoryLimiterTest, RefusesNothingThatWasAcceptedBefore) {
  MemoryLimiterProcessor& limiter = make(limit_of(1));
  EXPECT_NE(limiter.follow_acceptance(), "");
  run(take_accepted(*this, limiter));
  EXPECT_EQ(next.kept.size(), 1u);
}

TEST(MemoryLimiterConfigTest, TakesAFifthForTheSpikeWhenNothingIsSaid) {
  EXPECT_EQ(limit_of(100).soft_limit_bytes(0), 80 * mib);
  EXPECT_EQ(limit_of(100, 30).soft_limit_bytes(0), 70 * mib);
  MemoryLimiterConfig config;
  config.limit_percentage = 50;
  EXPECT_EQ(config.soft_limit_bytes(1000 * mib), 400 * mib);
  config.spike_limit_percentage = 20;
  EXPECT_EQ(config.soft_limit_bytes(1000 * mib), 300 * mib);
  config.limit_mib = 10;
  EXPECT_EQ(config.soft_limit_bytes(1000 * mib), 8 * mib) << "the fixed limit goes before the part";
}

TEST(MemoryLimiterConfigTest, KnowsTheMemoryOfTheFunctionOrOfTheContainer) {
  const config::FixedEnvironment in_lambda(
      config::FixedEnvironment::Variables{{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"}});
  const config::FixedEnvironment nowhere;
  const config::FixedFiles none;
  const std::uint64_t machine = memory_bytes_of_all(nowhere, none);
  EXPECT_GT(machine, 64 * mib);
  EXPECT_EQ(memory_bytes_of_all(in_lambda, none), 256 * mib);
  const config::FixedFiles second(config::FixedFiles::Contents{{"/sys/fs/cgroup/memory.max", "67108864\n"}});
  EXPECT_EQ(memory_bytes_of_all(nowhere, second), 64 * mib);
  const config::FixedFiles first(
      config::FixedFiles::Contents{{"/sys/fs/cgroup/memory/memory.limit_in_bytes", "33554432\n"}});
  EXPECT_EQ(memory_bytes_of_all(nowhere, first), 32 * mib);
  const config::FixedFiles unlimited({{"/sys/fs/cgroup/memory.max", "max\n"},
                                      {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"}});
  EXPECT_EQ(memory_bytes_of_all(nowhere, unlimited), machine);
}

TEST(MemoryLimiterConfigTest, TakesTheKeysOfTheReferenceInSilence) {
  const config::Decoded<MemoryLimiterConfig> made(
      "check_interval: 1s\nlimit_mib: 4000\nspike_limit_mib: 800\nlimit_percentage: 80\n"
      "spike_limit_percentage: 15\nmin_gc_interval_when_soft_limited: 10s\n"
      "min_gc_interval_when_hard_limited: 0s\nmax_gc_interval_when_soft_limited: 30s\n"
      "max_gc_interval_when_hard_limited: 30s\n");
  EXPECT_EQ(made.said, "");
  EXPECT_EQ(made.config.check_interval, Seconds(1));
  EXPECT_EQ(made.config.limit_mib, 4000u);
  EXPECT_EQ(made.config.spike_limit_mib, 800u);
  EXPECT_EQ(made.config.limit_percentage, 80u);
  EXPECT_EQ(made.config.spike_limit_percentage, 15u);
  EXPECT_FALSE(config::defaults_suffice<MemoryLimiterConfig>()) << "a limit must be given, as in the reference";
}

TEST(MemoryLimiterConfigTest, RefusesWhatTheReferenceRefuses) {
  const std::pair<std::string, std::string_view> cases[] = {
      {"limit_mib: 10", "check_interval: must be greater than zero"},
      {"check_interval: 1s", "limit_mib or limit_percentage must be greater than zero"},
      {"check_interval: 1s\nlimit_mib: 10\nspike_limit_mib: 10",
       "spike_limit_mib: must be smaller than limit_mib (10)"},
      {"check_interval: 1s\nlimit_percentage: 101", "limit_percentage: must be at most 100"},
      {"check_interval: 1s\nlimit_percentage: 50\nspike_limit_percentage: 101", "must be at most 100"},
      {"check_interval: 1s\nlimit_percentage: 50\nspike_limit_percentage: 50",
       "spike_limit_percentage: must be smaller than limit_percentage (50)"},
  };
  for (const auto& [text, message] : cases) {
    const std::string said = config::Decoded<MemoryLimiterConfig>(text).said;
    EXPECT_NE(said.find(message), said.npos) << said;
  }
}

}  // namespace
}  // namespace stint
