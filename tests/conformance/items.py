# SPDX-License-Identifier: Apache-2.0
"""Canonical items: one per span, data point and log record of decoded OTLP requests.

Each item carries its whole parentage (resource, scope, metric) and every field, unknown ones included, as canonical
JSON text. Two collections are equal when they are equal as multisets, however the requests were cut. Nothing is
normalised: times, order of attributes, absent against empty all count, because a collector that passes data through
may change none of them.
"""

import collections
import json
import math

from google.protobuf import unknown_fields
from google.protobuf.descriptor import FieldDescriptor
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

SIGNALS = ("traces", "metrics", "logs")
REQUESTS = {
    "traces": trace_service_pb2.ExportTraceServiceRequest,
    "metrics": metrics_service_pb2.ExportMetricsServiceRequest,
    "logs": logs_service_pb2.ExportLogsServiceRequest,
}
RESPONSES = {
    "traces": trace_service_pb2.ExportTraceServiceResponse,
    "metrics": metrics_service_pb2.ExportMetricsServiceResponse,
    "logs": logs_service_pb2.ExportLogsServiceResponse,
}
_REJECTED = {"traces": "rejected_spans", "metrics": "rejected_data_points", "logs": "rejected_log_records"}
_ID_LENGTHS = {"trace_id": (0, 16), "span_id": (0, 8), "parent_span_id": (0, 8)}


def decode(signal, body):
    """The request in `body`. Fails: DecodeError for anything malformed, invalid UTF-8 included."""
    return REQUESTS[signal].FromString(body)


def response(signal, rejected=0, message=""):
    """The answer to such a request: of partial success when it says anything."""
    result = RESPONSES[signal]()
    if rejected or message:
        setattr(result.partial_success, _REJECTED[signal], rejected)
        result.partial_success.error_message = message
    return result


def _scalar(field, value):
    if field.type == FieldDescriptor.TYPE_BYTES:
        return value.hex()
    if field.type in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT) and not math.isfinite(value):
        return str(value)
    return value


def _is_repeated(field):
    return field.is_repeated


def canonical(message, leave_out=()):
    """A message as plain data: only fields that are present, bytes as hex, unknown fields under `?`. The names in
    `leave_out` are skipped.
    """
    result = {}
    for field, value in message.ListFields():
        if field.name in leave_out:
            continue
        convert = canonical if field.message_type else (lambda one, field=field: _scalar(field, one))
        result[field.name] = [convert(one) for one in value] if _is_repeated(field) else convert(value)
    unknown = [[u.field_number, u.wire_type, repr(u.data)] for u in unknown_fields.UnknownFieldSet(message)]
    if unknown:
        result["?"] = unknown
    return result


def _text(item):
    return json.dumps(item, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _parentage(signal, group, inner):
    """The (resource, scope) pair shared by every item of `inner`, with both schema URLs."""
    return {
        "signal": signal,
        "resource": canonical(group, leave_out=("scope_spans", "scope_metrics", "scope_logs")),
        "scope": canonical(inner, leave_out=("spans", "metrics", "log_records")),
    }


def _metric_items(parentage, metric):
    kind = metric.WhichOneof("data")
    data = getattr(metric, kind) if kind else None
    identity = canonical(metric, leave_out=(kind,) if kind else ())
    identity["kind"] = kind
    if data is not None:
        identity.update(canonical(data, leave_out=("data_points",)))
    for point in data.data_points if data is not None else ():
        yield _text({**parentage, "metric": identity, "point": canonical(point)})


def items(signal, request):
    """Canonical JSON texts, one per span, data point or log record of the decoded `request`, in its order."""
    result = []
    for group in getattr(
        request, {"traces": "resource_spans", "metrics": "resource_metrics", "logs": "resource_logs"}[signal]
    ):
        for inner in getattr(
            group, {"traces": "scope_spans", "metrics": "scope_metrics", "logs": "scope_logs"}[signal]
        ):
            parentage = _parentage(signal, group, inner)
            if signal == "metrics":
                for metric in inner.metrics:
                    result.extend(_metric_items(parentage, metric))
            else:
                name, records = ("span", inner.spans) if signal == "traces" else ("record", inner.log_records)
                result.extend(_text({**parentage, name: canonical(one)}) for one in records)
    return result


def wrong_ids(message):
    """Paths of trace and span ids whose length the specification does not allow."""
    found = []
    for field, value in message.ListFields():
        if field.name in _ID_LENGTHS and field.type == FieldDescriptor.TYPE_BYTES:
            if len(value) not in _ID_LENGTHS[field.name]:
                found.append(f"{field.full_name} has {len(value)} bytes")
        elif field.message_type:
            for one in value if _is_repeated(field) else (value,):
                found.extend(wrong_ids(one))
    return found


def has_unknown_fields(message):
    """Whether `message`, or any message inside it, holds a field that the official descriptors do not know."""
    if len(unknown_fields.UnknownFieldSet(message)):
        return True
    for field, value in message.ListFields():
        if field.message_type:
            for one in value if _is_repeated(field) else (value,):
                if has_unknown_fields(one):
                    return True
    return False


def _flat(value, path=""):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _flat(inner, f"{path}[{index}]")
    else:
        yield path, value


def _nearest(item, candidates):
    """The candidate that shares most leaves with `item`."""
    leaves = set(map(repr, _flat(json.loads(item))))
    return max(candidates, key=lambda other: len(leaves & set(map(repr, _flat(json.loads(other))))), default=None)


def _changes(expected, actual):
    left, right = dict(_flat(json.loads(expected))), dict(_flat(json.loads(actual)))
    absent = "(absent)"
    for path in sorted(set(left) | set(right)):
        if repr(left.get(path, absent)) != repr(right.get(path, absent)):
            yield f"    {path}: expected {left.get(path, absent)!r}, got {right.get(path, absent)!r}"


def difference(expected, actual, shown=5):
    """What makes the two collections differ as multisets, as readable lines; an empty string when they are equal."""
    expected, actual = collections.Counter(expected), collections.Counter(actual)
    missing, surplus = list((expected - actual).elements()), list((actual - expected).elements())
    if not missing and not surplus:
        return ""
    lines = [
        f"{len(missing)} items missing, {len(surplus)} unexpected ({expected.total()} expected, {actual.total()} got)"
    ]
    rest = list(surplus)
    for item in missing[:shown]:
        partner = _nearest(item, rest)
        if partner is None:
            lines.append(f"  missing: {item}")
            continue
        rest.remove(partner)
        lines.append(f"  changed: {item[:300]}")
        lines.extend(_changes(item, partner))
    lines.extend(f"  unexpected: {item}" for item in rest[:shown])
    return "\n".join(lines)


def assert_equal(expected, actual):
    """Fails: AssertionError with the difference, item by item."""
    text = difference(expected, actual)
    assert not text, text
