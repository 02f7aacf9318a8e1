#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""OTLP/JSON out, through the otlp-tool, against the official library: what we write of a request is what the library's
own json_format makes of it, with ids in hexadecimal as OTLP/JSON has them; our own reading of it is the request again.

    python3 tests/otlp/check_to_json.py [OTLP_TOOL]

One line per check, `ok NAME` or `not ok NAME` with what is wrong; ends non-zero when one is not.
"""

import json
import random

from google.protobuf import json_format

from check import GOLDEN, check, find_tool, finish, golden_files, record, records, run
import generate
import items
import otlp_json


def encode(tool, signal, requests, command="to-json"):
    return records(run(tool, command, signal, stdin=b"".join(map(record, requests))))


def expected(request):
    return otlp_json.with_ids_in_hex(json_format.MessageToDict(request, use_integers_for_enums=True))


def mismatch(wanted, got, path=""):
    """The first difference of two documents, or None."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        if wanted.keys() != got.keys():
            return f"{path}: {sorted(wanted)} wanted, {sorted(got)} got"
        pairs = [(f"{path}.{key}", wanted[key], got[key]) for key in wanted]
    elif isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        pairs = [(f"{path}[{index}]", *pair) for index, pair in enumerate(zip(wanted, got))]
    else:
        # A whole double is written as 1, not as 1.0; -0 and 0 are two values.
        return None if wanted == got and str(wanted).startswith("-") == str(got).startswith("-") else f"{path}: {wanted!r} wanted, {got!r} got"
    return next(filter(None, (mismatch(one, other, where) for where, one, other in pairs)), None)


def only_once(pairs):
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError(f"a name twice: {[name for name, _ in pairs]}")
    return dict(pairs)


def read(text):
    return json.loads(text, object_pairs_hook=only_once)


def problems(tool, signal, octets):
    """Of requests as octets that the library reads."""
    texts = encode(tool, signal, octets)
    back = records(run(tool, "json", signal, stdin=b"".join(map(record, texts))))
    for index, (one, text, again) in enumerate(zip(octets, texts, back, strict=True)):
        request = items.decode(signal, one)
        try:
            found = mismatch(expected(request), read(text))
        except ValueError as error:
            found = f"{error}: {text[:200]!r}"
        if found:
            yield f"request {index}: {found}"
        elif otlp_json.without_unknown(items.decode(signal, again)).SerializeToString(deterministic=True) != otlp_json.without_unknown(request).SerializeToString(deterministic=True):
            yield f"request {index}: read back it is another one"


def merge_problems(tool, signal, octets):
    (text,) = encode(tool, signal, octets, "merge-to-json")
    found = mismatch(expected(items.decode(signal, b"".join(octets))), read(text))
    if found:
        yield found


def repair_problems(tool, signal, name):
    for one, other in zip(*(encode(tool, signal, [(GOLDEN / f"{stem}.bin").read_bytes()]) for stem in (name, f"{name}-repaired"))):
        if one != other or one.startswith(b"refused"):
            yield f"{name}: text that is no UTF-8 is not repaired as in protobuf"


def varint(value):
    value &= (1 << 64) - 1
    octets = bytearray()
    while value >= 0x80:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*octets, value])


def delimited(number, octets):
    return varint(number << 3 | 2) + varint(len(octets)) + octets


class Scrambled:
    """Writes messages as no sender does and every reader must take them: fields in any order, arrays in several runs,
    messages in pieces, values that others take the place of."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def one(self, field, value):
        """A message of the kind that `field` is of, with nothing but this value."""
        parent = field.containing_type._concrete_class()
        if field.is_repeated:
            getattr(parent, field.name).extend([value])
        else:
            setattr(parent, field.name, value)
        return parent.SerializeToString()

    def pieces(self, field, value):
        if not field.message_type:
            values = list(value) if field.is_repeated else [value]
            return [self.one(field, one) for one in values]
        if field.is_repeated:
            return [delimited(field.number, self.octets(one)) for one in value]
        parts = self.parts(value)
        cut = self.random.randrange(len(parts) + 1)
        return [delimited(field.number, b"".join(half)) for half in (parts[:cut], parts[cut:])]

    def decoys(self, message, field):
        """What counts no more, once `field` follows."""
        if field.is_repeated or field.message_type and not field.containing_oneof:
            return []
        others = field.containing_oneof.fields if field.containing_oneof else [field]
        found = []
        for other in others:
            if other.message_type:
                found += [delimited(other.number, b"")] if other is not field else []
            else:
                sample = {"string": "decoy", "bytes": b"\x01" * 8, "bool": True, "double": 0.5}
                kind = {9: "string", 12: "bytes", 8: "bool", 1: "double"}.get(other.type)
                found += [self.one(other, sample.get(kind, 1))] if other.name not in otlp_json.IDS else []
        return self.random.sample(found, min(len(found), self.random.randrange(3)))

    def parts(self, message):
        runs = []
        for field, value in message.ListFields():
            runs.append(self.decoys(message, field) + self.pieces(field, value))
        parts = []
        while any(runs):  # any order of the runs, each in its own order
            runs = [run for run in runs if run]
            parts.append(self.random.choice(runs).pop(0))
        return parts

    def octets(self, message):
        return b"".join(self.parts(message))


def limit_problems(tool):
    many = delimited(1, delimited(1, delimited(3, b"") * 3000))
    for text, wanted in zip(encode(tool, "traces", [b"\x0a\x05\x0a", many[:-1], many]), ["malformed", "malformed", "resourceSpans"]):
        if wanted not in text.decode():
            yield f"{wanted} wanted, {text[:80]!r} got"
    pieces = delimited(1, delimited(1, delimited(1, delimited(1, b"k"))) * 3000)
    (text,) = encode(tool, "traces", [pieces])
    if text != b"refused: too many":
        yield f"3,000 pieces: {text[:80]!r}"


def main():
    tool = find_tool()
    for signal in items.SIGNALS:
        valid = [name for name, of, numbers in golden_files() if of == signal and numbers[-1] == "0"]
        golden = [(GOLDEN / f"{name}.bin").read_bytes() for name in valid]
        made = [generate.request(signal, f"to json {seed}") for seed in range(40)]
        octets = [request.SerializeToString() for request in made]
        check(f"requests, {signal}", problems(tool, signal, golden + octets))
        check(f"scrambled requests, {signal}", problems(tool, signal, [Scrambled(f"{signal} {seed}").octets(request) for seed in range(5) for request in made]))
        check(f"merged requests, {signal}", merge_problems(tool, signal, octets))
        check(f"text that is no UTF-8, {signal}", repair_problems(tool, signal, f"{signal}-invalid"))
    check("limits", limit_problems(tool))
    finish()


if __name__ == "__main__":
    main()
