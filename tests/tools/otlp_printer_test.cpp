// SPDX-License-Identifier: Apache-2.0
// How received telemetry is shown: golden text.
#include "tools/lambda/otlp_printer.h"

#include <gtest/gtest.h>

#include <protozero/pbf_writer.hpp>

#include "otlp/walk.h"
#include "tools/lambda/json_value.h"
#include "tools/lambda/otlp_report.h"
#include "tools/lambda/table.h"

namespace stint::platform {
namespace {

namespace fields = otlp::fields;
using protozero::pbf_writer;

// A message written by `write` into the field of `parent`.
template <typename Write>
void message(pbf_writer& parent, std::uint32_t field, Write write) {
  pbf_writer writer(parent, field);
  write(writer);
}

void text_attribute(pbf_writer& parent, std::uint32_t field, std::string_view key, std::string_view value) {
  message(parent, field, [&](pbf_writer& pair) {
    pair.add_string(fields::KeyValue::key, key.data(), key.size());
    message(pair, fields::KeyValue::value,
            [&](pbf_writer& any) { any.add_string(fields::AnyValue::string_value, value.data(), value.size()); });
  });
}

// One resource with service.name and one scope, whose inside `write` fills.
template <typename Write>
std::string request(Write write) {
  std::string bytes;
  pbf_writer root(bytes);
  message(root, 1, [&](pbf_writer& resource_entry) {
    message(resource_entry, fields::ResourceSpans::resource, [&](pbf_writer& resource) {
      text_attribute(resource, fields::Resource::attributes, "service.name", "shop");
      text_attribute(resource, fields::Resource::attributes, "host", "a");
    });
    message(resource_entry, fields::ResourceSpans::scope_spans, [&](pbf_writer& scope_entry) {
      message(scope_entry, fields::ScopeSpans::scope, [&](pbf_writer& scope) {
        scope.add_string(fields::InstrumentationScope::name, "tracer");
        scope.add_string(fields::InstrumentationScope::version, "1.0");
      });
      write(scope_entry);
    });
  });
  return bytes;
}

constexpr std::uint64_t base = 1'700'000'000'000'000'000;

struct SpanText {
  std::string_view name, id, parent;
  std::uint64_t start_us, end_us;
  int kind = 1;
};

template <typename More>
void add_span(pbf_writer& scope, const SpanText& text, More more) {
  message(scope, fields::ScopeSpans::spans, [&](pbf_writer& span) {
    span.add_bytes(fields::Span::trace_id, std::string(16, '\x5b'));
    span.add_bytes(fields::Span::span_id, std::string(8, text.id[0]));
    if (!text.parent.empty()) span.add_bytes(fields::Span::parent_span_id, std::string(8, text.parent[0]));
    span.add_string(fields::Span::name, std::string(text.name));
    span.add_enum(fields::Span::kind, text.kind);
    span.add_fixed64(fields::Span::start_time_unix_nano, base + text.start_us * 1000);
    span.add_fixed64(fields::Span::end_time_unix_nano, base + text.end_us * 1000);
    more(span);
  });
}

constexpr auto nothing_more = [](pbf_writer&) {};

std::string traces() {
  return request([](pbf_writer& scope) {
    // The children come before their parent, as SDKs send them.
    add_span(scope, {"query", "c", "b", 1100, 2100, 3},
             [](pbf_writer& span) { text_attribute(span, fields::Span::attributes, "db", "orders\n"); });
    add_span(scope, {"load", "b", "a", 1000, 3000}, nothing_more);
    add_span(scope, {"charge", "d", "a", 4000, 12'340}, [](pbf_writer& span) {
      message(span, fields::Span::status, [](pbf_writer& status) {
        status.add_string(fields::Status::message, "refused");
        status.add_enum(fields::Status::code, 2);
      });
      message(span, fields::Span::events, [](pbf_writer& event) {
        event.add_fixed64(fields::Event::time_unix_nano, base + 12'000'000);
        event.add_string(fields::Event::name, "exception");
      });
    });
    add_span(scope, {"POST /orders", "a", "", 0, 15'000, 2}, nothing_more);
    add_span(scope, {"elsewhere", "e", "z", 14'000, 14'000}, nothing_more);
  });
}

TEST(PrintTraces, ShowsATreeWithOffsetsAndDurations) {
  EXPECT_EQ(print_request(otlp::Signal::traces, traces(), {100}),
            "traces of shop  (host=a)\n"
            "  trace 5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b  5 spans  15.0 ms\n"
            "    POST /orders       server          +0  15.0 ms\n"
            "    |- load            internal  +1.00 ms  2.00 ms\n"
            "    |  `- query        client    +1.10 ms  1.00 ms  db=orders\\n\n"
            "    `- charge          internal  +4.00 ms  8.34 ms  ERROR \"refused\"\n"
            "          * exception  event     +12.0 ms\n"
            "    elsewhere          internal  +14.0 ms        0\n");
}

TEST(PrintTraces, CutsLinesAtTheWidth) {
  const std::string text = print_request(otlp::Signal::traces, traces(), {60});
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    if (!text.substr(at, end - at).starts_with("  trace")) EXPECT_LE(end - at, 60u) << text.substr(at, end - at);
    at = end + 1;
  }
  EXPECT_NE(text.find("ERROR..."), text.npos) << text;
}

TEST(PrintTraces, ShowsSpansThatAreEachOthersParents) {
  const std::string bytes = request([](pbf_writer& scope) {
    add_span(scope, {"hen", "a", "b", 0, 10}, nothing_more);
    add_span(scope, {"egg", "b", "a", 0, 10}, nothing_more);
    add_span(scope, {"own parent", "c", "c", 0, 10}, nothing_more);
  });
  const std::string text = print_request(otlp::Signal::traces, bytes);
  for (const std::string_view name : {"hen", "egg", "own parent"}) EXPECT_NE(text.find(name), text.npos) << text;
}

TEST(PrintMetrics, ShowsATable) {
  const std::string bytes = request([](pbf_writer& scope) {
    message(scope, fields::ScopeMetrics::metrics, [](pbf_writer& metric) {
      metric.add_string(fields::Metric::name, "orders");
      metric.add_string(fields::Metric::unit, "{order}");
      message(metric, fields::Metric::sum, [](pbf_writer& sum) {
        sum.add_enum(fields::Sum::aggregation_temporality, 2);
        sum.add_bool(fields::Sum::is_monotonic, true);
        for (const int value : {7, 12'345}) {
          message(sum, fields::Sum::data_points, [&](pbf_writer& point) {
            point.add_sfixed64(fields::NumberDataPoint::as_int, value);
            text_attribute(point, fields::NumberDataPoint::attributes, "outcome", value == 7 ? "refused" : "paid");
          });
        }
      });
    });
    message(scope, fields::ScopeMetrics::metrics, [](pbf_writer& metric) {
      metric.add_string(fields::Metric::name, "latency");
      message(metric, fields::Metric::histogram, [](pbf_writer& histogram) {
        histogram.add_enum(fields::Histogram::aggregation_temporality, 1);
        message(histogram, fields::Histogram::data_points, [](pbf_writer& point) {
          point.add_fixed64(fields::HistogramDataPoint::count, 3);
          point.add_double(fields::HistogramDataPoint::sum, 1.5);
        });
      });
    });
    message(scope, fields::ScopeMetrics::metrics, [](pbf_writer& metric) {
      metric.add_string(fields::Metric::name, "stock");
      message(metric, fields::Metric::gauge, [](pbf_writer& gauge) {
        message(gauge, fields::Gauge::data_points,
                [](pbf_writer& point) { point.add_double(fields::NumberDataPoint::as_double, 0.5); });
      });
    });
  });
  ASSERT_TRUE(otlp::walk(otlp::Signal::metrics, bytes));
  EXPECT_EQ(print_request(otlp::Signal::metrics, bytes, {100}),
            "metrics of shop  (host=a)\n"
            "  scope tracer 1.0\n"
            "    orders   counter cumulative                7  {order}  outcome=refused\n"
            "    orders   counter cumulative            12345  {order}  outcome=paid\n"
            "    latency  histogram delta     count=3 sum=1.5\n"
            "    stock    gauge                           0.5\n");
}

TEST(PrintLogs, ShowsATable) {
  const std::string bytes = request([](pbf_writer& scope) {
    message(scope, fields::ScopeLogs::log_records, [](pbf_writer& record) {
      record.add_fixed64(fields::LogRecord::time_unix_nano, base + 123'000'000);
      record.add_string(fields::LogRecord::severity_text, "WARN");
      record.add_bytes(fields::LogRecord::trace_id, std::string(16, '\x5b'));
      message(record, fields::LogRecord::body,
              [](pbf_writer& body) { body.add_string(fields::AnyValue::string_value, "two\nlines \x1b[31mred"); });
      text_attribute(record, fields::LogRecord::attributes, "order", "7");
    });
    message(scope, fields::ScopeLogs::log_records, [](pbf_writer& record) {
      record.add_fixed64(fields::LogRecord::observed_time_unix_nano, base);
      record.add_enum(fields::LogRecord::severity_number, 9);
    });
  });
  ASSERT_TRUE(otlp::walk(otlp::Signal::logs, bytes));
  EXPECT_EQ(print_request(otlp::Signal::logs, bytes, {100}),
            "logs of shop  (host=a)\n"
            "  scope tracer 1.0\n"
            "    22:13:20.123  WARN  5b5b5b5b  two\\nlines \\x1b[31mred  order=7\n"
            "    22:13:20.000  9               -\n");
}

TEST(PrintDuration, PicksItsUnit) {
  for (const auto& [ns, text] : std::initializer_list<std::pair<std::uint64_t, std::string_view>>{
           {0, "0"}, {850, "850 ns"}, {12'345, "12.3 us"}, {4'560'000, "4.56 ms"}, {1'200'000'000, "1.20 s"}}) {
    EXPECT_EQ(print_duration(ns), text);
  }
}

TEST(Printable, LetsNoControlCharacterThrough) {
  EXPECT_EQ(printable(std::string_view("a\0b\x7f\xC2\x9B\xFFz", 8)), "a\\x00b\\x7f\\x9b\xEF\xBF\xBDz");
  EXPECT_EQ(shortened("äöüß", 4), "äöüß");
  EXPECT_EQ(shortened("äöüßx", 4), "ä...");
}

TEST(WriteItems, GivesOneObjectPerItemWithItsParentage) {
  JsonWriter json;
  json.open('[');
  write_items(json, otlp::Signal::traces, traces());
  json.close(']');
  const std::optional<JsonValue> items = parse_json(json.take());
  ASSERT_TRUE(items);
  ASSERT_EQ(items->items.size(), 5u);
  const JsonValue& first = items->items[0];
  EXPECT_EQ(first.member("name")->text, "query");
  EXPECT_EQ(first.member("scope")->text, "tracer");
  EXPECT_EQ(first.member("start")->text, "1700000000001100000");
  EXPECT_EQ(first.member("resource")->items[0].items[1].member("string")->text, "shop");
}

}  // namespace
}  // namespace stint::platform
