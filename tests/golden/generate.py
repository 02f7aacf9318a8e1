#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the golden OTLP requests in tests/golden/otlp with the official library (PyPI: opentelemetry-proto). See README.md here.

    python3 tests/golden/generate.py [FOLDER]

The output is the same on every run.
"""

import pathlib
import sys

from google.protobuf.descriptor import FieldDescriptor
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

START = 1_700_000_000_000_000_000
MARK = "@INVALID@"
BAD = b"a\xf0\x9f\x90b\xe2\x82\xc3\xff"  # as long as MARK; a cut character, and bytes that begin none
assert len(BAD) == len(MARK)
UNKNOWN = bytes.fromhex("f80701" "fa070568656c6c6f" "f9070102030405060708" "fd0701020304")  # field 127 in each wire type


def fill_attributes(attributes, number):
    attributes.add(key="string").value.string_value = f"value {number} äöü 漢字 🐦"
    attributes.add(key="boolean").value.bool_value = number % 2 == 0
    attributes.add(key="integer").value.int_value = -number
    attributes.add(key="double").value.double_value = number / 3
    attributes.add(key="bytes").value.bytes_value = bytes(range(250, 256))
    array = attributes.add(key="array").value.array_value
    array.values.add().string_value = "first"
    array.values.add().int_value = 2
    array.values.add()
    pairs = attributes.add(key="map").value.kvlist_value
    pairs.values.add(key="inner").value.array_value.values.add().kvlist_value.values.add(key="innermost").value.bool_value = True
    attributes.add(key="no value")


def fill_resource(entry, number):
    fill_attributes(entry.resource.attributes, number)
    entry.resource.dropped_attributes_count = number
    entry.resource.entity_refs.add(schema_url="https://example.org/entity", type="service", id_keys=["string"], description_keys=["double", "map"])
    entry.schema_url = f"https://example.org/resource/{number}"


def fill_scope(entry, number):
    entry.scope.name, entry.scope.version = f"scope {number}", f"{number}.0"
    fill_attributes(entry.scope.attributes, number)
    entry.scope.dropped_attributes_count = number + 1
    entry.schema_url = f"https://example.org/scope/{number}"


def ids(number):
    return {"trace_id": number.to_bytes(16, "big"), "span_id": (number + 1).to_bytes(8, "big")}


def fill_span(span, number):
    span.trace_state, span.parent_span_id, span.flags = "vendor=state", number.to_bytes(8, "little"), 0x101
    span.name, span.kind = f"span {number}", number % 6
    span.start_time_unix_nano, span.end_time_unix_nano = START + number, START + 2 * number
    fill_attributes(span.attributes, number)
    event = span.events.add(time_unix_nano=START + number, name="event", dropped_attributes_count=1)
    fill_attributes(event.attributes, number)
    link = span.links.add(trace_state="a=b", flags=0x300, dropped_attributes_count=2, **ids(number + 7))
    fill_attributes(link.attributes, number)
    span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count = 1, 2, 3
    span.status.code, span.status.message = number % 3, "as it went"


def fill_record(record, number):
    record.time_unix_nano, record.observed_time_unix_nano = START + number, START + number + 1
    record.severity_number, record.severity_text = 1 + number % 24, "WARN"
    record.body.string_value = f"record {number}"
    fill_attributes(record.attributes, number)
    record.dropped_attributes_count, record.flags, record.event_name = 3, 1, "event.name"


def fill_exemplar(exemplar, number):
    exemplar.time_unix_nano = START + number
    exemplar.trace_id, exemplar.span_id = ids(number)["trace_id"], ids(number)["span_id"]
    if number % 2:
        exemplar.as_int = number
    else:
        exemplar.as_double = number / 7
    fill_attributes(exemplar.filtered_attributes, number)


def fill_metric(metric, kind, points):
    metric.name, metric.description, metric.unit = f"metric.{kind}", "what it is", "By"
    fill_attributes(metric.metadata, points)
    data = getattr(metric, kind)
    data.SetInParent()
    if hasattr(data, "aggregation_temporality"):
        data.aggregation_temporality = 1 + points % 2
    if kind == "sum":
        data.is_monotonic = True
    for number in range(points):
        point = data.data_points.add(start_time_unix_nano=START, time_unix_nano=START + number, flags=number % 2)
        fill_attributes(point.attributes, number)
        fill_point(kind, point, number)


def fill_point(kind, point, number):
    if kind in ("gauge", "sum"):
        if number % 2:
            point.as_int = -number
        else:
            point.as_double = number / 9
    else:
        point.count, point.sum = number, number * 1.5
    if kind == "histogram":
        point.bucket_counts.extend([number, 0, 2**40])
        point.explicit_bounds.extend([0.5, 10.0])
    if kind == "exponential_histogram":
        point.scale, point.zero_count, point.zero_threshold = -number, number, 1e-9
        point.positive.offset = -3
        point.positive.bucket_counts.extend([1, 300, 2**50])
        point.negative.bucket_counts.extend([])
    if kind in ("histogram", "exponential_histogram"):
        point.min, point.max = -1.0, float(number)
    if kind == "summary":
        point.quantile_values.add(quantile=0.5, value=number)
        point.quantile_values.add(quantile=0.99, value=number * 2.0)
    else:
        fill_exemplar(point.exemplars.add(), number)


KINDS = ["gauge", "sum", "histogram", "exponential_histogram", "summary"]


def traces(resources, scopes, spans):
    request = ExportTraceServiceRequest()
    for r in range(resources):
        entry = request.resource_spans.add()
        fill_resource(entry, r)
        for s in range(scopes):
            scope = entry.scope_spans.add()
            fill_scope(scope, s)
            for n in range(spans):
                fill_span(scope.spans.add(**ids(100 * r + 10 * s + n)), n)
    return request


def metrics(resources, scopes, points):
    request = ExportMetricsServiceRequest()
    for r in range(resources):
        entry = request.resource_metrics.add()
        fill_resource(entry, r)
        for s in range(scopes):
            scope = entry.scope_metrics.add()
            fill_scope(scope, s)
            for kind in KINDS:
                fill_metric(scope.metrics.add(), kind, points)
    return request


def logs(resources, scopes, records):
    request = ExportLogsServiceRequest()
    for r in range(resources):
        entry = request.resource_logs.add()
        fill_resource(entry, r)
        for s in range(scopes):
            scope = entry.scope_logs.add()
            fill_scope(scope, s)
            for n in range(records):
                fill_record(scope.log_records.add(**ids(100 * r + 10 * s + n)), n)
    return request


def small(attributes, number):
    attributes.add(key="number").value.int_value = number


def many():
    """Requests of uneven shape with small items, to be split."""
    trace, metric, log = ExportTraceServiceRequest(), ExportMetricsServiceRequest(), ExportLogsServiceRequest()
    for r, shape in enumerate([(1,), (7, 0, 3), (), (40, 2), (1, 1, 1), (25,)]):
        entries = [trace.resource_spans.add(), metric.resource_metrics.add(), log.resource_logs.add()]
        for entry in entries:
            small(entry.resource.attributes, r)
            entry.schema_url = f"r{r}"
        for s, count in enumerate(shape):
            scopes = [entries[0].scope_spans.add(), entries[1].scope_metrics.add(), entries[2].scope_logs.add()]
            for scope in scopes:
                scope.scope.name, scope.schema_url = f"s{s}", f"url{s}"
            for n in range(count):
                small(scopes[0].spans.add(name=f"span {n}", **ids(n)).attributes, n)
                small(scopes[2].log_records.add(time_unix_nano=START + n).attributes, n)
            for kind in KINDS[: count % 6]:
                one = scopes[1].metrics.add(name=f"{kind} {count}", unit="1", description="d")
                small(one.metadata, s)
                data = getattr(one, kind)
                data.SetInParent()
                if hasattr(data, "aggregation_temporality"):
                    data.aggregation_temporality = 2
                for n in range(count):
                    small(data.data_points.add(time_unix_nano=START + n).attributes, n)
    return trace, metric, log


def empty_parents():
    trace, metric, log = ExportTraceServiceRequest(), ExportMetricsServiceRequest(), ExportLogsServiceRequest()
    for request, name, inner, item in (
        (trace, "resource_spans", "scope_spans", "spans"),
        (metric, "resource_metrics", "scope_metrics", "metrics"),
        (log, "resource_logs", "scope_logs", "log_records"),
    ):
        entries = getattr(request, name)
        entries.add()
        entries.add().resource.SetInParent()
        getattr(entries.add(), inner).add().scope.SetInParent()
        getattr(getattr(entries.add(schema_url="last"), inner).add(), item).add()
    for kind in KINDS:
        getattr(metric.resource_metrics[3].scope_metrics[0].metrics.add(), kind).SetInParent()
    metric.resource_metrics[3].scope_metrics[0].metrics.add().gauge.data_points.add()
    log.resource_logs[3].scope_logs[0].log_records.add().body.SetInParent()
    return trace, metric, log


def with_unknown(message):
    """Adds unknown fields to `message` and to every message in it."""
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for one in value if field.is_repeated else [value]:
                with_unknown(one)
    message.MergeFromString(UNKNOWN)
    return message


def deep(request, levels):
    """A log body of `levels` values inside each other, arrays and maps in turn, MARK at the bottom."""
    value = request.resource_logs.add().scope_logs.add().log_records.add().body
    for level in range(levels - 1):
        value = value.kvlist_value.values.add(key=f"level {level}").value if level % 2 else value.array_value.values.add()
    value.string_value = f"bottom {MARK}"
    return request


def replace_mark(message, text):
    """MARK replaced in every string of `message`."""
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for one in value if field.is_repeated else [value]:
                replace_mark(one, text)
        elif field.type == FieldDescriptor.TYPE_STRING:
            if field.is_repeated:
                value[:] = [one.replace(MARK, text) for one in value]
            else:
                setattr(message, field.name, value.replace(MARK, text))


def mark(message, text):
    """Every string of `message` gets `text` at its end; the number of strings."""
    count = 0
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            count += sum(mark(one, text) for one in (value if field.is_repeated else [value]))
        elif field.type == FieldDescriptor.TYPE_STRING:
            if field.is_repeated:
                value[:] = [one + text for one in value]
                count += len(value)
            else:
                setattr(message, field.name, value + text)
                count += 1
    return count


def unpacked_histogram():
    """A histogram whose bucket_counts come one by one, in two runs, and one whose exponential buckets do; by hand."""

    def field(number, payload):
        assert len(payload) < 128
        return bytes([number << 3 | 2, len(payload)]) + payload

    counts = b"".join(bytes([6 << 3 | 1, n, 0, 0, 0, 0, 0, 0, 0]) for n in (1, 2))
    point = counts + field(7, bytes(8)) + field(6, bytes([3]) + bytes(7))
    buckets = bytes([2 << 3, 5]) + field(2, b"\x06\xac\x02") + bytes([2 << 3, 7])
    exponential = field(8, buckets)
    metric = field(9, field(1, point)) , field(10, field(1, exponential))
    return field(1, field(2, b"".join(field(2, one) for one in metric)))


SHAPE = {
    "traces": ("resource_spans", "scope_spans"),
    "metrics": ("resource_metrics", "scope_metrics"),
    "logs": ("resource_logs", "scope_logs"),
}


def counts(signal, request):
    """resources scopes metrics items"""
    outer, inner = SHAPE[signal]
    scopes = [scope for entry in getattr(request, outer) for scope in getattr(entry, inner)]
    found = [metric for scope in scopes for metric in getattr(scope, "metrics", [])]
    if signal == "metrics":
        items = sum(len(getattr(m, m.WhichOneof("data")).data_points) for m in found if m.WhichOneof("data"))
    else:
        items = sum(len(scope.spans if signal == "traces" else scope.log_records) for scope in scopes)
    return len(getattr(request, outer)), len(scopes), len(found), items


class Folder:
    def __init__(self, path):
        self.path = path
        self.lines = ["# name signal resources scopes metrics items invalid_utf8"]

    def write(self, name, signal, request, invalid=0):
        """`request` as `name`; with `invalid` strings holding MARK, that many invalid ones, and `name`-repaired beside it."""
        body = request.SerializeToString(deterministic=True) if hasattr(request, "SerializeToString") else request
        if not hasattr(request, "SerializeToString"):
            request = REQUESTS[signal].FromString(body)
        self.add(name, signal, body.replace(MARK.encode(), BAD), counts(signal, request), invalid)
        if invalid:
            replace_mark(request, BAD.decode("utf-8", errors="replace"))
            self.add(name + "-repaired", signal, request.SerializeToString(deterministic=True), counts(signal, request), 0)

    def add(self, name, signal, body, found, invalid):
        (self.path / f"{name}.bin").write_bytes(body)
        self.lines.append(" ".join(map(str, [name, signal, *found, invalid])))


REQUESTS = {"traces": ExportTraceServiceRequest, "metrics": ExportMetricsServiceRequest, "logs": ExportLogsServiceRequest}


def main(path):
    path.mkdir(parents=True, exist_ok=True)
    folder = Folder(path)
    make = {"traces": traces, "metrics": metrics, "logs": logs}
    for signal, empties, items in zip(make, empty_parents(), many()):
        folder.write(f"{signal}-full", signal, make[signal](2, 2, 2))
        folder.write(f"{signal}-empty", signal, empties)
        folder.write(f"{signal}-many", signal, items)
        folder.write(f"{signal}-unknown", signal, with_unknown(make[signal](2, 1, 2)))
        bad = make[signal](1, 1, 1)
        folder.write(f"{signal}-invalid", signal, bad, invalid=mark(bad, MARK))
    folder.write("metrics-unpacked", "metrics", unpacked_histogram())
    folder.write("logs-deep", "logs", deep(ExportLogsServiceRequest(), 36), invalid=1)
    (path / "expected.txt").write_text("\n".join(folder.lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "otlp")
