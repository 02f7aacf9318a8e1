// SPDX-License-Identifier: Apache-2.0
// Views over a request's bytes, for printing, tests and processors. A view reads its message once, when it is made:
// numbers and texts are copied out as values and string_views, repeated messages are ranges that make views in turn.
//
//   Request ─ resources ─ ResourceEntry ─ resource, schema_url
//                         └ scopes ─ ScopeEntry ─ scope, schema_url
//                                    ├ spans ─ Span ─ attributes, events, links
//                                    ├ log_records ─ LogRecord ─ body, attributes
//                                    └ metrics ─ Metric ─ points ─ DataPoint ─ attributes, exemplars
//
// Requires: walk() accepted the request. Valid until: the request's bytes end. Nothing is written through a view.
#pragma once

#include <concepts>
#include <cstdint>
#include <iterator>
#include <optional>
#include <protozero/pbf_reader.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "otlp/signal.h"

namespace stint::otlp {

/// The occurrences of one field of a message, each as a `View`.
template <typename View>
class Repeated {
 public:
  Repeated() = default;
  Repeated(std::string_view message, std::uint32_t number) : message_(message), number_(number) {}

  class Iterator {
   public:
    using value_type = View;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    using pointer = void;
    using reference = View;

    Iterator() = default;
    Iterator(std::string_view message, std::uint32_t number)
        : reader_(message.data(), message.size()), number_(number), at_end_(false) {
      ++*this;
    }
    View operator*() const { return View(current_); }
    Iterator& operator++() {
      at_end_ = !reader_.next(number_, protozero::pbf_wire_type::length_delimited);
      if (!at_end_) {
        const protozero::data_view view = reader_.get_view();
        current_ = {view.data(), view.size()};
      }
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return at_end_; }

   private:
    protozero::pbf_reader reader_;
    std::uint32_t number_ = 0;
    std::string_view current_;
    bool at_end_ = true;
  };

  Iterator begin() const { return Iterator(message_, number_); }
  std::default_sentinel_t end() const { return {}; }
  bool empty() const { return begin() == end(); }

 private:
  std::string_view message_;
  std::uint32_t number_ = 0;
};

struct KeyValue;

struct AnyValue {
  enum class Kind : std::uint8_t { empty, string, boolean, integer, number, array, map, bytes, string_index };

  AnyValue() = default;
  explicit AnyValue(std::string_view message);

  Kind kind = Kind::empty;
  std::string_view text;  // string, bytes
  bool boolean = false;
  std::int64_t integer = 0;  // integer, string_index
  double number = 0;
  Repeated<AnyValue> array() const;
  Repeated<KeyValue> map() const;

 private:
  std::string_view inner_;
};

struct KeyValue {
  explicit KeyValue(std::string_view message);
  std::string_view key;
  AnyValue value;
};

using Attributes = Repeated<KeyValue>;

/// The value of the first attribute called `key`.
std::optional<AnyValue> find(const Attributes& attributes, std::string_view key);

struct Resource {
  Resource() = default;
  explicit Resource(std::string_view message);
  Attributes attributes;
  std::uint32_t dropped_attributes_count = 0;
};

struct Scope {
  Scope() = default;
  explicit Scope(std::string_view message);
  std::string_view name, version;
  Attributes attributes;
  std::uint32_t dropped_attributes_count = 0;
};

struct Event {
  explicit Event(std::string_view message);
  std::uint64_t time_unix_nano = 0;
  std::string_view name;
  Attributes attributes;
  std::uint32_t dropped_attributes_count = 0;
};

struct Link {
  explicit Link(std::string_view message);
  std::string_view trace_id, span_id, trace_state;
  Attributes attributes;
  std::uint32_t dropped_attributes_count = 0, flags = 0;
};

struct Span {
  explicit Span(std::string_view message);
  std::string_view trace_id, span_id, parent_span_id, trace_state, name;
  std::int32_t kind = 0;
  std::uint64_t start_time_unix_nano = 0, end_time_unix_nano = 0;
  std::uint32_t flags = 0;
  Attributes attributes;
  Repeated<Event> events;
  Repeated<Link> links;
  std::uint32_t dropped_attributes_count = 0, dropped_events_count = 0, dropped_links_count = 0;
  std::int32_t status_code = 0;
  std::string_view status_message;
};

struct LogRecord {
  explicit LogRecord(std::string_view message);
  std::uint64_t time_unix_nano = 0, observed_time_unix_nano = 0;
  std::int32_t severity_number = 0;
  std::string_view severity_text, event_name, trace_id, span_id;
  AnyValue body;
  Attributes attributes;
  std::uint32_t dropped_attributes_count = 0, flags = 0;
};

struct Exemplar {
  explicit Exemplar(std::string_view message);
  Attributes filtered_attributes;
  std::uint64_t time_unix_nano = 0;
  std::optional<double> as_double;
  std::optional<std::int64_t> as_int;
  std::string_view trace_id, span_id;
};

struct Buckets {
  Buckets() = default;
  explicit Buckets(std::string_view message);
  std::int32_t offset = 0;
  std::vector<std::uint64_t> bucket_counts;
};

struct ValueAtQuantile {
  explicit ValueAtQuantile(std::string_view message);
  double quantile = 0, value = 0;
};

enum class MetricKind : std::uint8_t { none, gauge, sum, histogram, exponential_histogram, summary };

/// A data point of any kind: what its kind does not have stays as it is here.
struct DataPoint {
  DataPoint(MetricKind kind, std::string_view message);
  Attributes attributes;
  std::uint64_t start_time_unix_nano = 0, time_unix_nano = 0;
  std::uint32_t flags = 0;
  Repeated<Exemplar> exemplars;
  // gauge, sum
  std::optional<double> as_double;
  std::optional<std::int64_t> as_int;
  // histogram, exponential histogram, summary
  std::uint64_t count = 0;
  std::optional<double> sum, min, max;
  // histogram
  std::vector<std::uint64_t> bucket_counts;
  std::vector<double> explicit_bounds;
  // exponential histogram
  std::int32_t scale = 0;
  std::uint64_t zero_count = 0;
  double zero_threshold = 0;
  Buckets positive, negative;
  // summary
  Repeated<ValueAtQuantile> quantile_values;
};

struct Metric {
  explicit Metric(std::string_view message);
  std::string_view name, description, unit;
  Attributes metadata;
  MetricKind kind = MetricKind::none;
  std::int32_t aggregation_temporality = 0;
  bool is_monotonic = false;
  /// Bytes of each data point: `DataPoint(metric.kind, bytes)`.
  Repeated<std::string_view> points;
};

struct ScopeEntry {
  explicit ScopeEntry(std::string_view message);
  Scope scope;
  std::string_view schema_url;
  // One of them, by the request's signal; all three lie in the same field.
  Repeated<Span> spans;
  Repeated<Metric> metrics;
  Repeated<LogRecord> log_records;
};

struct ResourceEntry {
  explicit ResourceEntry(std::string_view message);
  Resource resource;
  std::string_view schema_url;
  Repeated<ScopeEntry> scopes;
};

/// Of any signal: the outer levels are alike.
struct Request {
  explicit Request(std::string_view bytes) : resources(bytes, fields::ExportTraceServiceRequest::resource_spans) {}
  template <std::same_as<std::string> Temporary>
  explicit Request(Temporary&& bytes) = delete;
  Repeated<ResourceEntry> resources;
};

}  // namespace stint::otlp
