#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""OTLP/JSON through the otlp-tool against the official library: messages written as JSON by the OTLP specification here,
read by us, and compared as protobuf, octet by octet, with what the official library writes.

    python3 tests/otlp/check_json.py [OTLP_TOOL]

Documents in the words of SDKs (tests/golden/json) are read by both. Every spelling that the specification allows is used: names in both cases, numbers as numbers and strings, enumerations by
name and number, nulls, spaces, escapes, unknown fields in between.

One line per check, `ok NAME` or `not ok NAME` with what is wrong; ends non-zero when one is not.
"""

from google.protobuf import unknown_fields

from check import GOLDEN, check, find_tool, finish, golden_files, record, records, run
import generate
import items
import otlp_json
from otlp_json import Loose, Plain

DOCUMENTS = GOLDEN.parent / "json"

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


def document_problems(tool, path):
    """Of a document that stands in tests/golden/json, read by the official library and by us."""
    signal = path.stem.split("-")[0]
    text = path.read_bytes()
    wanted = otlp_json.read(signal, text)
    (got,) = decode(tool, signal, [text])
    if got.startswith(b"refused: "):
        yield got.decode()
    elif items.decode(signal, got) != wanted or not items.items(signal, wanted):
        yield items.difference(items.items(signal, wanted), items.items(signal, items.decode(signal, got))) or "other messages"


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
    for path in sorted(DOCUMENTS.glob("*.json")):
        check(f"the document {path.stem}", document_problems(tool, path))
    check("refusals", refusal_problems(tool, [
        ("traces", b'{"resourceSpans":[{"scopeSpans":[{"spans":[{},{"traceId":"abc"}]}]}]}',
         "resourceSpans[0].scopeSpans[0].spans[1].traceId: 3 hexadecimal digits, want 32 (byte 57)"),
        ("metrics", b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[{"asInt":1.5}]}}]}]}]}',
         "resourceMetrics[0].scopeMetrics[0].metrics[0].gauge.dataPoints[0].asInt: 1.5 is not a whole number"),
    ]))
    finish()


if __name__ == "__main__":
    main()
