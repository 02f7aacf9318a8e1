# SPDX-License-Identifier: Apache-2.0
"""Random OTLP requests made from the official descriptors: every field that exists gets a value in some request.

The same seed gives the same request. Values are valid (UTF-8 of every plane, ids of the right length, values nested
at most four deep), so that whatever goes in has to come out.
"""

import random

from google.protobuf.descriptor import FieldDescriptor

import items

_ALPHABET = ["a", "Z", "0", " ", "\t", '"', "\\", "\x01", "\u00e9", "\u0416", "\u6f22", "\uffff", "\U0001f426"]
_EDGES = {
    FieldDescriptor.TYPE_INT64: [0, 1, -1, 2**63 - 1, -(2**63)],
    FieldDescriptor.TYPE_SFIXED64: [0, 1, -1, 2**63 - 1, -(2**63)],
    FieldDescriptor.TYPE_SINT32: [0, 1, -1, 2**31 - 1, -(2**31)],
    FieldDescriptor.TYPE_INT32: [0, 1, -1, 2**31 - 1, -(2**31)],
    FieldDescriptor.TYPE_UINT32: [0, 1, 2**32 - 1],
    FieldDescriptor.TYPE_FIXED32: [0, 1, 0x101, 2**32 - 1],
    FieldDescriptor.TYPE_UINT64: [0, 1, 2**64 - 1],
    FieldDescriptor.TYPE_FIXED64: [0, 1, 2**64 - 1],
    FieldDescriptor.TYPE_DOUBLE: [0.0, -0.0, 1.5, -1e308, 5e-324, float("inf"), float("nan")],
    FieldDescriptor.TYPE_BOOL: [False, True],
}
_ID_LENGTHS = {"trace_id": 16, "span_id": 8, "parent_span_id": 8}


class _Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def scalar(self, field):
        if field.type == FieldDescriptor.TYPE_STRING:
            return "".join(self.random.choices(_ALPHABET, k=self.random.randrange(12)))
        if field.type == FieldDescriptor.TYPE_BYTES:
            length = _ID_LENGTHS.get(field.name)
            return self.random.randbytes(self.random.randrange(9) if length is None else length)
        if field.type == FieldDescriptor.TYPE_ENUM:
            return self.random.choice([value.number for value in field.enum_type.values])
        return self.random.choice(_EDGES[field.type])

    def wanted(self, message, depth):
        """The fields to fill: at most one of each oneof, nested values only while they are shallow."""
        fields, chosen = [], {}
        for field in message.DESCRIPTOR.fields:
            if depth > 4 and field.message_type and field.message_type.name in ("ArrayValue", "KeyValueList"):
                continue
            if field.containing_oneof:
                chosen.setdefault(field.containing_oneof.name, []).append(field)
            elif self.random.random() < 0.8 or field.name in ("resource_spans", "resource_metrics", "resource_logs"):
                fields.append(field)
        return fields + [self.random.choice(one_of) for one_of in chosen.values()]

    def fill(self, message, depth=0):
        inside_value = message.DESCRIPTOR.name in ("AnyValue", "KeyValue")
        for field in self.wanted(message, depth):
            if field.is_repeated:
                for _ in range(self.random.randrange(1, 4)):
                    if field.message_type:
                        self.fill(getattr(message, field.name).add(), depth + inside_value)
                    else:
                        getattr(message, field.name).append(self.scalar(field))
            elif field.message_type:
                getattr(message, field.name).SetInParent()
                self.fill(getattr(message, field.name), depth + inside_value)
            else:
                setattr(message, field.name, self.scalar(field))
        return message


def request(signal, seed):
    """A request of the signal with at least one item, mostly with a dozen."""
    generator = _Generator(f"{signal} {seed}")
    while not items.items(signal, result := generator.fill(items.REQUESTS[signal]())):
        pass
    return result
