// SPDX-License-Identifier: Apache-2.0
// `verbosity: detailed`: resources, scopes, spans and log records, a line per field. Metrics are in debug_text_metrics.
#include "exporters/debug_text_detailed.h"

#include "exporters/debug_text_value.h"

namespace stint::debug_text {
namespace {

using Texts = otlp::Repeated<std::string_view>;

struct EntityRef {
  explicit EntityRef(std::string_view message)
      : id_keys(message, otlp::fields::EntityRef::id_keys),
        description_keys(message, otlp::fields::EntityRef::description_keys) {
    for (const std::string_view text : Texts(message, otlp::fields::EntityRef::schema_url)) schema_url = text;
    for (const std::string_view text : Texts(message, otlp::fields::EntityRef::type)) type = text;
  }
  std::string_view schema_url, type;
  Texts id_keys, description_keys;
};

void write_keys(std::string_view title, const Texts& keys, Writer& out) {
  if (keys.empty()) return;
  out.line("          -> ", title);
  for (const std::string_view key : keys) out.line("               -> ", key);
}

void write_entity_refs(std::string_view resource, Writer& out) {
  const otlp::Repeated<EntityRef> refs(resource, otlp::fields::Resource::entity_refs);
  if (refs.empty()) return;
  out.line("Resource entity refs:");
  std::uint64_t number = 0;
  for (const EntityRef ref : refs) {
    out.line("     -> Entity ref #", number++, ":");
    out.line("          -> Type: ", ref.type);
    if (!ref.schema_url.empty()) out.line("          -> Schema URL: ", ref.schema_url);
    write_keys("ID keys:", ref.id_keys, out);
    write_keys("Description keys:", ref.description_keys, out);
  }
}

void write_scope(std::string_view title, std::uint64_t number, const otlp::ScopeEntry& entry, Writer& out) {
  out.line(title, " #", number);
  out.line(title, " SchemaURL: ", entry.schema_url);
  out.line("InstrumentationScope ", entry.scope.name, ' ', entry.scope.version);
  write_attributes("InstrumentationScope attributes:", entry.scope.attributes, out);
}

void write_events(const otlp::Repeated<otlp::Event>& events, Writer& out) {
  if (events.empty()) return;
  out.line("Events:");
  std::uint64_t number = 0;
  for (const otlp::Event event : events) {
    out.line("SpanEvent #", number++);
    out.line("     -> Name: ", event.name);
    out.line("     -> Timestamp: ", time_text(event.time_unix_nano));
    out.line("     -> DroppedAttributesCount: ", event.dropped_attributes_count);
    write_attributes("     -> Attributes::", event.attributes, out, "     ");
  }
}

void write_links(const otlp::Repeated<otlp::Link>& links, Writer& out) {
  if (links.empty()) return;
  out.line("Links:");
  std::uint64_t number = 0;
  for (const otlp::Link link : links) {
    out.line("SpanLink #", number++);
    out.line("     -> Trace ID: ", id_text(link.trace_id));
    out.line("     -> ID: ", id_text(link.span_id));
    out.line("     -> TraceState: ", link.trace_state);
    out.line("     -> DroppedAttributesCount: ", link.dropped_attributes_count);
    write_attributes("     -> Attributes::", link.attributes, out, "     ");
  }
}

void write_span(std::uint64_t number, const otlp::Span& span, Writer& out) {
  out.line("Span #", number);
  out.line("    Trace ID       : ", id_text(span.trace_id));
  out.line("    Parent ID      : ", id_text(span.parent_span_id));
  out.line("    ID             : ", id_text(span.span_id));
  out.line("    Name           : ", span.name);
  out.line("    Kind           : ", span_kind_name(span.kind));
  if (!span.trace_state.empty()) out.line("    TraceState     : ", span.trace_state);
  out.line("    Start time     : ", time_text(span.start_time_unix_nano));
  out.line("    End time       : ", time_text(span.end_time_unix_nano));
  out.line("    Status code    : ", status_code_name(span.status_code));
  out.line("    Status message : ", span.status_message);
  out.line("    DroppedAttributesCount: ", span.dropped_attributes_count);
  out.line("    DroppedEventsCount: ", span.dropped_events_count);
  out.line("    DroppedLinksCount: ", span.dropped_links_count);
  write_attributes("Attributes:", span.attributes, out);
  write_events(span.events, out);
  write_links(span.links, out);
}

void write_record(std::uint64_t number, const otlp::LogRecord& record, Writer& out) {
  out.line("LogRecord #", number);
  out.line("ObservedTimestamp: ", time_text(record.observed_time_unix_nano));
  out.line("Timestamp: ", time_text(record.time_unix_nano));
  out.line("SeverityText: ", record.severity_text);
  out.line("SeverityNumber: ", severity_name(record.severity_number), '(', record.severity_number, ')');
  if (!record.event_name.empty()) out.line("EventName: ", record.event_name);
  out.line("Body: ", typed_text(record.body));
  write_attributes("Attributes:", record.attributes, out);
  out.line("Trace ID: ", id_text(record.trace_id));
  out.line("Span ID: ", id_text(record.span_id));
  out.line("Flags: ", record.flags);
}

struct Titles {
  std::string_view resource, scope;
};
constexpr Titles titles[] = {
    {"ResourceSpans #", "ScopeSpans"}, {"ResourceMetrics #", "ScopeMetrics"}, {"ResourceLog #", "ScopeLogs"}};

}  // namespace

void write_attributes(std::string_view header, const otlp::Attributes& attributes, Writer& out,
                      std::string_view indent) {
  if (attributes.empty()) return;
  out.line(header);
  for (const otlp::KeyValue attribute : attributes) {
    out.line(indent, "     -> ", attribute.key, ": ", typed_text(attribute.value));
  }
}

void write_detailed(otlp::Signal signal, std::uint64_t number, std::string_view entry, Writer& out) {
  const Titles& title = titles[static_cast<std::size_t>(signal)];
  const otlp::ResourceEntry resource(entry);
  out.line(title.resource, number);
  out.line("Resource SchemaURL: ", resource.schema_url);
  write_attributes("Resource attributes:", resource.resource.attributes, out);
  for (const std::string_view bytes : Texts(entry, otlp::fields::ResourceSpans::resource))
    write_entity_refs(bytes, out);
  std::uint64_t scope_number = 0;
  for (const otlp::ScopeEntry scope : resource.scopes) {
    write_scope(title.scope, scope_number++, scope, out);
    std::uint64_t item = 0;
    switch (signal) {
      case otlp::Signal::traces:
        for (const otlp::Span span : scope.spans) write_span(item++, span, out);
        break;
      case otlp::Signal::metrics:
        for (const otlp::Metric metric : scope.metrics) write_metric(item++, metric, out);
        break;
      case otlp::Signal::logs:
        for (const otlp::LogRecord record : scope.log_records) write_record(item++, record, out);
        break;
    }
  }
}

}  // namespace stint::debug_text
