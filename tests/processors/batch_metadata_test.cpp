// SPDX-License-Identifier: Apache-2.0
// `batch` with metadata_keys: requests whose clients differ stay apart, and how many may.
#include <gtest/gtest.h>

#include <algorithm>

#include "config/yaml.h"
#include "pipeline/component_world.h"
#include "pipeline/consumers.h"
#include "processors/batch.h"

namespace stint {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

class BatchMetadataTest : public ComponentWorld {
 public:
  BatchProcessor& make(config::TextList keys, std::uint32_t limit = 1000) {
    BatchConfig config;
    config.timeout = Seconds(60);
    config.metadata_keys = std::move(keys);
    config.metadata_cardinality_limit = limit;
    processor_.emplace(context, "batch/x", std::move(config), otlp::Signal::traces, &next);
    return *processor_;
  }
  Batch batch_of(std::size_t spans, const Headers& headers) {
    Batch batch = spans_batch(pool, spans);
    auto metadata = std::make_shared<Metadata>();
    for (const auto& [name, value] : headers) EXPECT_TRUE(metadata->add(name, value));
    batch.metadata = std::move(metadata);
    return batch;
  }
  /// The items of each batch that came out, the smallest first.
  std::vector<std::size_t> sizes() const {
    std::vector<std::size_t> all;
    for (const auto& one : next.kept) all.push_back(one.items);
    std::sort(all.begin(), all.end());
    return all;
  }
  KeepingConsumer next{runtime};

 private:
  std::optional<BatchProcessor> processor_;
};

struct Sent {
  std::size_t spans;
  Headers headers;
};

Task<> send_all(BatchMetadataTest& test, BatchProcessor& batch, std::vector<Sent> all) {
  EXPECT_TRUE(co_await batch.start());
  for (const Sent& one : all) {
    Batch made = test.batch_of(one.spans, one.headers);
    EXPECT_TRUE(co_await batch.consume(std::move(made)));
  }
  EXPECT_EQ(batch.activity(), Activity::working);
  EXPECT_TRUE(co_await batch.flush(Deadline::never()));
  EXPECT_EQ(batch.activity(), Activity::idle);
  co_await batch.stop(Deadline::never());
}

TEST_F(BatchMetadataTest, MakesOneBatchForEachCombinationOfValues) {
  std::vector<Sent> all{{1, {{"X-Tenant", "a"}, {"x-other", "1"}}},
                        {2, {{"x-tenant", "b"}}},
                        {4, {{"X-TENANT", "a"}, {"x-other", "2"}}},
                        {8, {{"x-tenant", "b"}, {"x-zone", "z"}}},
                        {16, {}},
                        {32, {{"x-tenant", ""}}},
                        {64, {{"x-tenant", "a"}, {"x-tenant", "b"}}}};
  run(send_all(*this, make({"x-tenant", "x-zone"}), all));
  EXPECT_EQ(sizes(), (std::vector<std::size_t>{2, 5, 8, 16, 32, 64}));
  for (const auto& one : next.kept) {
    std::vector<std::string> tenants;
    one.metadata->each("x-tenant", [&](std::string_view value) { tenants.emplace_back(value); });
    if (one.items == 5) EXPECT_EQ(tenants, std::vector<std::string>{"a"});
    if (one.items == 64) EXPECT_EQ(tenants, (std::vector<std::string>{"a", "b"}));
    if (one.items == 16) EXPECT_TRUE(tenants.empty());
    one.metadata->each("x-other", [](std::string_view) { ADD_FAILURE() << "is none of the keys"; });
  }
}

TEST_F(BatchMetadataTest, DoesNotTakeOneCombinationForAnother) {
  std::vector<Sent> all{{1, {{"a", "1"}, {"b", "2"}}}, {2, {{"a", "1:2"}}},           {4, {{"b", "1"}, {"a", "2"}}},
                        {8, {{"a", "1;1:2"}}},         {16, {{"a", ";"}, {"b", ""}}}, {32, {{"a", ""}, {"b", ";"}}}};
  run(send_all(*this, make({"a", "b"}), all));
  EXPECT_EQ(sizes(), (std::vector<std::size_t>{1, 2, 4, 8, 16, 32}));
}

TEST_F(BatchMetadataTest, MergesEverythingWithoutKeys) {
  std::vector<Sent> all{{1, {{"a", "1"}}}, {2, {{"a", "2"}}}};
  run(send_all(*this, make({}), all));
  EXPECT_EQ(sizes(), std::vector<std::size_t>{3});
  EXPECT_EQ(next.kept[0].metadata, nullptr);
}

Task<> limited(BatchMetadataTest& test, BatchProcessor& batch) {
  EXPECT_TRUE(co_await batch.start());
  for (const char* value : {"1", "2", "1"}) {
    Batch made = test.batch_of(1, {{"a", value}});
    EXPECT_TRUE(co_await batch.consume(std::move(made)));
  }
  for (const char* value : {"3", "4"}) {
    Batch made = test.batch_of(1, {{"a", value}});
    const Result<> consumed = co_await batch.consume(std::move(made));
    EXPECT_TRUE(!consumed && consumed.error().code == ErrorCode::permanent);
  }
  EXPECT_EQ(test.said("processors::batch/x::metadata_cardinality_limit: there are 2 combinations"), 1u);
  // What was sent makes room.
  EXPECT_TRUE(co_await batch.flush(Deadline::never()));
  Batch third = test.batch_of(5, {{"a", "3"}});
  EXPECT_TRUE(co_await batch.consume(std::move(third)));
  co_await batch.stop(Deadline::never());
}
TEST_F(BatchMetadataTest, RefusesMoreCombinationsThanTheLimitUntilOneIsSent) {
  run(limited(*this, make({"a"}, 2)));
  EXPECT_EQ(sizes(), (std::vector<std::size_t>{1, 2, 5}));
  EXPECT_EQ(data.dropped_total(), 0u);
}

Task<> huge(BatchMetadataTest& test, BatchProcessor& batch, std::size_t& taken) {
  EXPECT_TRUE(co_await batch.start());
  for (int i = 0; i < 200; ++i) {
    Batch made = test.batch_of(1, {{"a", concat(i, std::string(10'000, 'x'))}});
    const Result<> consumed = co_await batch.consume(std::move(made));
    if (consumed) ++taken;
  }
  co_await batch.stop(Deadline::never());
}
TEST_F(BatchMetadataTest, KeepsABoundedNumberOfBytesOfValues) {
  std::size_t taken = 0;
  run(huge(*this, make({"a"}, 0), taken));
  EXPECT_EQ(taken, 104u);  // of 10 KB each in 1 MiB
  EXPECT_EQ(sizes().size(), taken);
}

Task<> end_held(BatchMetadataTest& test, BatchProcessor& batch) {
  EXPECT_TRUE(co_await batch.start());
  test.next.held = true;
  for (const char* value : {"1", "2", "3"}) {
    Batch made = test.batch_of(2, {{"a", value}});
    EXPECT_TRUE(co_await batch.consume(std::move(made)));
  }
  co_await batch.stop(Deadline{test.runtime.epoch_now() + Milliseconds(5)});
}
TEST_F(BatchMetadataTest, CountsWhatEachCombinationCouldNotSend) {
  run(end_held(*this, make({"a"})));
  EXPECT_EQ(data.dropped_total(), 6u);
}

TEST(BatchMetadataConfig, RefusesKeysThatAreTwiceTheSame) {
  for (const auto& [keys, good] :
       {std::pair{"[a, b]", true}, {"[a, A]", false}, {"[a, b, a]", false}, {"['']", false}, {"a,b", true}}) {
    BatchConfig config;
    config::Diagnostics diagnostics;
    config::TreeBudget budget;
    const auto node = config::parse_yaml(concat("metadata_keys: ", keys), 0, budget, diagnostics);
    ASSERT_TRUE(node);
    EXPECT_EQ(config::decode(*node, config, config::Path{}, diagnostics), good) << keys;
    if (good) EXPECT_EQ(config.metadata_keys, (config::TextList{"a", "b"}));
  }
}

}  // namespace
}  // namespace stint
