// SPDX-License-Identifier: Apache-2.0
// One reading loop per message. A field in another wire type cannot occur: the walk was here before.
#include "otlp/view.h"

#include "otlp/cursor.h"

namespace stint::otlp {
namespace {

using protozero::pbf_reader;

std::string_view text(pbf_reader& reader) {
  const protozero::data_view view = reader.get_view();
  return {view.data(), view.size()};
}

/// Calls `read(field number, reader)` for each field; what it answers false to is skipped.
template <typename Read>
void for_each_field(std::string_view message, Read read) {
  pbf_reader reader(message.data(), message.size());
  while (reader.next()) {
    if (!read(reader.tag(), reader)) reader.skip();
  }
}

/// A repeated number, packed or one at a time.
template <typename T, typename Packed, typename Single>
void append_numbers(std::vector<T>& values, pbf_reader& reader, Packed packed, Single single) {
  if (reader.wire_type() != protozero::pbf_wire_type::length_delimited) {
    values.push_back((reader.*single)());
    return;
  }
  const auto range = (reader.*packed)();
  values.insert(values.end(), range.begin(), range.end());
}

void append_fixed64(std::vector<std::uint64_t>& values, pbf_reader& reader) {
  append_numbers(values, reader, &pbf_reader::get_packed_fixed64, &pbf_reader::get_fixed64);
}

void append_doubles(std::vector<double>& values, pbf_reader& reader) {
  append_numbers(values, reader, &pbf_reader::get_packed_double, &pbf_reader::get_double);
}

}  // namespace

AnyValue::AnyValue(std::string_view message) {
  namespace f = fields::AnyValue;
  for_each_field(message, [this](std::uint32_t number_of_field, pbf_reader& reader) {
    switch (number_of_field) {
      case f::string_value: kind = Kind::string, text = otlp::text(reader); break;
      case f::bool_value: kind = Kind::boolean, boolean = reader.get_bool(); break;
      case f::int_value: kind = Kind::integer, integer = reader.get_int64(); break;
      case f::double_value: kind = Kind::number, number = reader.get_double(); break;
      case f::array_value: kind = Kind::array, inner_ = otlp::text(reader); break;
      case f::kvlist_value: kind = Kind::map, inner_ = otlp::text(reader); break;
      case f::bytes_value: kind = Kind::bytes, text = otlp::text(reader); break;
      case f::string_value_strindex: kind = Kind::string_index, integer = reader.get_int32(); break;
      default: return false;
    }
    return true;
  });
}

Repeated<AnyValue> AnyValue::array() const {
  return {kind == Kind::array ? inner_ : std::string_view(), fields::ArrayValue::values};
}

Repeated<KeyValue> AnyValue::map() const {
  return {kind == Kind::map ? inner_ : std::string_view(), fields::KeyValueList::values};
}

KeyValue::KeyValue(std::string_view message) {
  for_each_field(message, [this](std::uint32_t number, pbf_reader& reader) {
    switch (number) {
      case fields::KeyValue::key: key = text(reader); break;
      case fields::KeyValue::value: value = AnyValue(text(reader)); break;
      default: return false;
    }
    return true;
  });
}

std::optional<AnyValue> find(const Attributes& attributes, std::string_view key) {
  for (const KeyValue attribute : attributes) {
    if (attribute.key == key) return attribute.value;
  }
  return std::nullopt;
}

Resource::Resource(std::string_view message) : attributes(message, fields::Resource::attributes) {
  for_each_field(message, [this](std::uint32_t number, pbf_reader& reader) {
    if (number != fields::Resource::dropped_attributes_count) return false;
    dropped_attributes_count = reader.get_uint32();
    return true;
  });
}

Scope::Scope(std::string_view message) : attributes(message, fields::InstrumentationScope::attributes) {
  namespace f = fields::InstrumentationScope;
  for_each_field(message, [this](std::uint32_t number, pbf_reader& reader) {
    switch (number) {
      case f::name: name = text(reader); break;
      case f::version: version = text(reader); break;
      case f::dropped_attributes_count: dropped_attributes_count = reader.get_uint32(); break;
      default: return false;
    }
    return true;
  });
}

Event::Event(std::string_view message) : attributes(message, fields::Event::attributes) {
  namespace f = fields::Event;
  for_each_field(message, [this](std::uint32_t number, pbf_reader& reader) {
    switch (number) {
      case f::time_unix_nano: time_unix_nano = reader.get_fixed64(); break;
      case f::name: name = text(reader); break;
      case f::dropped_attributes_count: dropped_attributes_count = reader.get_uint32(); break;
      default: return false;
    }
    return true;
  });
}

Link::Link(std::string_view message) : attributes(message, fields::Link::attributes) {
  namespace f = fields::Link;
  for_each_field(message, [this](std::uint32_t number, pbf_reader& reader) {
    switch (number) {
      case f::trace_id: trace_id = text(reader); break;
      case f::span_id: span_id = text(reader); break;
      case f::trace_state: trace_state = text(reader); break;
      case f::dropped_attributes_count: dropped_attributes_count = reader.get_uint32(); break;
      case f::flags: flags = reader.get_fixed32(); break;
      default: return false;
    }
    return true;
  });
}

namespace {

void read_status(std::string_view message, Span& span) {
  for_each_field(message, [&span](std::uint32_t number, pbf_reader& reader) {
    switch (number) {
      case fields::Status::message: span.status_message = text(reader); break;
      case fields::Status::code: span.status_code = reader.get_enum(); break;
      default: return false;
    }
    return true;
  });
}

}  // namespace

Span::Span(std::string_view message)
    : attributes(message, fields::Span::attributes),
      events(message, fields::Span::events),
      links(message, fields::Span::links) {
  namespace f = fields::Span;
  for_each_field(message, [this](std::uint32_t number, pbf_reader& reader) {
    switch (number) {
      case f::trace_id: trace_id = text(reader); break;
      case f::span_id: span_id = text(reader); break;
      case f::trace_state: trace_state = text(reader); break;
      case f::parent_span_id: parent_span_id = text(reader); break;
      case f::name: name = text(reader); break;
      case f::kind: kind = reader.get_enum(); break;
      case f::start_time_unix_nano: start_time_unix_nano = reader.get_fixed64(); break;
      case f::end_time_unix_nano: end_time_unix_nano = reader.get_fixed64(); break;
      case f::flags: flags = reader.get_fixed32(); break;
      case f::dropped_attributes_count: dropped_attributes_count = reader.get_uint32(); break;
      case f::dropped_events_count: dropped_events_count = reader.get_uint32(); break;
      case f::dropped_links_count: dropped_links_count = reader.get_uint32(); break;
      case f::status: read_status(text(reader), *this); break;
      default: return false;
    }
    return true;
  });
}

LogRecord::LogRecord(std::string_view message) : attributes(message, fields::LogRecord::attributes) {
  namespace f = fields::LogRecord;
  for_each_field(message, [this](std::uint32_t number, pbf_reader& reader) {
    switch (number) {
      case f::time_unix_nano: time_unix_nano = reader.get_fixed64(); break;
      case f::observed_time_unix_nano: observed_time_unix_nano = reader.get_fixed64(); break;
      case f::severity_number: severity_number = reader.get_enum(); break;
      case f::severity_text: severity_text = text(reader); break;
      case f::body: body = AnyValue(text(reader)); break;
      case f::dropped_attributes_count: dropped_attributes_count = reader.get_uint32(); break;
      case f::flags: flags = reader.get_fixed32(); break;
      case f::trace_id: trace_id = text(reader); break;
      case f::span_id: span_id = text(reader); break;
      case f::event_name: event_name = text(reader); break;
      default: return false;
    }
    return true;
  });
}

Exemplar::Exemplar(std::string_view message) : filtered_attributes(message, fields::Exemplar::filtered_attributes) {
  namespace f = fields::Exemplar;
  for_each_field(message, [this](std::uint32_t number, pbf_reader& reader) {
    switch (number) {
      case f::time_unix_nano: time_unix_nano = reader.get_fixed64(); break;
      case f::as_double: as_double = reader.get_double(), as_int.reset(); break;
      case f::as_int: as_int = reader.get_sfixed64(), as_double.reset(); break;
      case f::trace_id: trace_id = text(reader); break;
      case f::span_id: span_id = text(reader); break;
      default: return false;
    }
    return true;
  });
}

Buckets::Buckets(std::string_view message) {
  namespace f = fields::Buckets;
  for_each_field(message, [this](std::uint32_t number, pbf_reader& reader) {
    switch (number) {
      case f::offset: offset = reader.get_sint32(); break;
      case f::bucket_counts:
        append_numbers(bucket_counts, reader, &pbf_reader::get_packed_uint64, &pbf_reader::get_uint64);
        break;
      default: return false;
    }
    return true;
  });
}

ValueAtQuantile::ValueAtQuantile(std::string_view message) {
  namespace f = fields::ValueAtQuantile;
  for_each_field(message, [this](std::uint32_t number, pbf_reader& reader) {
    switch (number) {
      case f::quantile: quantile = reader.get_double(); break;
      case f::value: value = reader.get_double(); break;
      default: return false;
    }
    return true;
  });
}

namespace {

bool read_number_point(std::uint32_t number, pbf_reader& reader, DataPoint& point) {
  namespace f = fields::NumberDataPoint;
  switch (number) {
    case f::as_double: point.as_double = reader.get_double(), point.as_int.reset(); return true;
    case f::as_int: point.as_int = reader.get_sfixed64(), point.as_double.reset(); return true;
    case f::flags: point.flags = reader.get_uint32(); return true;
    default: return false;
  }
}

bool read_histogram_point(std::uint32_t number, pbf_reader& reader, DataPoint& point) {
  namespace f = fields::HistogramDataPoint;
  switch (number) {
    case f::count: point.count = reader.get_fixed64(); return true;
    case f::sum: point.sum = reader.get_double(); return true;
    case f::bucket_counts: append_fixed64(point.bucket_counts, reader); return true;
    case f::explicit_bounds: append_doubles(point.explicit_bounds, reader); return true;
    case f::flags: point.flags = reader.get_uint32(); return true;
    case f::min: point.min = reader.get_double(); return true;
    case f::max: point.max = reader.get_double(); return true;
    default: return false;
  }
}

bool read_exponential_point(std::uint32_t number, pbf_reader& reader, DataPoint& point) {
  namespace f = fields::ExponentialHistogramDataPoint;
  switch (number) {
    case f::count: point.count = reader.get_fixed64(); return true;
    case f::sum: point.sum = reader.get_double(); return true;
    case f::scale: point.scale = reader.get_sint32(); return true;
    case f::zero_count: point.zero_count = reader.get_fixed64(); return true;
    case f::positive: point.positive = Buckets(text(reader)); return true;
    case f::negative: point.negative = Buckets(text(reader)); return true;
    case f::flags: point.flags = reader.get_uint32(); return true;
    case f::min: point.min = reader.get_double(); return true;
    case f::max: point.max = reader.get_double(); return true;
    case f::zero_threshold: point.zero_threshold = reader.get_double(); return true;
    default: return false;
  }
}

bool read_summary_point(std::uint32_t number, pbf_reader& reader, DataPoint& point) {
  namespace f = fields::SummaryDataPoint;
  switch (number) {
    case f::count: point.count = reader.get_fixed64(); return true;
    case f::sum: point.sum = reader.get_double(); return true;
    case f::flags: point.flags = reader.get_uint32(); return true;
    default: return false;
  }
}

/// For each MetricKind: where its data points keep what all have, and how the rest is read.
struct PointShape {
  std::uint32_t attributes, exemplars, quantile_values;  // 0: it has none
  bool (*read)(std::uint32_t, pbf_reader&, DataPoint&);
};

constexpr PointShape number_shape = {fields::NumberDataPoint::attributes, fields::NumberDataPoint::exemplars, 0,
                                     read_number_point};
constexpr PointShape point_shapes[] = {
    number_shape,
    number_shape,
    number_shape,
    {fields::HistogramDataPoint::attributes, fields::HistogramDataPoint::exemplars, 0, read_histogram_point},
    {fields::ExponentialHistogramDataPoint::attributes, fields::ExponentialHistogramDataPoint::exemplars, 0,
     read_exponential_point},
    {fields::SummaryDataPoint::attributes, 0, fields::SummaryDataPoint::quantile_values, read_summary_point},
};

}  // namespace

DataPoint::DataPoint(MetricKind kind, std::string_view message) {
  namespace f = fields::NumberDataPoint;
  static_assert(f::time_unix_nano == fields::HistogramDataPoint::time_unix_nano &&
                f::time_unix_nano == fields::ExponentialHistogramDataPoint::time_unix_nano &&
                f::time_unix_nano == fields::SummaryDataPoint::time_unix_nano);
  const PointShape& shape = point_shapes[static_cast<std::size_t>(kind)];
  attributes = Attributes(message, shape.attributes);
  if (shape.exemplars != 0) exemplars = Repeated<Exemplar>(message, shape.exemplars);
  if (shape.quantile_values != 0) quantile_values = Repeated<ValueAtQuantile>(message, shape.quantile_values);
  for_each_field(message, [this, &shape](std::uint32_t number, pbf_reader& reader) {
    switch (number) {
      case f::start_time_unix_nano: start_time_unix_nano = reader.get_fixed64(); return true;
      case f::time_unix_nano: time_unix_nano = reader.get_fixed64(); return true;
      default: return shape.read(number, reader, *this);
    }
  });
}

namespace {

MetricKind kind_of(std::uint32_t number) {
  switch (number) {
    case fields::Metric::gauge: return MetricKind::gauge;
    case fields::Metric::sum: return MetricKind::sum;
    case fields::Metric::histogram: return MetricKind::histogram;
    case fields::Metric::exponential_histogram: return MetricKind::exponential_histogram;
    case fields::Metric::summary: return MetricKind::summary;
    default: return MetricKind::none;
  }
}

/// The message of the metric's kind. A gauge and a summary have nothing but points, and only a sum is monotonic: in the
/// others those numbers are fields we do not know.
void read_data(std::string_view message, Metric& metric) {
  metric.points = Repeated<std::string_view>(message, fields::Gauge::data_points);
  if (metric.kind == MetricKind::gauge || metric.kind == MetricKind::summary) return;
  for_each_field(message, [&metric](std::uint32_t number, pbf_reader& reader) {
    if (number == fields::Sum::aggregation_temporality) {
      metric.aggregation_temporality = reader.get_enum();
    } else if (number == fields::Sum::is_monotonic && metric.kind == MetricKind::sum) {
      metric.is_monotonic = reader.get_bool();
    } else {
      return false;
    }
    return true;
  });
}

}  // namespace

Metric::Metric(std::string_view message) : metadata(message, fields::Metric::metadata) {
  namespace f = fields::Metric;
  for_each_field(message, [this](std::uint32_t number, pbf_reader& reader) {
    switch (number) {
      case f::name: name = text(reader); return true;
      case f::description: description = text(reader); return true;
      case f::unit: unit = text(reader); return true;
      default: break;
    }
    if (kind_of(number) == MetricKind::none) return false;
    kind = kind_of(number);
    read_data(text(reader), *this);
    return true;
  });
}

ScopeEntry::ScopeEntry(std::string_view message)
    : spans(message, fields::ScopeSpans::spans),
      metrics(message, fields::ScopeMetrics::metrics),
      log_records(message, fields::ScopeLogs::log_records) {
  namespace f = fields::ScopeSpans;
  for_each_field(message, [this](std::uint32_t number, pbf_reader& reader) {
    switch (number) {
      case f::scope: scope = Scope(text(reader)); break;
      case f::schema_url: schema_url = text(reader); break;
      default: return false;
    }
    return true;
  });
}

ResourceEntry::ResourceEntry(std::string_view message) : scopes(message, fields::ResourceSpans::scope_spans) {
  namespace f = fields::ResourceSpans;
  for_each_field(message, [this](std::uint32_t number, pbf_reader& reader) {
    switch (number) {
      case f::resource: resource = Resource(text(reader)); break;
      case f::schema_url: schema_url = text(reader); break;
      default: return false;
    }
    return true;
  });
}

}  // namespace stint::otlp
