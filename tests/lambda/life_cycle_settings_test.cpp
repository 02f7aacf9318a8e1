// SPDX-License-Identifier: Apache-2.0
// What the life cycle takes from the environment, and what it says to values that are none.
#include <gtest/gtest.h>

#include "base/taken_log.h"
#include "lambda/life_cycle.h"

namespace stint::lambda {
namespace {

constexpr config::FlushPolicy at_end{config::FlushKind::end, {}};

TEST(LifeCycleSettings, AreReadFromTheEnvironment) {
  const config::FixedEnvironment empty;
  EXPECT_EQ(life_cycle_settings(empty, std::nullopt).flush, config::FlushPolicy());
  EXPECT_EQ(life_cycle_settings(empty, at_end).flush, at_end);
  EXPECT_FALSE(life_cycle_settings(empty, std::nullopt).fail_on_error);
  EXPECT_EQ(life_cycle_settings(empty, std::nullopt).end_by_span, Nanoseconds::zero());
  EXPECT_EQ(life_cycle_settings(empty, std::nullopt, Milliseconds(7)).end_by_span, Milliseconds(7));
  EXPECT_FALSE(is_managed_instances(empty));
  const config::FixedEnvironment full({{"AWS_LAMBDA_INITIALIZATION_TYPE", "lambda-managed-instances"},
                                       {"AWS_SAM_LOCAL", "true"},
                                       {"STINT_ON_ERROR", "fail"},
                                       {"STINT_FLUSH", "continuous,500"},
                                       {"STINT_END_BY_SPAN", "1.5ms"}});
  const LifeCycleSettings settings = life_cycle_settings(full, at_end, Milliseconds(7));
  EXPECT_EQ(settings.end_by_span, std::chrono::microseconds(1500));
  EXPECT_EQ(settings.flush, (config::FlushPolicy{config::FlushKind::continuous, Milliseconds(500)}));
  EXPECT_TRUE(settings.managed_instances);
  EXPECT_TRUE(settings.sam_local);
  EXPECT_TRUE(settings.fail_on_error);
}

TEST(LifeCycleSettings, WarnOfAValueThatIsNone) {
  const TakenLog log;
  const config::FixedEnvironment wrong(
      {{"STINT_ON_ERROR", "explode"}, {"STINT_FLUSH", "sometimes"}, {"STINT_END_BY_SPAN", "5"}});
  const LifeCycleSettings settings = life_cycle_settings(wrong, at_end, Milliseconds(7));
  EXPECT_EQ(settings.end_by_span, Milliseconds(7));
  EXPECT_TRUE(log.has("STINT_END_BY_SPAN: '5'")) << log.text();
  EXPECT_EQ(settings.flush, at_end);
  EXPECT_FALSE(settings.fail_on_error);
  EXPECT_TRUE(log.has("STINT_ON_ERROR: 'explode'")) << log.text();
  EXPECT_TRUE(log.has("STINT_FLUSH: 'sometimes'")) << log.text();
}

}  // namespace
}  // namespace stint::lambda
