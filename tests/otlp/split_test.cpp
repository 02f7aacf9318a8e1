// SPDX-License-Identifier: Apache-2.0
// Splitting: numbers of items, sizes, what stays a slice and what happens when memory is full. That the parts hold the
// same items under the same parents is for the official library to say, in check_split.py.
#include "otlp/split.h"

#include "otlp/golden.h"
#include "otlp/view.h"
#include "otlp/write.h"

namespace stint::otlp {
namespace {

std::vector<Part> split_golden(World& world, const Golden& golden_request, SplitLimits limits) {
  auto parts = split(golden_request.signal, world.request(golden(golden_request.name)), limits, world.arena);
  EXPECT_TRUE(parts);
  return std::move(*parts);
}

std::string trace_request(std::size_t spans, std::string_view schema_url = "schema") {
  std::string bytes;
  MessageWriter request(bytes);
  MessageWriter entry(request, fields::ExportTraceServiceRequest::resource_spans);
  MessageWriter scope(entry, fields::ResourceSpans::scope_spans);
  for (std::size_t i = 0; i < spans; ++i) {
    MessageWriter span(scope, fields::ScopeSpans::spans);
    write(span, fields::Span::name, "span " + std::to_string(i));
  }
  scope.commit();
  write(entry, fields::ResourceSpans::schema_url, schema_url);
  entry.commit();
  return bytes;
}

TEST(Split, FillsEveryPartButTheLastWithTheItemsAskedFor) {
  for (const Golden& golden_request : all_golden()) {
    for (const std::size_t items_max : {1, 2, 3, 7, 10, 100}) {
      World world;
      std::size_t items = 0;
      for (const Part& part : split_golden(world, golden_request, {.items_max = items_max})) {
        const std::string bytes = bytes_of(part.slices);
        const auto counts = walk(golden_request.signal, bytes);
        ASSERT_TRUE(counts) << golden_request.name << ": " << describe(counts.error());
        EXPECT_EQ(counts->items, part.items);
        EXPECT_EQ(bytes.size(), part.bytes);
        items += part.items;
        EXPECT_EQ(part.items, std::min<std::size_t>(items_max, golden_request.counts.items - items + part.items));
      }
      EXPECT_EQ(items, golden_request.counts.items) << golden_request.name;
    }
  }
}

TEST(Split, KeepsPartsWithinTheBytesAskedForUnlessOneItemIsLarger) {
  for (const Golden& golden_request : all_golden()) {
    for (const std::size_t bytes_max : {1, 50, 100, 200, 333, 500, 1000, 3000, 10000, 60000}) {
      World world;
      std::size_t items = 0;
      for (const Part& part : split_golden(world, golden_request, {.bytes_max = bytes_max})) {
        const std::string bytes = bytes_of(part.slices);
        const auto counts = walk(golden_request.signal, bytes);
        ASSERT_TRUE(counts) << golden_request.name << ": " << describe(counts.error());
        EXPECT_EQ(counts->items, part.items);
        EXPECT_EQ(bytes.size(), part.bytes);
        EXPECT_TRUE(part.bytes <= bytes_max || part.items <= 1) << golden_request.name << " " << part.bytes;
        items += part.items;
      }
      EXPECT_EQ(items, golden_request.counts.items) << golden_request.name;
    }
  }
}

TEST(Split, GivesAWholeRequestBackAsItsOwnSlices) {
  for (const Golden& golden_request : all_golden()) {
    World world;
    const auto parts = split_golden(world, golden_request, {});
    ASSERT_EQ(parts.size(), 1u);
    EXPECT_EQ(parts[0].slices.size(), 1u);
    EXPECT_TRUE(bytes_of(parts[0].slices) == golden(golden_request.name));
    EXPECT_EQ(world.counters.copies, 0u);
  }
}

TEST(Split, RepeatsAParentsFieldsThatComeAfterItsChildren) {
  World world;
  const auto parts = split(Signal::traces, world.request(trace_request(5)), {.items_max = 2}, world.arena);
  ASSERT_TRUE(parts);
  ASSERT_EQ(parts->size(), 3u);
  for (const Part& part : *parts) {
    const std::string bytes = bytes_of(part.slices);
    for (const ResourceEntry entry : Request(bytes).resources) EXPECT_EQ(entry.schema_url, "schema");
  }
}

TEST(Split, CopiesOnlyParentsAndPrefixes) {
  World world;
  const auto parts = split(Signal::traces, world.request(trace_request(1000)), {.items_max = 100}, world.arena);
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->size(), 10u);
  EXPECT_EQ(world.counters.copies, 10u);
  EXPECT_LE(world.counters.copy_bytes, 10u * 16);
  for (const Part& part : *parts) EXPECT_EQ(part.slices.size(), 2u);
}

TEST(Split, TakesAcrossConcatenatedRequests) {
  World world;
  std::vector<Slice> request;
  for (const std::size_t spans : {3, 4, 5}) request.push_back(world.slice(trace_request(spans)));
  request.insert(request.begin() + 1, Slice());
  Splitter splitter(Signal::traces, std::move(request), world.arena);
  const std::size_t wanted[] = {8, 2, 2};
  for (const std::size_t items : wanted) {
    ASSERT_FALSE(splitter.done());
    const auto part = splitter.next({.items_max = items});
    ASSERT_TRUE(part);
    EXPECT_EQ(part->items, items);
  }
  EXPECT_TRUE(splitter.done());
}

TEST(Split, IsDoneAtOnceWithoutBytes) {
  World world;
  std::vector<Slice> request;
  request.emplace_back();
  EXPECT_TRUE(Splitter(Signal::logs, std::move(request), world.arena).done());
}

TEST(Split, LosesNothingWhenMemoryIsFull) {
  World world(2 * BlockPool::smallest_bytes);
  Splitter splitter(Signal::traces, world.request(trace_request(10)), world.arena);
  Block hog = world.pool.allocate(1).value();
  const auto refused = splitter.next({.items_max = 4});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::memory_full);
  hog.reset();
  std::size_t items = 0;
  while (!splitter.done()) {
    const auto part = splitter.next({.items_max = 4});
    ASSERT_TRUE(part);
    items += part->items;
  }
  EXPECT_EQ(items, 10u);
}

TEST(Split, GivesBlocksBackAsTheyAreTaken) {
  World world;
  std::vector<Slice> request;
  for (int i = 0; i < 3; ++i) request.push_back(world.slice(trace_request(2)));
  EXPECT_EQ(world.pool.blocks_in_use(), 3u);
  Splitter splitter(Signal::traces, std::move(request), world.arena);
  ASSERT_TRUE(splitter.next({.items_max = 4}));
  EXPECT_EQ(world.pool.blocks_in_use(), 1u);
}

}  // namespace
}  // namespace stint::otlp
