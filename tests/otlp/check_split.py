#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts, splits and repairs of the otlp-tool, read with the official library and compared item by item.

    python3 tests/otlp/check_split.py [OTLP_TOOL]

Requests are the golden ones and random ones made from the official descriptors (tests/conformance/generate.py).

One line per check, `ok NAME` or `not ok NAME` with what is wrong; ends non-zero when one is not.
"""

import struct

from check import GOLDEN, check, find_tool, finish, golden_files, record, run
import generate
import items

UNLIMITED = 2**62
NAMES = {"traces": ("resource_spans", "scope_spans", "spans"), "metrics": ("resource_metrics", "scope_metrics", "metrics"),
         "logs": ("resource_logs", "scope_logs", "log_records")}


def without_items(signal, request):
    """Parents that hold no item, as a sorted list of texts."""
    outer, inner, item = NAMES[signal]
    found = []
    for entry in getattr(request, outer):
        if not getattr(entry, inner):
            found.append(repr(items.canonical(entry)))
        for scope in getattr(entry, inner):
            if not getattr(scope, item):
                found.append(repr((items.canonical(entry, leave_out=(inner,)), items.canonical(scope))))
            for metric in getattr(scope, "metrics", []):
                kind = metric.WhichOneof("data")
                if not kind or not getattr(metric, kind).data_points:
                    found.append(repr((items.canonical(entry, leave_out=(inner,)), items.canonical(scope, leave_out=(item,)), items.canonical(metric))))
    return sorted(found)


def split(tool, signal, bodies, items_max, bytes_max):
    """[(reported number of items, bytes)]"""
    data = run(tool, "split", signal, items_max, bytes_max, stdin=b"".join(map(record, bodies)))
    parts = []
    while data:
        count, size = struct.unpack_from("<II", data)
        parts.append((count, data[8 : 8 + size]))
        data = data[8 + size :]
    return parts


def parts_problems(tool, signal, bodies, items_max=UNLIMITED, bytes_max=UNLIMITED):
    wanted, wanted_empty, got, got_empty = [], [], [], []
    for body in bodies:
        request = items.decode(signal, body)
        wanted += items.items(signal, request)
        wanted_empty += without_items(signal, request)
    where = f"items_max {items_max} bytes_max {bytes_max}"
    parts = split(tool, signal, bodies, items_max, bytes_max)
    for index, (count, body) in enumerate(parts):
        request = items.decode(signal, body)
        found = items.items(signal, request)
        got += found
        got_empty += without_items(signal, request)
        if len(found) != count:
            yield f"{where}: part {index} says {count} items and has {len(found)}"
        if count > items_max or (len(body) > bytes_max and count > 1):
            yield f"{where}: part {index} has {count} items, {len(body)} bytes"
        if bytes_max == UNLIMITED and index + 1 < len(parts) and count != items_max:
            yield f"{where}: part {index} is not full: {count}"
    if got != wanted:
        yield f"{where}: " + (items.difference(wanted, got) or "the items are in another order")
    if sorted(got_empty) != sorted(wanted_empty):
        yield f"{where}: parents without items: {len(wanted_empty)} wanted, {len(got_empty)} got"


def all_problems(tool, signal, bodies, item_limits, byte_limits):
    for items_max in item_limits:
        yield from parts_problems(tool, signal, bodies, items_max=items_max)
    for bytes_max in byte_limits:
        yield from parts_problems(tool, signal, bodies, bytes_max=bytes_max)
    yield from parts_problems(tool, signal, bodies, item_limits[0], byte_limits[-1])


def request_level_problems(tool, signal, body):
    unknown = lambda one: items.canonical(items.decode(signal, one), leave_out=NAMES[signal][:1])
    for index, (_, part) in enumerate(split(tool, signal, [body], 1, UNLIMITED)):
        if not unknown(body) or unknown(part) != unknown(body):
            yield f"part {index} has {unknown(part)}"


def count_problems(tool, signal, body, numbers):
    got = run(tool, "counts", signal, stdin=body).decode().split()
    if got != list(map(str, numbers)):
        yield f"{numbers} wanted, {got} got"


def repair_problems(tool, signal, body, wanted):
    got = run(tool, "repair", signal, stdin=body)
    if got != wanted:
        yield f"{len(wanted)} bytes wanted, {len(got)} got"
    yield from filter(None, [items.difference(items.items(signal, items.decode(signal, wanted)), items.items(signal, items.decode(signal, got)))])


def random_problems(tool, signal, seeds):
    for seed in seeds:
        bodies = [generate.request(signal, f"{seed} {n}").SerializeToString() for n in range(1 + seed % 3)]
        for body in bodies:
            count = len(items.items(signal, items.decode(signal, body)))
            got = run(tool, "counts", signal, stdin=body).decode().split()
            if int(got[3]) != count:
                yield f"seed {seed}: {count} items wanted, {got[3]} got"
        yield from all_problems(tool, signal, bodies, [1, 4], [300, 3000])


def main():
    tool = find_tool()
    bodies = {name: (GOLDEN / f"{name}.bin").read_bytes() for name, _, _ in golden_files()}
    for name, signal, numbers in golden_files():
        check(f"counts of {name}", count_problems(tool, signal, bodies[name], numbers))
        if numbers[-1] != "0":
            check(f"repair of {name}", repair_problems(tool, signal, bodies[name], bodies[f"{name}-repaired"]))
            continue
        check(f"split of {name}", all_problems(tool, signal, [bodies[name]], [1, 2, 3, 10, 1000], [1, 64, 150, 1000, 9000]))
        if name.endswith("-unknown"):
            check(f"unknown fields of the request itself, {name}", request_level_problems(tool, signal, bodies[name]))
    for signal in items.SIGNALS:
        several = [bodies[f"{signal}-{kind}"] for kind in ("many", "empty", "full", "many")]
        check(f"split of several requests, {signal}", all_problems(tool, signal, several, [1, 7, 50, 100], [200, 5000, 20000]))
        check(f"split and counts of random requests, {signal}", random_problems(tool, signal, range(8)))
    finish()


if __name__ == "__main__":
    main()
