# SPDX-License-Identifier: Apache-2.0
"""Messages of the official library as OTLP/JSON, written here by the OTLP specification: the library's own JSON has ids in
base64, which OTLP/JSON has not.
"""

import base64
import json
import math
import random

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor

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


def _with_ids_in_base64(value):
    if isinstance(value, list):
        return [_with_ids_in_base64(one) for one in value]
    if not isinstance(value, dict):
        return value
    ids = IDS + ("traceId", "spanId", "parentSpanId")
    return {
        name: base64.b64encode(bytes.fromhex(one)).decode() if name in ids and one is not None else _with_ids_in_base64(one)
        for name, one in value.items()
    }


def _once(pairs):
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError(f"a name twice in {[name for name, _ in pairs]}")
    return dict(pairs)


def read(signal, text, ignore_unknown_fields=True):
    """The official library's reading of a request in OTLP/JSON, unknown fields left out or refused, and with them names
    that come twice. Fails: ValueError, json_format.ParseError.
    """
    plain = _with_ids_in_base64(json.loads(text, object_pairs_hook=None if ignore_unknown_fields else _once))
    return json_format.ParseDict(plain, items.REQUESTS[signal](), ignore_unknown_fields=ignore_unknown_fields)


def with_ids_in_hex(value):
    """A document of json_format's writing as OTLP/JSON."""
    if isinstance(value, list):
        return [with_ids_in_hex(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: base64.b64decode(one).hex() if name in ("traceId", "spanId", "parentSpanId") else with_ids_in_hex(one) for name, one in value.items()
    }


def without_unknown(message):
    """The same message with nothing in it that the library does not know."""
    message.DiscardUnknownFields()
    return message
