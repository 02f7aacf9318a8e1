// SPDX-License-Identifier: Apache-2.0
// Export requests: what the walk accepts can be viewed, split and repaired. The parts walk again, keep to their limits
// and hold every item once, in order; the repaired request has no invalid text left. Input: signal, limits, request.
#include <vector>

#include "base/arena.h"
#include "fuzz/fuzz.h"
#include "otlp/cursor.h"
#include "otlp/repair.h"
#include "otlp/split.h"
#include "otlp/view.h"
#include "otlp/walk.h"

namespace stint::fuzz {
namespace {

using namespace otlp;

constexpr std::size_t memory_bytes_max = 256u << 20;

std::size_t read_value(const AnyValue& value) {
  std::size_t values = 1 + (value.text.empty() ? 0 : static_cast<std::size_t>(value.text.back() & 1));
  for (const AnyValue item : value.array()) values += read_value(item);
  for (const KeyValue item : value.map()) values += read_value(item.value);
  return values;
}

std::size_t read_attributes(const Attributes& attributes) {
  std::size_t values = 0;
  for (const KeyValue attribute : attributes) values += read_value(attribute.value);
  return values;
}

std::size_t read_span(const Span& span) {
  std::size_t values = read_attributes(span.attributes);
  for (const Event event : span.events) values += read_attributes(event.attributes);
  for (const Link link : span.links) values += read_attributes(link.attributes);
  return values;
}

std::size_t read_point(const DataPoint& point) {
  std::size_t values = read_attributes(point.attributes) + point.bucket_counts.size() + point.explicit_bounds.size();
  for (const Exemplar exemplar : point.exemplars) values += read_attributes(exemplar.filtered_attributes);
  for (const ValueAtQuantile quantile : point.quantile_values) values += quantile.value > 0 ? 1 : 0;
  return values;
}

// Reads every view there is. What the last field of a oneof hides is not seen, so points may be fewer than walked.
void check_views(Signal signal, std::string_view request, const Counts& counts) {
  Counts seen;
  std::size_t values = 0;
  for (const ResourceEntry resource : Request(request).resources) {
    ++seen.resources;
    values += read_attributes(resource.resource.attributes);
    for (const ScopeEntry scope : resource.scopes) {
      ++seen.scopes;
      values += read_attributes(scope.scope.attributes);
      if (signal == Signal::traces) {
        for (const Span span : scope.spans) values += read_span(span), ++seen.items;
      } else if (signal == Signal::logs) {
        for (const LogRecord record : scope.log_records) {
          values += read_attributes(record.attributes) + read_value(record.body), ++seen.items;
        }
      } else {
        for (const Metric metric : scope.metrics) {
          ++seen.metrics;
          values += read_attributes(metric.metadata);
          for (const std::string_view point : metric.points) {
            values += read_point(DataPoint(metric.kind, point)), ++seen.items;
          }
        }
      }
    }
  }
  STINT_CHECK(seen.resources == counts.resources && seen.scopes == counts.scopes && seen.metrics == counts.metrics);
  STINT_CHECK(signal == Signal::metrics ? seen.items <= counts.items : seen.items == counts.items);
  STINT_CHECK(values <= request.size() * 2);
}

// Where the children that lead to items lie: request, resource, scope, metric, data.
bool leads_to_items(Signal signal, unsigned level, std::uint32_t number) {
  switch (level) {
    case 0: return number == fields::ExportTraceServiceRequest::resource_spans;
    case 1: return number == fields::ResourceSpans::scope_spans;
    case 2: return number == fields::ScopeSpans::spans;
    case 3:
      return signal == Signal::metrics &&
             (number == fields::Metric::gauge || number == fields::Metric::sum || number == fields::Metric::histogram ||
              number == fields::Metric::exponential_histogram || number == fields::Metric::summary);
    default: return number == fields::Gauge::data_points;
  }
}

// The items' bytes in their order.
void collect_items(Signal signal, unsigned level, std::string_view message, std::vector<std::string>& items) {
  const unsigned item_level = signal == Signal::metrics ? 5 : 3;
  if (level == item_level) {
    items.emplace_back(message);
    return;
  }
  for (FieldCursor cursor(message); cursor.next();) {
    if (cursor.wire_type() != WireType::length || !leads_to_items(signal, level, cursor.number())) continue;
    collect_items(signal, level + 1, cursor.payload(), items);
  }
}

std::string joined(const std::vector<Slice>& slices) {
  std::string bytes;
  for (const Slice& slice : slices) bytes.append(slice.view());
  return bytes;
}

// Returns the number of parts.
std::size_t check_split(Signal signal, std::string_view request, const Counts& counts, SplitLimits limits, Arena& arena,
                        BlockPool& pool) {
  std::vector<Slice> slices;
  slices.push_back(slice_of(pool, request));
  const Result<std::vector<Part>> parts = split(signal, std::move(slices), limits, arena);
  STINT_CHECK(parts);
  std::size_t items = 0;
  std::vector<std::string> split_items;
  for (const Part& part : *parts) {
    const std::string bytes = joined(part.slices);
    const Result<Counts> again = walk(signal, bytes);
    STINT_CHECK(again && again->items == part.items && bytes.size() == part.bytes);
    STINT_CHECK(part.items <= limits.items_max && (part.bytes <= limits.bytes_max || part.items <= 1));
    items += part.items;
    collect_items(signal, 0, bytes, split_items);
  }
  STINT_CHECK(items == counts.items);
  std::vector<std::string> whole_items;
  collect_items(signal, 0, request, whole_items);
  STINT_CHECK(whole_items == split_items && whole_items.size() == counts.items);
  return parts->size();
}

void check_repair(Signal signal, std::string_view request, const Counts& counts, Arena& arena, BlockPool& pool) {
  const Slice slice = slice_of(pool, request);
  const Result<Repaired> repaired = repair(signal, slice, arena);
  STINT_CHECK(repaired && repaired->strings == counts.invalid_utf8);
  const std::string bytes = joined(repaired->slices);
  STINT_CHECK(counts.invalid_utf8 != 0 || bytes == request);
  Counts wanted = counts;
  wanted.invalid_utf8 = 0;
  const Result<Counts> again = walk(signal, bytes);
  STINT_CHECK(again && *again == wanted);
}

}  // namespace

void run(std::string_view bytes) {
  Input input(bytes);
  const Signal signal = all_signals[input.byte() % all_signals.size()];
  const SplitLimits limits{.items_max = 1u + input.byte(), .bytes_max = 1 + input.word()};
  const std::string_view request = input.rest();
  const Result<Counts> counts = walk(signal, request);
  if (!counts) {
    STINT_CHECK(!describe(counts.error()).empty() && fault(counts.error()) >= Fault::truncated);
    return;
  }
  check_views(signal, request, *counts);
  BlockPool pool(memory_bytes_max);
  CopyCounters copies;
  Arena arena(pool, copies);
  const std::size_t parts = check_split(signal, request, *counts, limits, arena, pool);
  check_repair(signal, request, *counts, arena, pool);
  plant_bug({counts->invalid_utf8 >= 2, counts->resources >= 3, parts >= 2}, bytes);
}

}  // namespace stint::fuzz
