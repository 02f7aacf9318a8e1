// SPDX-License-Identifier: Apache-2.0
// Views over what the official library wrote (tests/golden/generate.py says what that is).
#include "otlp/view.h"

#include "otlp/golden.h"

namespace stint::otlp {
namespace {

using namespace std::string_view_literals;
constexpr std::uint64_t start = 1'700'000'000'000'000'000;

template <typename View>
std::vector<View> all(const Repeated<View>& range) {
  std::vector<View> views;
  for (auto it = range.begin(); it != range.end(); ++it) views.push_back(*it);
  return views;
}

void expect_attributes(const Attributes& attributes, std::int64_t number) {
  EXPECT_EQ(all(attributes).size(), 8u);
  EXPECT_EQ(find(attributes, "boolean")->boolean, number % 2 == 0);
  EXPECT_EQ(find(attributes, "integer")->integer, -number);
  EXPECT_EQ(find(attributes, "double")->number, static_cast<double>(number) / 3);
  EXPECT_EQ(find(attributes, "bytes")->text, "\xfa\xfb\xfc\xfd\xfe\xff"sv);
  EXPECT_EQ(find(attributes, "no value")->kind, AnyValue::Kind::empty);
  EXPECT_FALSE(find(attributes, "absent"));
  const auto array = all(find(attributes, "array")->array());
  ASSERT_EQ(array.size(), 3u);
  EXPECT_EQ(array[0].text, "first");
  EXPECT_EQ(array[1].integer, 2);
  EXPECT_EQ(array[2].kind, AnyValue::Kind::empty);
  const auto map = all(find(attributes, "map")->map());
  ASSERT_EQ(map.size(), 1u);
  EXPECT_EQ(map[0].key, "inner");
  EXPECT_TRUE(find(all(map[0].value.array())[0].map(), "innermost")->boolean);
  EXPECT_TRUE(find(attributes, "map")->array().empty());
}

TEST(Views, ReadSpansWithTheirParents) {
  const std::string bytes = golden("traces-full");
  const auto resources = all(Request(bytes).resources);
  ASSERT_EQ(resources.size(), 2u);
  EXPECT_EQ(resources[1].schema_url, "https://example.org/resource/1");
  EXPECT_EQ(resources[1].resource.dropped_attributes_count, 1u);
  expect_attributes(resources[1].resource.attributes, 1);
  const auto scopes = all(resources[1].scopes);
  ASSERT_EQ(scopes.size(), 2u);
  EXPECT_EQ(scopes[1].scope.name, "scope 1");
  EXPECT_EQ(scopes[1].scope.version, "1.0");
  EXPECT_EQ(scopes[1].schema_url, "https://example.org/scope/1");
  const auto spans = all(scopes[1].spans);
  ASSERT_EQ(spans.size(), 2u);
  const Span& span = spans[1];
  EXPECT_EQ(span.trace_id, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x6f"sv);
  EXPECT_EQ(span.span_id, "\0\0\0\0\0\0\0\x70"sv);
  EXPECT_EQ(span.parent_span_id, "\1\0\0\0\0\0\0\0"sv);
  EXPECT_EQ(span.trace_state, "vendor=state");
  EXPECT_EQ(span.name, "span 1");
  EXPECT_EQ(span.kind, fields::SpanKind::SPAN_KIND_INTERNAL);
  EXPECT_EQ(span.flags, 0x101u);
  EXPECT_EQ(span.start_time_unix_nano, start + 1);
  EXPECT_EQ(span.end_time_unix_nano, start + 2);
  EXPECT_EQ(span.status_code, fields::StatusCode::STATUS_CODE_OK);
  EXPECT_EQ(span.status_message, "as it went");
  EXPECT_EQ(span.dropped_links_count, 3u);
  expect_attributes(span.attributes, 1);
  ASSERT_EQ(all(span.events).size(), 1u);
  EXPECT_EQ(all(span.events)[0].name, "event");
  expect_attributes(all(span.events)[0].attributes, 1);
  EXPECT_EQ(all(span.links)[0].flags, 0x300u);
  EXPECT_EQ(all(span.links)[0].trace_state, "a=b");
}

TEST(Views, ReadLogRecords) {
  const std::string bytes = golden("logs-full");
  const LogRecord record = all(all(all(Request(bytes).resources)[0].scopes)[0].log_records)[1];
  EXPECT_EQ(record.time_unix_nano, start + 1);
  EXPECT_EQ(record.observed_time_unix_nano, start + 2);
  EXPECT_EQ(record.severity_number, fields::SeverityNumber::SEVERITY_NUMBER_TRACE2);
  EXPECT_EQ(record.severity_text, "WARN");
  EXPECT_EQ(record.body.text, "record 1");
  EXPECT_EQ(record.event_name, "event.name");
  EXPECT_EQ(record.flags, 1u);
  expect_attributes(record.attributes, 1);
}

TEST(Views, ReadEveryKindOfMetric) {
  const std::string bytes = golden("metrics-full");
  const auto metrics = all(all(all(Request(bytes).resources)[0].scopes)[0].metrics);
  ASSERT_EQ(metrics.size(), 5u);
  const auto point = [&metrics](std::size_t metric) {
    return DataPoint(metrics[metric].kind, all(metrics[metric].points)[1]);
  };
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    EXPECT_EQ(metrics[i].kind, static_cast<MetricKind>(i + 1));
    EXPECT_EQ(metrics[i].unit, "By");
    EXPECT_EQ(point(i).time_unix_nano, start + 1);
    EXPECT_EQ(point(i).flags, 1u);
    expect_attributes(point(i).attributes, 1);
    EXPECT_EQ(all(point(i).exemplars).size(), i == 4 ? 0u : 1u);
  }
  EXPECT_EQ(metrics[0].name, "metric.gauge");
  EXPECT_TRUE(metrics[1].is_monotonic);
  EXPECT_EQ(metrics[1].aggregation_temporality, 1);
  EXPECT_EQ(point(0).as_int, -1);
  EXPECT_FALSE(point(0).as_double);
  EXPECT_EQ(all(point(1).exemplars)[0].as_int, 1);
  EXPECT_EQ(point(2).bucket_counts, (std::vector<std::uint64_t>{1, 0, 1ull << 40}));
  EXPECT_EQ(point(2).explicit_bounds, (std::vector<double>{0.5, 10.0}));
  EXPECT_EQ(point(2).min, -1.0);
  EXPECT_EQ(point(2).sum, 1.5);
  EXPECT_EQ(point(3).scale, -1);
  EXPECT_EQ(point(3).positive.offset, -3);
  EXPECT_EQ(point(3).positive.bucket_counts, (std::vector<std::uint64_t>{1, 300, 1ull << 50}));
  EXPECT_EQ(point(3).zero_threshold, 1e-9);
  EXPECT_EQ(point(4).count, 1u);
  EXPECT_EQ(all(point(4).quantile_values)[1].quantile, 0.99);
}

TEST(Views, ReadNumbersThatAreNotPacked) {
  const std::string bytes = golden("metrics-unpacked");
  const auto metrics = all(all(all(Request(bytes).resources)[0].scopes)[0].metrics);
  EXPECT_EQ(DataPoint(metrics[0].kind, *metrics[0].points.begin()).bucket_counts,
            (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(DataPoint(metrics[1].kind, *metrics[1].points.begin()).positive.bucket_counts,
            (std::vector<std::uint64_t>{5, 6, 300, 7}));
}

TEST(Views, OfEmptyMessagesAreEmpty) {
  const std::string bytes = golden("traces-empty");
  const auto resources = all(Request(bytes).resources);
  ASSERT_EQ(resources.size(), 4u);
  EXPECT_TRUE(resources[0].scopes.empty());
  EXPECT_EQ(all(all(resources[3].scopes)[0].spans).size(), 1u);
  EXPECT_EQ(all(all(resources[3].scopes)[0].spans)[0].name, "");
}

}  // namespace
}  // namespace stint::otlp
