// SPDX-License-Identifier: Apache-2.0
// Repair: what stays a slice, what is copied, and a full memory. Its bytes are held against the official library in
// golden_test.cpp and check_split.py.
#include "otlp/repair.h"

#include "otlp/golden.h"
#include "otlp/write.h"

namespace stint::otlp {
namespace {

std::string log_request(std::string_view text, std::size_t padding_records) {
  std::string bytes;
  MessageWriter request(bytes);
  MessageWriter resource(request, fields::ExportLogsServiceRequest::resource_logs);
  MessageWriter scope(resource, fields::ResourceLogs::scope_logs);
  for (std::size_t i = 0; i <= 2 * padding_records; ++i) {
    MessageWriter record(scope, fields::ScopeLogs::log_records);
    MessageWriter body(record, fields::LogRecord::body);
    write_value(body, i == padding_records ? text : std::string_view("a body that is as it should be"));
  }
  return bytes;
}

TEST(Repair, LeavesAValidRequestOneSlice) {
  World world;
  const Slice request = world.slice(golden("traces-full"));
  const auto repaired = repair(Signal::traces, request, world.arena);
  ASSERT_TRUE(repaired);
  EXPECT_EQ(repaired->strings, 0u);
  ASSERT_EQ(repaired->slices.size(), 1u);
  EXPECT_EQ(repaired->slices[0].view().data(), request.view().data());
  EXPECT_EQ(world.counters.copies, 0u);
}

TEST(Repair, CopiesOnlyAroundTheChangedString) {
  World world;
  const std::string bytes = log_request("bad \xff", 500);
  const auto repaired = repair(Signal::logs, world.slice(bytes), world.arena);
  ASSERT_TRUE(repaired);
  EXPECT_EQ(bytes_of(repaired->slices), log_request("bad \xEF\xBF\xBD", 500));
  EXPECT_LT(world.counters.copy_bytes, 300u);
  EXPECT_LE(repaired->slices.size(), 4u);
}

TEST(Repair, GrowsEveryLengthAcrossTheSizesOfAVarint) {
  for (std::size_t size = 1; size < 200; ++size) {
    World world;
    std::string replaced;
    for (std::size_t i = 0; i < size; ++i) replaced += "\xEF\xBF\xBD";
    const auto repaired = repair(Signal::logs, world.slice(log_request(std::string(size, '\xff'), 1)), world.arena);
    ASSERT_TRUE(repaired);
    ASSERT_EQ(bytes_of(repaired->slices), log_request(replaced, 1)) << size;
  }
}

TEST(Repair, ShortensLengthsThatWereWrittenTooLong) {
  World world;
  using namespace std::string_view_literals;
  // schema_url of one resource, its length in three bytes.
  const auto repaired = repair(Signal::logs, world.slice("\x0a\x85\x80\x00\x1a\x81\x80\x00\xff"sv), world.arena);
  ASSERT_TRUE(repaired);
  EXPECT_EQ(bytes_of(repaired->slices), "\x0a\x05\x1a\x03\xEF\xBF\xBD");
}

TEST(Repair, SaysThatMemoryIsFull) {
  World world(BlockPool::smallest_bytes);
  const auto repaired = repair(Signal::logs, world.slice(log_request("\xff", 1)), world.arena);
  ASSERT_FALSE(repaired);
  EXPECT_EQ(repaired.error().code, ErrorCode::memory_full);
}

}  // namespace
}  // namespace stint::otlp
