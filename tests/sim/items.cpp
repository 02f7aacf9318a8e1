// SPDX-License-Identifier: Apache-2.0
#include "sim/items.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>

#include "otlp/view.h"
#include "otlp/walk.h"
#include "otlp/write.h"

namespace stint::sim {
namespace {

namespace fields = otlp::fields;
constexpr std::string_view number_key = "number";

void write_item(otlp::MessageWriter& scope, otlp::Signal signal, ItemId id, std::string_view invocation_id) {
  const auto number = static_cast<std::int64_t>(id);
  if (signal == otlp::Signal::traces) {
    otlp::MessageWriter span(scope, fields::ScopeSpans::spans);
    otlp::write(span, fields::Span::name, "work");
    otlp::write_attribute(span, fields::Span::attributes, number_key, number);
    if (invocation_id.empty()) return;
    span.add_enum(fields::Span::kind, fields::SpanKind::SPAN_KIND_SERVER);
    span.add_fixed64(fields::Span::end_time_unix_nano, 1);
    otlp::write_attribute(span, fields::Span::attributes, "faas.invocation_id", invocation_id);
  } else if (signal == otlp::Signal::logs) {
    otlp::MessageWriter record(scope, fields::ScopeLogs::log_records);
    otlp::write_attribute(record, fields::LogRecord::attributes, number_key, number);
  } else {
    otlp::MessageWriter metric(scope, fields::ScopeMetrics::metrics);
    otlp::write(metric, fields::Metric::name, "requests");
    otlp::MessageWriter gauge(metric, fields::Metric::gauge);
    otlp::MessageWriter point(gauge, fields::Gauge::data_points);
    otlp::write_attribute(point, fields::NumberDataPoint::attributes, number_key, number);
  }
}

void read_number(const otlp::Attributes& attributes, std::vector<ItemId>& items) {
  for (const otlp::KeyValue& attribute : attributes) {
    if (attribute.key == number_key) return items.push_back(static_cast<ItemId>(attribute.value.integer));
  }
  ADD_FAILURE() << "an item without its number";
}

}  // namespace

std::string make_request(otlp::Signal signal, const std::vector<ItemId>& items, std::string_view invocation_id) {
  std::string request;
  {
    otlp::MessageWriter message(request);
    otlp::MessageWriter resource_entry(message, fields::ExportTraceServiceRequest::resource_spans);
    {
      otlp::MessageWriter resource(resource_entry, fields::ResourceSpans::resource);
      otlp::write_attribute(resource, fields::Resource::attributes, "service.name", "function");
    }
    otlp::MessageWriter scope(resource_entry, fields::ResourceSpans::scope_spans);
    for (const ItemId id : items)
      write_item(scope, signal, id, id == items.back() ? invocation_id : std::string_view());
  }
  return request;
}

std::vector<ItemId> read_request(otlp::Signal signal, std::string_view request) {
  std::vector<ItemId> items;
  if (!otlp::walk(signal, request)) {
    ADD_FAILURE() << "what arrived is no OTLP: " << request.size() << " bytes";
    return items;
  }
  for (const otlp::ResourceEntry& resource : otlp::Request(request).resources) {
    for (const otlp::ScopeEntry& scope : resource.scopes) {
      if (signal == otlp::Signal::traces) {
        for (const otlp::Span& span : scope.spans) read_number(span.attributes, items);
      } else if (signal == otlp::Signal::logs) {
        for (const otlp::LogRecord& record : scope.log_records) read_number(record.attributes, items);
      } else {
        for (const otlp::Metric& metric : scope.metrics) {
          for (const std::string_view point : metric.points) {
            read_number(otlp::DataPoint(metric.kind, point).attributes, items);
          }
        }
      }
    }
  }
  return items;
}

std::vector<ItemId> Ledger::make(std::size_t count) {
  std::vector<ItemId> items;
  items.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    entries_.emplace_back();
    items.push_back(entries_.size());
  }
  return items;
}

void Ledger::confirm(const std::vector<ItemId>& items) {
  for (const ItemId id : items) entries_.at(id - 1).confirmed = true;
}

void Ledger::refuse(const std::vector<ItemId>& items) {
  for (const ItemId id : items) entries_.at(id - 1).refused = true;
}

void Ledger::receive(const std::vector<ItemId>& items, std::size_t back_end) {
  bool repeated = false;
  for (const ItemId id : items) {
    if (id == 0 || id > entries_.size()) {
      ++unknown_;
    } else {
      repeated = ++entries_[id - 1].fates.at(back_end).received > 1 || repeated;
    }
  }
  repeated_requests_ += repeated ? 1 : 0;
}

void Ledger::reject(const std::vector<ItemId>& items, std::size_t back_end) {
  for (const ItemId id : items) entries_.at(id - 1).fates.at(back_end).rejected = true;
}

std::size_t Ledger::confirmed() const {
  return static_cast<std::size_t>(
      std::count_if(entries_.begin(), entries_.end(), [](const Entry& entry) { return entry.confirmed; }));
}
std::size_t Ledger::refused() const {
  return static_cast<std::size_t>(
      std::count_if(entries_.begin(), entries_.end(), [](const Entry& entry) { return entry.refused; }));
}

template <typename Condition>
std::size_t Ledger::count_fates(const std::set<ItemId>& elsewhere, Condition condition) const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (elsewhere.contains(i + 1)) continue;
    for (std::size_t back_end = 0; back_end < back_ends_; ++back_end) {
      count += condition(entries_[i], entries_[i].fates[back_end]) ? 1 : 0;
    }
  }
  return count;
}

std::size_t Ledger::received() const {
  return count_fates({}, [](const Entry&, const Fate& fate) { return fate.received > 0; });
}
std::size_t Ledger::missing(const std::set<ItemId>& elsewhere) const {
  return count_fates(elsewhere,
                     [](const Entry& entry, const Fate& fate) { return entry.confirmed && fate.received == 0; });
}
std::size_t Ledger::unexplained(const std::set<ItemId>& elsewhere) const {
  return count_fates(elsewhere, [](const Entry& entry, const Fate& fate) {
    return entry.confirmed && fate.received == 0 && !fate.rejected;
  });
}
std::size_t Ledger::duplicates() const {
  std::size_t too_many = 0;
  for (const Entry& entry : entries_) {
    for (const Fate& fate : entry.fates) too_many += fate.received > 1 ? fate.received - 1 : 0;
  }
  return too_many;
}

}  // namespace stint::sim
