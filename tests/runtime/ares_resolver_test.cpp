// SPDX-License-Identifier: Apache-2.0
// Names: what needs no server (the hosts file), and a name that nobody can know.
#include "runtime/ares_resolver.h"

#include <gtest/gtest.h>

#include "runtime/loop_test_base.h"

namespace stint {
namespace {

Task<> resolve_into(Runtime& runtime, std::string host, Result<std::vector<Address>>& result) {
  result = co_await runtime.resolve(std::move(host), 4318, Seconds(5));
}

class ResolveTest : public LoopTest {
 protected:
  Result<std::vector<Address>> resolved(std::string host, bool with_resolver = true) {
    AresResolver resolver(runtime());
    runtime().set_resolver(with_resolver ? &resolver : nullptr);
    Result<std::vector<Address>> result = Error{ErrorCode::cancelled};
    run(resolve_into(runtime(), std::move(host), result));
    runtime().set_resolver(nullptr);
    return result;
  }
};
STINT_ON_EVERY_LOOP_OF_THE_KERNEL(ResolveTest);

TEST_P(ResolveTest, TakesLiteralsAndLocalhostWithoutAResolver) {
  EXPECT_EQ(resolved("192.0.2.7", false)->front().to_string(), "192.0.2.7:4318");
  EXPECT_EQ(resolved("::1", false)->front().to_string(), "[::1]:4318");
  const auto localhost = resolved("localhost", false);
  ASSERT_EQ(localhost->size(), 2u);
  EXPECT_EQ(localhost->front().to_string(), "127.0.0.1:4318");
  EXPECT_EQ(resolved("elsewhere.example", false).error().code, ErrorCode::not_found);
}

TEST_P(ResolveTest, SaysThatANameOfTheReservedDomainIsUnknown) {
  const auto result = resolved("nobody.invalid");
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().code == ErrorCode::not_found || result.error().code == ErrorCode::timed_out)
      << to_string(result.error());
}

}  // namespace
}  // namespace stint
