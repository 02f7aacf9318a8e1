#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""proto/otlp.fields against the official descriptors, both ways: nothing missing, nothing different, nothing extra.

    python3 tests/otlp/check_descriptors.py

Needs opentelemetry-proto and googleapis-common-protos. That a difference is seen is itself checked, on a changed copy of the statement.

One line per check, `ok NAME` or `not ok NAME` with what is wrong; ends non-zero when one is not.
"""

import importlib.machinery
import importlib.util
import re

from google.protobuf import any_pb2, duration_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from check import ROOT, check, finish

WHOLE_FILES = [
    common_pb2, resource_pb2, trace_pb2, metrics_pb2, logs_pb2, trace_service_pb2, metrics_service_pb2, logs_service_pb2, any_pb2, duration_pb2, status_pb2,
]
ID_LENGTHS = {"trace_id": 16, "span_id": 8, "parent_span_id": 8}
TYPE_NAMES = {getattr(FieldDescriptor, name): name[5:].lower() for name in dir(FieldDescriptor) if name.startswith("TYPE_")}


def load_generator():
    loader = importlib.machinery.SourceFileLoader("generate_fields", str(ROOT / "tools/generate-fields"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("generate_fields", loader))
    loader.exec_module(module)
    return module


def with_nested(message):
    yield message
    for inner in message.nested_types:
        yield from with_nested(inner)


def official():
    """(messages, enums) of the descriptors, by full name."""
    messages = [m for file in WHOLE_FILES for top in file.DESCRIPTOR.message_types_by_name.values() for m in with_nested(top)]
    messages.append(error_details_pb2.RetryInfo.DESCRIPTOR)
    enums = [e for file in WHOLE_FILES for e in file.DESCRIPTOR.enum_types_by_name.values()]
    enums += [e for m in messages for e in m.enum_types]
    return {m.full_name: m for m in messages}, {e.full_name: e for e in enums}


def official_field(field):
    oneof = field.containing_oneof.name if field.containing_oneof else ""
    optional = oneof == f"_{field.name}"
    kind = TYPE_NAMES[field.type]
    refers_to = field.message_type or field.enum_type
    return {
        "number": field.number,
        "name": field.name,
        "type": kind,
        "refers_to": refers_to.full_name if refers_to else "",
        "length": ID_LENGTHS.get(field.name, 0) if kind == "bytes" else 0,
        "repeated": field.is_repeated,
        "packed": field.is_packed,
        "oneof": "" if optional else oneof,
        "optional": optional,
    }


def stated_field(generator, field, full_names):
    return {
        "number": field.number,
        "name": field.name,
        "type": field.type,
        "refers_to": full_names[field.refers_to] if field.refers_to else "",
        "length": field.length,
        "repeated": field.repeated,
        "packed": field.repeated and field.type in generator.SCALARS,
        "oneof": field.oneof,
        "optional": field.optional,
    }


def compare(what, stated, wanted):
    """Lines for what differs between two dictionaries."""
    for key in sorted(set(stated) | set(wanted), key=str):
        if key not in stated:
            yield f"{what}: {key} is missing from the statement"
        elif key not in wanted:
            yield f"{what}: {key} is not in the official descriptors"
        elif stated[key] != wanted[key]:
            yield f"{what}: {key} is stated as {stated[key]}, officially {wanted[key]}"


def differences(generator, text):
    messages, enums = generator.parse(text)
    full_names = {one.name: one.full_name for one in messages + enums}
    official_messages, official_enums = official()
    found = list(compare("messages", {m.full_name: 1 for m in messages}, dict.fromkeys(official_messages, 1)))
    found += compare("enums", {e.full_name: 1 for e in enums}, dict.fromkeys(official_enums, 1))
    for message in messages:
        wanted = official_messages.get(message.full_name)
        if wanted:
            stated = {field.number: stated_field(generator, field, full_names) for field in message.fields}
            found += compare(message.full_name, stated, {field.number: official_field(field) for field in wanted.fields})
    for enum in enums:
        wanted = official_enums.get(enum.full_name)
        if wanted:
            found += compare(enum.full_name, dict(enum.values), {value.number: value.name for value in wanted.values})
    return found


CHANGES = {
    "a field left out": (r"\n +5 name string", ""),
    "a field too many": (r"(\n +5 name string)", r"\1\n  99 extra string"),
    "another number": (r"\n +5 name string", "\n  6 name string\n"),
    "string for bytes": (r"bytes_value bytes", "bytes_value string"),
    "another id length": (r"trace_id bytes 16", "trace_id bytes 8"),
    "fixed64 for sfixed64": (r"as_int sfixed64", "as_int fixed64"),
    "a repeated field made single": (r"repeated Span\b", "Span"),
    "another enumeration value": (r"2 SPAN_KIND_SERVER", "7 SPAN_KIND_SERVER"),
    "another name": (r"schema_url", "schemaurl"),
    "a oneof left out": (r" of data", ""),
}


def main():
    generator = load_generator()
    text = (ROOT / "proto/otlp.fields").read_text(encoding="utf-8")
    check("proto/otlp.fields is what the official descriptors say", differences(generator, text))
    for name, (pattern, replacement) in CHANGES.items():
        changed = re.sub(pattern, replacement, text, count=1)
        try:
            seen = changed != text and bool(differences(generator, changed))
        except SystemExit:
            seen = True  # the statement contradicts itself
        check(f"the comparison sees {name}", [] if seen else ["it did not"])
    finish()


if __name__ == "__main__":
    main()
