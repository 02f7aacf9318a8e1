#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the requests in tests/golden/debug with the official library (PyPI: opentelemetry-proto). See README.md here.

    python3 tests/golden/debug/generate.py [FOLDER]

The output is the same on every run. The texts beside the requests are not made: they are typed.
"""

import math
import pathlib
import sys

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

NOON = 1_735_732_800_000_000_000  # 2025-01-01 12:00:00 UTC
TRACE = bytes(range(0xA0, 0xB0))
SPAN = bytes(range(0xC0, 0xC8))


def text(attributes, **pairs):
    for key, value in pairs.items():
        attributes.add(key=key).value.string_value = value


def of_every_type(attributes):
    attributes.add(key="word").value.string_value = "two words"
    attributes.add(key="whole").value.int_value = -(2**63)
    attributes.add(key="real").value.double_value = 0.1
    attributes.add(key="yes").value.bool_value = True
    attributes.add(key="no").value.bool_value = False
    attributes.add(key="octets").value.bytes_value = b"\x00\xff~"
    attributes.add(key="list").value.array_value.values.add().int_value = 7
    pairs = attributes.add(key="pairs").value.kvlist_value
    text(pairs.values, k="v")
    attributes.add(key="nothing")


def traces_full():
    request = ExportTraceServiceRequest()
    entry = request.resource_spans.add(schema_url="https://example.com/resource")
    of_every_type(entry.resource.attributes)
    entry.resource.dropped_attributes_count = 9
    scope = entry.scope_spans.add(schema_url="https://example.com/scope")
    scope.scope.name, scope.scope.version = "library", "1.2.3"
    text(scope.scope.attributes, part="one", other="two")
    span = scope.spans.add(trace_id=TRACE, span_id=SPAN, parent_span_id=SPAN[::-1], trace_state="a=1,b=2", name="GET /", kind=2, flags=257)
    span.start_time_unix_nano, span.end_time_unix_nano = NOON + 1, NOON + 500_000_000
    of_every_type(span.attributes)
    span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count = 1, 2, 3
    span.status.code, span.status.message = 2, "it broke"
    event = span.events.add(time_unix_nano=NOON, name="exception", dropped_attributes_count=4)
    text(event.attributes, type="E", message="line one\nline two")
    span.events.add(name="bare")
    link = span.links.add(trace_id=TRACE, span_id=SPAN, trace_state="c=3", dropped_attributes_count=5, flags=256)
    text(link.attributes, why="retry")
    span.links.add()
    for kind in range(7):
        scope.spans.add(name=f"kind {kind}", kind=kind).status.code = kind
    scope = entry.scope_spans.add()
    scope.scope.name = "no version"
    entry.scope_spans.add().scope.version = "no name"
    entry.scope_spans.add(schema_url="neither")
    entry = request.resource_spans.add()
    entry.scope_spans.add().spans.add(trace_id=bytes(16), span_id=bytes(8))
    return request


def traces_second():
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.add(name="of another slice")
    return request


def metrics_full():
    request = ExportMetricsServiceRequest()
    entry = request.resource_metrics.add(schema_url="https://example.com/resource")
    text(entry.resource.attributes, host="h1")
    scope = entry.scope_metrics.add(schema_url="https://example.com/scope")
    scope.scope.name, scope.scope.version = "meter", "0.1"
    text(scope.scope.attributes, part="one")
    add_gauge(scope.metrics.add(name="temperature", description="of the air", unit="Cel"))
    add_sum(scope.metrics.add(name="requests", unit="1"))
    add_histogram(scope.metrics.add(name="duration", unit="s"))
    add_exponential_histogram(scope.metrics.add(name="size", unit="By"))
    add_summary(scope.metrics.add(name="wait"))
    scope.metrics.add(name="of no kind")
    scope.metrics.add(name="without points").gauge.SetInParent()
    request.resource_metrics.add().scope_metrics.add()
    return request


def add_gauge(metric):
    text(metric.metadata, source="roof")
    metric.metadata.add(key="floor").value.int_value = 3
    for value in (21.5, -0.0, 1e21, 1234567.0, 0.00001, math.inf, -math.inf, math.nan):
        point = metric.gauge.data_points.add(time_unix_nano=NOON, as_double=value)
    text(point.attributes, room="a", side="north")
    metric.gauge.data_points.add(start_time_unix_nano=NOON, as_int=-5, flags=1)
    metric.gauge.data_points.add()


def add_exemplar(exemplar, **value):
    exemplar.time_unix_nano, exemplar.trace_id, exemplar.span_id = NOON + 1000, TRACE, SPAN
    for name, number in value.items():
        setattr(exemplar, name, number)


def add_sum(metric):
    metric.sum.is_monotonic, metric.sum.aggregation_temporality = True, 2
    point = metric.sum.data_points.add(start_time_unix_nano=NOON, time_unix_nano=NOON + 10**9, as_int=12)
    text(point.attributes, path="/")
    exemplar = point.exemplars.add()
    add_exemplar(exemplar, as_int=1)
    text(exemplar.filtered_attributes, user="u")
    add_exemplar(point.exemplars.add(), as_double=2.5)
    point.exemplars.add()


def add_histogram(metric):
    metric.histogram.aggregation_temporality = 1
    point = metric.histogram.data_points.add(start_time_unix_nano=NOON, time_unix_nano=NOON, count=6, sum=4.25, min=0.25, max=2.0)
    text(point.attributes, path="/")
    point.explicit_bounds.extend([0.5, 1.0])
    point.bucket_counts.extend([1, 2, 3])
    add_exemplar(point.exemplars.add(), as_double=0.75)
    metric.histogram.data_points.add(count=2**64 - 1)


def add_exponential_histogram(metric):
    metric.exponential_histogram.aggregation_temporality = 3
    point = metric.exponential_histogram.data_points.add(count=9, sum=-1.5, scale=0, zero_count=4, zero_threshold=0.5, min=-4.0, max=8.0)
    text(point.attributes, path="/", kind="both")
    point.negative.offset = -1
    point.negative.bucket_counts.extend([1, 2])
    point.positive.offset = 0
    point.positive.bucket_counts.extend([3])
    add_exemplar(point.exemplars.add(), as_int=8)
    point = metric.exponential_histogram.data_points.add(scale=-1)
    point.positive.offset = 1
    point.positive.bucket_counts.extend([5])


def add_summary(metric):
    point = metric.summary.data_points.add(start_time_unix_nano=NOON, time_unix_nano=NOON, count=3, sum=1.5)
    text(point.attributes, queue="q")
    point.quantile_values.add(quantile=0.5, value=0.25)
    point.quantile_values.add(quantile=0.99, value=1e9)
    metric.summary.data_points.add()


def logs_full():
    request = ExportLogsServiceRequest()
    entry = request.resource_logs.add(schema_url="https://example.com/resource")
    text(entry.resource.attributes, service="shop")
    entity = entry.resource.entity_refs.add(schema_url="https://example.com/entity", type="service", id_keys=["service", "zone"])
    entity.description_keys.append("version")
    entry.resource.entity_refs.add(type="host")
    scope = entry.scope_logs.add(schema_url="https://example.com/scope")
    scope.scope.name, scope.scope.version = "logger", "2"
    text(scope.scope.attributes, part="one")
    record = scope.log_records.add(time_unix_nano=NOON + 120_000_000, observed_time_unix_nano=NOON, severity_text="warning", severity_number=14)
    record.body.string_value, record.event_name, record.flags = "sold out", "shop.stock", 1
    record.trace_id, record.span_id, record.dropped_attributes_count = TRACE, SPAN, 2
    of_every_type(record.attributes)
    scope.log_records.add()
    record = scope.log_records.add(severity_number=25, time_unix_nano=2**64 - 1)
    record.body.string_value = "two\nlines"
    for number in (1, 8, 9, 24):
        scope.log_records.add(severity_number=number)
    request.resource_logs.add()
    return request


def bodies(values):
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    for value in values:
        value(records.add().body)
    return request


def set_pairs(body, *pairs):
    body.kvlist_value.SetInParent()
    for key, kind, value in pairs:
        setattr(body.kvlist_value.values.add(key=key).value, kind, value)


def logs_values():
    numbers = [0.0, -0.0, 1e-6, 9.5e-7, 1e20, 1e21, 123456789.125, 5e-324, math.pi, math.nan, math.inf, -math.inf]
    nested = [lambda body, number=number: setattr(body, "double_value", number) for number in numbers]
    nested += [
        lambda body: set_pairs(body),
        lambda body: set_pairs(body, ("b", "int_value", 1), ("a", "bool_value", False), ("b", "int_value", 2), ("", "string_value", "")),
        lambda body: set_pairs(body, ("number", "double_value", 1e-7), ("large", "double_value", 1e21), ("octets", "bytes_value", b"abc"), ("none", "bytes_value", b"")),
        lambda body: set_pairs(body, ("fine", "int_value", 1), ("not a number", "double_value", math.nan)),
        lambda body: set_pairs(body, ("<&>", "string_value", "\"\\/\b\f\n\r\t\x01\x7f <&> äöü 🐦 \u2028\u2029")),
        lambda body: body.array_value.SetInParent(),
        lambda body: setattr(body, "bytes_value", b""),
        lambda body: setattr(body, "string_value", ""),
        lambda body: setattr(body, "int_value", 2**63 - 1),
        fill_list,
    ]
    return bodies(nested)


def fill_list(body):
    body.array_value.values.add().string_value = "x"
    body.array_value.values.add()
    inner = body.array_value.values.add().array_value
    inner.values.add().kvlist_value.values.add(key="deep").value.bool_value = True
    inner.values.add().kvlist_value.SetInParent()


REQUESTS = {
    "traces-full": traces_full,
    "traces-second": traces_second,
    "traces-empty": ExportTraceServiceRequest,
    "metrics-full": metrics_full,
    "logs-full": logs_full,
    "logs-values": logs_values,
}


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in REQUESTS.items():
        (folder / f"{name}.bin").write_bytes(make().SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
