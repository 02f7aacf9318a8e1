#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""OTLP/JSON through the otlp-tool against the official library: messages written as JSON by the OTLP specification here,
read by us, and compared as protobuf, octet by octet, with what the official library writes.

    python3 tests/otlp/check_json.py [OTLP_TOOL]

Every spelling that the specification allows is used: names in both cases, numbers as numbers and strings, enumerations by
name and number, nulls, spaces, escapes, unknown fields in between.

One line per check, `ok NAME` or `not ok NAME` with what is wrong; ends non-zero when one is not.
"""

import base64
import json
import math
import random

from google.protobuf import unknown_fields
from google.protobuf.descriptor import FieldDescriptor

from check import GOLDEN, check, find_tool, finish, golden_files, record, records, run
import generate
import items

IDS = ("trace_id", "span_id", "parent_span_id")
WIDE = (FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_FIXED64, FieldDescriptor.TYPE_SFIXED64)
DOUBLE = FieldDescriptor.TYPE_DOUBLE
UNKNOWN = [None, True, -1.5e-3, "te\\\"xt", [], {}, [1, [{"spans": [{}]}], "]"], {"a": {"b": [{"c": "}"}]}}]


class Plain:
    """The JSON that the specification shows: camelCase, 64 bits as strings, enumerations as numbers."""

    separators = (",", ":")
    ensure_ascii = False

    def name(self, field):
        return field.json_name

    def scalar(self, field, value):
        if field.type == FieldDescriptor.TYPE_BYTES:
            return value.hex() if field.name in IDS else base64.b64encode(value).decode()
        if field.type == DOUBLE and not math.isfinite(value):
            return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
        return str(value) if field.type in WIDE else value

    def members(self, message):
        return [(self.name(field), self.value(field, value)) for field, value in message.ListFields()]

    def value(self, field, value):
        convert = self.object if field.message_type else lambda one: self.scalar(field, one)
        return [convert(one) for one in value] if field.is_repeated else convert(value)

    def object(self, message):
        return dict(self.members(message))

    def text(self, message):
        return json.dumps(self.object(message), separators=self.separators, ensure_ascii=self.ensure_ascii).encode()


class Loose(Plain):
    """Everything else that is allowed, at random."""

    separators = (" ,\n", "\t: ")
    ensure_ascii = True

    def __init__(self, seed):
        self.random = random.Random(seed)

    def name(self, field):
        return self.random.choice([field.json_name, field.name])

    def scalar(self, field, value):
        if field.type == FieldDescriptor.TYPE_ENUM:
            return self.random.choice([value, field.enum_type.values_by_number[value].name])
        if field.type == FieldDescriptor.TYPE_BYTES and field.name in IDS:
            return self.random.choice([value.hex(), value.hex().upper()])
        if field.type == FieldDescriptor.TYPE_BYTES:
            encode = self.random.choice([base64.b64encode, base64.urlsafe_b64encode])
            return encode(value).decode().rstrip(self.random.choice(["=", ""]))
        if field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BOOL):
            return value
        if field.type == DOUBLE and not math.isfinite(value):
            return super().scalar(field, value)
        if field.type == DOUBLE and value == int(value) and math.copysign(1, value) == 1:
            return self.random.choice([value, int(value), repr(value)])
        return self.random.choice([value, repr(value)])

    def members(self, message):
        members, absent = super().members(message), [field for field in message.DESCRIPTOR.fields if not field.has_presence]
        found = {field.name for field, _ in message.ListFields()}
        members += [(self.name(field), None) for field in absent if field.name not in found]
        members += [(f"unknown{n}", self.random.choice(UNKNOWN)) for n in range(self.random.randrange(2))]
        return self.random.sample(members, len(members))


def decode(tool, signal, texts):
    return records(run(tool, "json", signal, stdin=b"".join(map(record, texts))))


def has_unknown(message):
    inner = [one for field, value in message.ListFields() if field.message_type for one in (value if field.is_repeated else [value])]
    return bool(len(unknown_fields.UnknownFieldSet(message))) or any(map(has_unknown, inner))


def problems(tool, signal, requests, writer, same_octets=False):
    """Of requests of the official library, written by `writer`, read by us."""
    for index, (request, got) in enumerate(zip(requests, decode(tool, signal, map(writer.text, requests)), strict=True)):
        if got.startswith(b"refused: "):
            yield f"request {index}: {got.decode()}"
            continue
        wanted = request.SerializeToString(deterministic=True)
        read = items.decode(signal, got)
        if not same_octets:  # the order of fields is another one
            got = read.SerializeToString(deterministic=True)
        if wanted != got:
            text = items.difference(items.items(signal, request), items.items(signal, read))
            yield f"request {index}: {len(wanted)} octets wanted, {len(got)} got; {text or 'the items are equal'}"


def refusal_problems(tool, cases):
    for signal, text, wanted in cases:
        (got,) = decode(tool, signal, [text])
        if not got.startswith(b"refused: ") or wanted not in got.decode():
            yield f"{text[:60]}: {wanted!r} wanted, {got[:200]} got"


def main():
    tool = find_tool()
    for signal in items.SIGNALS:
        # What JSON cannot carry: unknown fields, and values nested so deep that lengths take four octets.
        names = [name for name, of, numbers in golden_files() if of == signal and numbers[-1] == "0" and "deep" not in name]
        golden = [items.decode(signal, (GOLDEN / f"{name}.bin").read_bytes()) for name in names]
        golden = [request for request in golden if not has_unknown(request)]
        made = [generate.request(signal, f"json {seed}") for seed in range(40)]
        check(f"the specification's JSON, {signal}", problems(tool, signal, golden + made, Plain(), same_octets=True))
        check(f"every other spelling, {signal}", problems(tool, signal, golden + made, Loose(signal)))
    check("refusals", refusal_problems(tool, [
        ("traces", b'{"resourceSpans":[{"scopeSpans":[{"spans":[{},{"traceId":"abc"}]}]}]}',
         "resourceSpans[0].scopeSpans[0].spans[1].traceId: 3 hexadecimal digits, want 32 (byte 57)"),
        ("metrics", b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[{"asInt":1.5}]}}]}]}]}',
         "resourceMetrics[0].scopeMetrics[0].metrics[0].gauge.dataPoints[0].asInt: 1.5 is not a whole number"),
    ]))
    finish()


if __name__ == "__main__":
    main()
