// SPDX-License-Identifier: Apache-2.0
// The walk: what it counts, what it refuses and in which words. Golden requests are in golden_test.cpp.
#include "otlp/walk.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace stint::otlp {
namespace {

std::string field(int number, std::string_view payload) {
  std::string text(1, static_cast<char>(number << 3 | 2));
  text.push_back(static_cast<char>(payload.size()));
  return text.append(payload);
}

std::string span_request(std::string_view span) { return field(1, field(2, field(2, span))); }

std::string refusal(std::string_view request) {
  const auto counts = walk(Signal::traces, request);
  return counts ? "accepted" : describe(counts.error());
}

TEST(Walk, AcceptsAnEmptyRequest) {
  for (const Signal signal : all_signals) {
    const auto counts = walk(signal, "");
    ASSERT_TRUE(counts);
    EXPECT_EQ(*counts, Counts{});
  }
}

TEST(Walk, CountsResourcesScopesAndSpans) {
  const auto counts =
      walk(Signal::traces, span_request(field(1, std::string(16, 't'))) + span_request("") + field(1, ""));
  ASSERT_TRUE(counts);
  EXPECT_EQ(*counts, (Counts{.resources = 3, .scopes = 2, .items = 2}));
}

TEST(Walk, NamesAnIdOfTheWrongLength) {
  EXPECT_EQ(refusal(span_request(field(1, std::string(15, 't')))),
            "malformed protobuf: Span.trace_id is 15 bytes long, want 16");
  EXPECT_EQ(refusal(span_request(field(4, std::string(9, 'p')))),
            "malformed protobuf: Span.parent_span_id is 9 bytes long, want 8");
  EXPECT_EQ(refusal(span_request(field(13, field(2, "s")))),
            "malformed protobuf: Link.span_id is 1 bytes long, want 8");
  EXPECT_EQ(refusal(span_request(field(1, ""))), "accepted");
}

TEST(Walk, RefusesAKnownFieldInAnotherWireType) {
  EXPECT_EQ(refusal(span_request("\x28\x01")), "malformed protobuf: Span.name is a varint, want length-delimited");
  EXPECT_EQ(refusal(span_request(field(7, "12345678"))),
            "malformed protobuf: Span.start_time_unix_nano is length-delimited, want 8 bytes");
}

TEST(Walk, RefusesTruncatedFieldsGroupsAndFieldZero) {
  EXPECT_EQ(refusal("\x0a\x05"
                    "abc"),
            "malformed protobuf: ExportTraceServiceRequest.resource_spans runs past the end of its message");
  EXPECT_EQ(refusal(span_request("\x2a\x02x")), "malformed protobuf: Span.name runs past the end of its message");
  EXPECT_EQ(refusal(span_request(std::string("\xfb\x01\xfc\x01"))),
            "malformed protobuf: a field of Span is a group, which OTLP does not have");
  EXPECT_EQ(refusal(span_request(std::string(2, '\0'))),
            "malformed protobuf: a field of Span has an impossible number");
  EXPECT_EQ(refusal(std::string(11, '\xff')),
            "malformed protobuf: a field of ExportTraceServiceRequest holds a number of more than 64 bits");
}

TEST(Walk, LetsUnknownFieldsPass) {
  EXPECT_EQ(refusal(span_request("\xf8\x07\x01\xfa\x07\x02no\xf9\x07"
                                 "12345678\xfd\x07"
                                 "1234")),
            "accepted");
}

TEST(Walk, CountsInvalidUtf8InStringsOnly) {
  const auto counts = walk(Signal::traces, span_request(field(5, "caf\xc3") + field(3, "\xc3\xa9") +
                                                        field(2, "\xff\xff\xff\xff\xff\xff\xff\xff")));
  ASSERT_TRUE(counts);
  EXPECT_EQ(counts->invalid_utf8, 1u);
}

std::string nested_log_body(std::uint32_t levels) {
  std::string value = field(1, "x");
  const auto length_delimited = [](int number, const std::string& payload) {
    std::string text(1, static_cast<char>(number << 3 | 2));
    std::uint64_t size = payload.size();
    for (; size >= 0x80; size >>= 7) text.push_back(static_cast<char>(size | 0x80));
    text.push_back(static_cast<char>(size));
    return text + payload;
  };
  for (std::uint32_t level = 1; level < levels; ++level) {
    value = level % 2 != 0 ? length_delimited(6, length_delimited(1, length_delimited(2, value)))
                           : length_delimited(5, length_delimited(1, value));
  }
  return length_delimited(1, length_delimited(2, length_delimited(2, length_delimited(5, value))));
}

// What the walk says of one attribute of a span.
std::string verdict(std::string_view pair) {
  const auto counts = walk(Signal::traces, span_request(field(9, pair)));
  return counts ? "invalid strings: " + std::to_string(counts->invalid_utf8) : describe(counts.error());
}

TEST(Walk, SaysTheSameOfAnAttributeReadAtOneGlanceAndFieldByField) {
  const std::string values[] = {field(1, "pg"),
                                field(1, ""),
                                field(1, "\xC3\xBC"),
                                std::string("\x10\x01", 2),
                                std::string("\x18\xAC\x02", 3),
                                std::string("\x21") + std::string(8, '\x90')};
  for (const std::string& value : values) {
    const std::string pair = field(1, "shard\xC3\xA4") + field(2, value);
    EXPECT_EQ(verdict(pair), "invalid strings: 0");
    for (std::size_t at = 0; at < pair.size(); ++at) {
      for (int octet = 0; octet < 256; ++octet) {
        std::string changed = pair;
        changed[at] = static_cast<char>(octet);
        // Behind an unknown field it is no usual attribute any more.
        EXPECT_EQ(verdict(changed), verdict(std::string("\x78\x00", 2) + changed)) << at << ", " << octet;
      }
    }
    for (std::size_t size = 0; size < pair.size(); ++size) {
      const std::string cut = pair.substr(0, size);
      EXPECT_EQ(verdict(cut), verdict(std::string("\x78\x00", 2) + cut)) << size;
    }
  }
}

TEST(Walk, AcceptsValuesNestedToTheLimitAndNoDeeper) {
  EXPECT_TRUE(walk(Signal::logs, nested_log_body(limits::nesting_max)));
  const auto counts = walk(Signal::logs, nested_log_body(limits::nesting_max + 1));
  ASSERT_FALSE(counts);
  EXPECT_EQ(counts.error().code, ErrorCode::too_deep);
  EXPECT_EQ(fault(counts.error()), Fault::nesting);
  EXPECT_NE(describe(counts.error()).find("is nested too deep: at most 64 values inside each other"),
            std::string::npos);
  EXPECT_FALSE(walk(Signal::logs, nested_log_body(5000)));
}

std::string metric_request(std::string_view metric) { return field(1, field(2, field(2, metric))); }

TEST(Walk, TakesRepeatedNumbersPackedAndNot) {
  const std::string packed = field(6, std::string(16, '\1')), unpacked = "\x31" + std::string(8, '\1') + packed;
  for (const std::string& counts_field : {packed, unpacked}) {
    const auto counts = walk(Signal::metrics, metric_request(field(9, field(1, counts_field))));
    ASSERT_TRUE(counts) << describe(counts.error());
    EXPECT_EQ(counts->items, 1u);
    EXPECT_EQ(counts->metrics, 1u);
  }
  const auto cut = walk(Signal::metrics, metric_request(field(9, field(1, field(6, "123456789")))));
  ASSERT_FALSE(cut);
  EXPECT_EQ(describe(cut.error()),
            "malformed protobuf: HistogramDataPoint.bucket_counts is 9 bytes long, which is no whole number of values");
}

TEST(Walk, RefusesPackedVarintsThatRunOverTheirField) {
  const auto buckets = [](std::string_view payload) {
    return metric_request(field(10, field(1, field(8, field(2, payload)))));
  };
  EXPECT_TRUE(walk(Signal::metrics, buckets("\x01\x80\x01\x7f")));
  EXPECT_FALSE(walk(Signal::metrics, buckets("\x01\x80")));
}

}  // namespace
}  // namespace stint::otlp
