# SPDX-License-Identifier: Apache-2.0
"""Protobuf made by hand, byte by byte, because the official library refuses to write what is wrong."""


def varint(number):
    result = b""
    while number > 0x7F:
        result += bytes([number & 0x7F | 0x80])
        number >>= 7
    return result + bytes([number])


def _field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def _span(data):
    return _field(1, _field(2, _field(2, data)))


def _record(data):
    return _field(1, _field(2, _field(2, data)))


def nested(levels):
    """A log record whose body holds that many lists inside each other."""
    sizes = [0]
    for _ in range(levels):
        inner = 1 + len(varint(sizes[-1])) + sizes[-1]
        sizes.append(1 + len(varint(inner)) + inner)
    body = b"".join(
        b"\x2a" + varint(1 + len(varint(inner)) + inner) + b"\x0a" + varint(inner) for inner in reversed(sizes[:-1])
    )
    return _record(_field(5, body))


MALFORMED = {
    "one byte": b"\x0a",
    "length beyond the end": b"\x0a\x05\x00",
    "length of ten bytes": b"\x0a" + b"\xff" * 9 + b"\x01",
    "varint without an end": b"\x08" + b"\xff" * 11,
    "field number zero": b"\x02\x00",
    "wire type 7": b"\x0f\x00",
    "group": b"\x0b\x0c",
    "wrong wire type of the list": b"\x08\x01",
    "span instead of a resource group, cut": _span(b"\x0a\x10abc")[:-1],
    "inner length beyond the outer": _field(1, b"\x12\x7f\x00"),
    "cut fixed64 in a span": _span(b"\x39\x01\x02\x03"),
    "cut string in an attribute": _span(_field(9, b"\x0a\x09ab")),
    "cut value of an attribute": _span(_field(9, _field(1, b"k") + _field(2, b"\x19\x00"))),
    "trace id of 15 bytes": _span(_field(1, b"x" * 15)),
    "trace id of 17 bytes": _span(_field(1, b"x" * 17)),
    "span id of 7 bytes": _span(_field(2, b"x" * 7)),
    "parent of 16 bytes": _span(_field(4, b"x" * 16)),
    "text": b"this is not protobuf",
    "json": b'{"resourceSpans":[]}',
}
