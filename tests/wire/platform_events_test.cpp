// SPDX-License-Identifier: Apache-2.0
// The events are as the platform sends them, in several of its schema versions.
#include "wire/platform_events.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace stint::wire {
namespace {

const char* const init_start =
    R"({"time":"2024-04-25T17:35:59.944Z","type":"platform.initStart","record":{"initializationType":"on-demand",)"
    R"("phase":"init","runtimeVersion":"nodejs:20.v22","functionName":"hello-world","functionVersion":"$LATEST"}})";
const char* const start =
    R"({"time":"2022-10-21T14:05:03.165Z","type":"platform.start","record":{"requestId":)"
    R"("459921b5-681c-4a96-beb0-81e0aa586026","version":"$LATEST","tracing":{"spanId":"24cd7d670fa455f0","type":)"
    R"("X-Amzn-Trace-Id","value":"Root=1-6352a70e-1e2c502e358361800241fd45;Parent=35465b3a9e2f7c6a;Sampled=1"}}})";
const char* const runtime_done =
    R"({"time":"2022-10-21T14:05:05.764Z","type":"platform.runtimeDone","record":{"requestId":)"
    R"("459921b5-681c-4a96-beb0-81e0aa586026","status":"success","tracing":{"spanId":"24cd7d670fa455f0","type":)"
    R"("X-Amzn-Trace-Id","value":"Root=1-6352a70e-1e2c502e358361800241fd45;Parent=35465b3a9e2f7c6a;Sampled=1"},"spans":)"
    R"([{"name":"responseLatency","start":"2022-10-21T14:05:03.165Z","durationMs":2598.0},{"name":"responseDuration",)"
    R"("start":"2022-10-21T14:05:05.763Z","durationMs":0.0}],"metrics":{"durationMs":2599.0,"producedBytes":8}}})";
const char* const report =
    R"({"time":"2022-10-21T14:05:05.766Z","type":"platform.report","record":{"requestId":)"
    R"("459921b5-681c-4a96-beb0-81e0aa586026","metrics":{"durationMs":2599.4,"billedDurationMs":2600,"memorySizeMB":128,)"
    R"("maxMemoryUsedMB":94,"initDurationMs":549.04},"status":"success"}})";
const char* const timed_out =
    R"({"type":"platform.runtimeDone","record":{"requestId":"r2","status":"timeout","errorType":"Sandbox.Timeout"}})";
const char* const dropped =
    R"({"type":"platform.logsDropped","record":{"droppedBytes":12345,"droppedRecords":123,"reason":"Some logs were dropped"}})";
const char* const text_log =
    R"({"time":"2022-10-12T00:03:50.000Z","type":"function","record":"[INFO] Hello \"world\", \ud83d"})";
const char* const json_log =
    R"({"time":"2022-10-12T00:03:50.000Z","type":"function","record":{"timestamp":"2022-10-12T00:03:50.000Z","level":)"
    R"("INFO","requestId":"79b4f56e-95b1-4643-9700-2807f4e68189","message":"Hello world, I am a function!"}})";

struct Event {
  std::string type, time, record, request_id, status, reason, error_type;
  std::optional<double> duration_ms;
  std::optional<std::uint64_t> dropped_records, dropped_bytes;
};

std::string delivery(const std::vector<std::string>& events) {
  std::string body = "[";
  for (const std::string& event : events) body += (body.size() > 1 ? "," : "") + event;
  return body + "]";
}

Result<> read(std::string_view body, std::vector<Event>& events) {
  const auto copy = std::make_unique<char[]>(body.size());  // so that a read past the end is seen
  body.copy(copy.get(), body.size());
  events.clear();
  return for_each_platform_event(std::string_view(copy.get(), body.size()), [&](const PlatformEvent& event) {
    events.push_back({std::string(event.type), std::string(event.time), std::string(event.record),
                      std::string(event.request_id), std::string(event.status), std::string(event.reason),
                      std::string(event.error_type), event.duration_ms, event.dropped_records, event.dropped_bytes});
  });
}

TEST(PlatformEvents, AreReadAsThePlatformSendsThem) {
  std::vector<Event> events;
  ASSERT_TRUE(
      read(delivery({init_start, start, runtime_done, report, timed_out, dropped, text_log, json_log}), events));
  ASSERT_EQ(events.size(), 8u);
  EXPECT_EQ(events[0].type, "platform.initStart");
  EXPECT_EQ(events[0].time, "2024-04-25T17:35:59.944Z");
  EXPECT_EQ(events[0].request_id, "");
  EXPECT_EQ(events[1].type, "platform.start");
  EXPECT_EQ(events[1].request_id, "459921b5-681c-4a96-beb0-81e0aa586026");
  EXPECT_EQ(events[2].type, "platform.runtimeDone");
  EXPECT_EQ(events[2].request_id, "459921b5-681c-4a96-beb0-81e0aa586026");
  EXPECT_EQ(events[2].status, "success");
  EXPECT_EQ(events[2].duration_ms, 2599.0);
  EXPECT_EQ(events[3].duration_ms, 2599.4);
  EXPECT_EQ(events[4].status, "timeout");
  EXPECT_EQ(events[4].error_type, "Sandbox.Timeout");
  EXPECT_EQ(events[4].time, "");
  EXPECT_EQ(events[4].duration_ms, std::nullopt);
  EXPECT_EQ(events[5].dropped_bytes, 12345u);
  EXPECT_EQ(events[5].dropped_records, 123u);
  EXPECT_EQ(events[5].reason, "Some logs were dropped");
  EXPECT_EQ(events[6].record, R"("[INFO] Hello \"world\", \ud83d")");
  EXPECT_EQ(events[7].request_id, "79b4f56e-95b1-4643-9700-2807f4e68189");
}

TEST(PlatformEvents, PassAnyJsonAsARecord) {
  for (const char* const record : {"null", "1e400", "\"\\ud800\"", "[1,[2,{\"requestId\":\"no\"}]]", "{}", "true",
                                   "{\"requestId\":7,\"status\":{},\"metrics\":[1],\"droppedBytes\":\"x\"}",
                                   "{\"metrics\":{\"durationMs\":\"x\"}}", "{\"droppedRecords\":-1}", "\"\xff\""}) {
    std::vector<Event> events;
    const std::string odd = "{\"type\":\"function\",\"record\":" + std::string(record) + "}";
    ASSERT_TRUE(read(delivery({odd, runtime_done}), events)) << record;
    ASSERT_EQ(events.size(), 2u);
    EXPECT_EQ(events[0].record, record);
    EXPECT_EQ(events[0].request_id, "");
    EXPECT_EQ(events[0].duration_ms, std::nullopt);
    EXPECT_EQ(events[0].dropped_bytes, std::nullopt);
    EXPECT_EQ(events[0].dropped_records, std::nullopt);
    EXPECT_EQ(events[1].status, "success");
  }
}

TEST(PlatformEvents, PassUnknownFieldsAndElements) {
  std::vector<Event> events;
  ASSERT_TRUE(read(R"([7,null,["x"],{"new":{"type":"inner"},"record":{"tenantId":"t","a":{"requestId":"inner"},)"
                   R"("requestId":"outer"},"type":"platform.invented"},{}])",
                   events));
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].type, "platform.invented");
  EXPECT_EQ(events[0].request_id, "outer");
  EXPECT_EQ(events[1].type, "");
  ASSERT_TRUE(read(" [ ] ", events));
  EXPECT_TRUE(events.empty());
}

TEST(PlatformEvents, UnescapeTheirTexts) {
  std::vector<Event> events;
  ASSERT_TRUE(read(R"([{"type":"a\u0062","record":{"reason":"x\ny","errorType":"\ud800"}},{"type":"c"}])", events));
  EXPECT_EQ(events[0].type, "ab");
  EXPECT_EQ(events[0].reason, "x\ny");
  EXPECT_EQ(events[0].error_type, "\uFFFD");
  EXPECT_EQ(events[1].reason, "");
}

TEST(PlatformEvents, DeliverWhatCameBeforeAnyTruncation) {
  const std::string body = delivery({start, runtime_done, dropped});
  const std::size_t first_end = 1 + std::string_view(start).size();
  const std::size_t second_end = first_end + 1 + std::string_view(runtime_done).size();
  for (std::size_t size = 0; size < body.size(); ++size) {
    std::vector<Event> events;
    const auto result = read(std::string_view(body).substr(0, size), events);
    ASSERT_FALSE(result) << size;
    EXPECT_EQ(result.error().code, ErrorCode::malformed);
    const std::size_t complete = size >= body.size() - 1 ? 3 : size >= second_end ? 2 : size >= first_end ? 1 : 0;
    ASSERT_EQ(events.size(), complete) << size;
  }
}

TEST(PlatformEvents, RefuseADocumentThatIsNoArray) {
  std::vector<Event> events;
  for (const char* const body : {"{}", "\"x\"", "null", "", "[]]", "[{}] x"}) {
    EXPECT_EQ(read(body, events).error().code, ErrorCode::malformed) << body;
  }
}

TEST(PlatformEvents, SurviveRecordsOfAnyDepth) {
  std::vector<Event> events;
  const auto nested = [](std::size_t levels) {
    return R"({"type":"function","record":)" + std::string(levels, '[') + std::string(levels, ']') + "}";
  };
  ASSERT_TRUE(read(delivery({nested(10000), runtime_done}), events));
  EXPECT_EQ(events.size(), 2u);
  EXPECT_EQ(read(delivery({runtime_done, nested(100000)}), events).error().code, ErrorCode::too_deep);
  EXPECT_EQ(events.size(), 1u);
}

}  // namespace
}  // namespace stint::wire
