// SPDX-License-Identifier: Apache-2.0
// The invocation's end by the SDK's span: which span counts, and what silence is.
#include "pipeline/invocation_watch.h"

#include <gtest/gtest.h>

#include "pipeline/component_world.h"
#include "pipeline/requests.h"

namespace stint {
namespace {

constexpr std::string_view id = "8f507cfc-xmpl-4697-b07a-ac58fc914c95";
constexpr auto traces = otlp::Signal::traces;
namespace kinds = otlp::fields::SpanKind;

TEST(SpanOfInvocation, IsAnIncomingSpanWithTheIdThatHasEnded) {
  EXPECT_TRUE(holds_span_of_invocation(invocation_request({id}), id));
  EXPECT_TRUE(holds_span_of_invocation(invocation_request({id, "faas.execution"}), id));
  EXPECT_TRUE(holds_span_of_invocation(invocation_request({id, "faas.invocation_id", kinds::SPAN_KIND_CONSUMER}), id));
  ASSERT_TRUE(otlp::walk(traces, invocation_request({id}))) << "the test's request is none";
}

TEST(SpanOfInvocation, IsNoOtherSpan) {
  EXPECT_FALSE(holds_span_of_invocation(spans_request(20), id));
  EXPECT_FALSE(holds_span_of_invocation("", id));
  EXPECT_FALSE(holds_span_of_invocation(invocation_request({"8f507cfc-another-invocation"}), id));
  EXPECT_FALSE(holds_span_of_invocation(invocation_request({id, "aws.request_id"}), id));
  EXPECT_FALSE(holds_span_of_invocation(spans_request(1, id), id)) << "the id is but in a name";
  for (const std::int32_t kind :
       {kinds::SPAN_KIND_UNSPECIFIED, kinds::SPAN_KIND_INTERNAL, kinds::SPAN_KIND_CLIENT, kinds::SPAN_KIND_PRODUCER}) {
    EXPECT_FALSE(holds_span_of_invocation(invocation_request({id, "faas.invocation_id", kind}), id)) << kind;
  }
  EXPECT_FALSE(holds_span_of_invocation(invocation_request({id, "faas.invocation_id", kinds::SPAN_KIND_SERVER, 0}), id))
      << "it has not ended";
  const std::string longer = std::string(id) + "0";
  EXPECT_FALSE(holds_span_of_invocation(invocation_request({longer}), id));
}

class InvocationWatchTest : public ComponentWorld {
 public:
  InvocationWatch watch{runtime};
  std::optional<bool> ended;
};

Task<> wait(InvocationWatchTest& test, Nanoseconds silence) { test.ended = co_await test.watch.wait_silence(silence); }

// The clock moves on by `time`, and those who wait have had their turns.
Task<> pass(InvocationWatchTest& test, Nanoseconds time) {
  test.loop.freeze(time);
  for (int i = 0; i < 3; ++i) (void)co_await test.runtime.sleep(Milliseconds(1));
}

Task<> be_silent(InvocationWatchTest& test) {
  Scope scope(test.runtime);
  test.watch.begin(id);
  scope.spawn(wait(test, Seconds(100)));
  co_await pass(test, Seconds(200));
  EXPECT_FALSE(test.ended) << "silence alone says nothing";
  test.watch.see(otlp::Signal::logs, "a request of logs");
  test.watch.see(traces, spans_request(1));
  co_await pass(test, Seconds(200));
  EXPECT_FALSE(test.ended);
  const std::string span = invocation_request({id});
  test.watch.see(traces, span);
  co_await pass(test, Seconds(60));
  EXPECT_FALSE(test.ended);
  test.watch.see(otlp::Signal::metrics, "a request of metrics");
  co_await pass(test, Seconds(60));
  EXPECT_FALSE(test.ended) << "something has come in the meantime";
  test.watch.answer();
  co_await pass(test, Seconds(60));
  EXPECT_FALSE(test.ended) << "a sender was answered in the meantime";
  co_await pass(test, Seconds(60));
  co_await scope.join();
  EXPECT_EQ(test.ended, true);
}
TEST_F(InvocationWatchTest, EndsWhenTheSpanHasComeAndThenNothing) { run(be_silent(*this)); }

Task<> begin_again(InvocationWatchTest& test) {
  Scope scope(test.runtime);
  const std::string span = invocation_request({id});
  test.watch.begin(id);
  test.watch.see(traces, span);
  test.watch.end();
  EXPECT_FALSE(test.watch.is_watching());
  test.watch.begin("another");
  scope.spawn(wait(test, Nanoseconds::zero()));
  test.watch.see(traces, span);
  co_await pass(test, Seconds(1));
  EXPECT_FALSE(test.ended) << "the span of the invocation before";
  scope.cancel();
  co_await scope.join();
  EXPECT_EQ(test.ended, false);
}
TEST_F(InvocationWatchTest, KnowsNothingOfInvocationsOfBefore) { run(begin_again(*this)); }

}  // namespace
}  // namespace stint
