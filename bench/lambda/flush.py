#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What each flush policy costs and gives, in the local Lambda, with a fast, a slow and a dead back end: latency, bill and
freshness. Prints a table in Markdown; bench/README.md says what its columns are.
"""

import argparse

import local

POLICIES = ("adaptive", "end", "end,500", "periodic,500", "continuous")
BACK_ENDS = {"1 ms": "1ms", "50 ms": "50ms", "dead": "1h"}
COLUMNS = ("policy", "to response", "billed", "held", "of it platform", "of it back end", "of it ours", "held at most",
           "fresh after", "one in ten later")
ADAPTIVE_FIRST = 20


def waited_for(report, one):
    """How long the back end had requests between the platform's word of the function's end and the extension's next."""
    begin, end = one.get("endPostedAt", one["functionEndedAt"]), one["extensions"][0]["nextAt"]
    spans = sorted((max(begin, each["arrivedAt"]), min(end, each["answeredAt"])) for each in report["backend"]["requests"])
    total, reached = 0.0, begin
    for start, stop in spans:
        total += max(0.0, stop - max(start, reached))
        reached = max(reached, stop)
    return total


def figures(report, invocations, arrived):
    """One row: medians in ms."""
    held, platform, back_end, ours, fresh = [], [], [], [], []
    for one in invocations:
        extension = one["extensions"][0] if one["extensions"] else {"nextAt": one["functionEndedAt"]}
        held.append(max(0.0, extension["nextAt"] - one["functionEndedAt"]))
        waited = held[-1] > 0
        platform.append(one["endPostedAt"] - one["functionEndedAt"] if waited and "endPostedAt" in one else 0.0)
        platform[-1] = min(platform[-1], held[-1])
        back_end.append(waited_for(report, one) if waited else 0.0)
        ours.append(held[-1] - platform[-1] - back_end[-1])
        if one["requestId"] in arrived:
            fresh.append(max(0.0, arrived[one["requestId"]] - one["functionEndedAt"]))
    return [local.median(one["responseMs"] for one in invocations), local.median(one["durationMs"] for one in invocations),
            *(local.median(values) for values in (held, platform, back_end, ours)), max(held), local.median(fresh),
            local.tenth(fresh)]


def print_row(name, values):
    print("| " + " | ".join([name, *("-" if value is None else f"{value:.2f}" for value in values)]) + " |", flush=True)


def measure(policy, delay, count, gap):
    """Rows of one policy with one back end."""
    collector = policy is not None
    options = ("--invocations", count, "--gap", gap, "--backend-delay", delay)
    report = local.run(*options, collector=collector, **({"STINT_FLUSH": policy} if collector else {}))
    invocations, arrived = report["invocations"], local.arrivals(report)
    if not collector:
        print_row("none: the function sends", figures(report, invocations, arrived))
    elif policy == "adaptive" and count > ADAPTIVE_FIRST:
        print_row("adaptive, the first 20", figures(report, invocations[:ADAPTIVE_FIRST], arrived))
        print_row("adaptive, later", figures(report, invocations[ADAPTIVE_FIRST:], arrived))
    else:
        print_row(policy, figures(report, invocations, arrived))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--invocations", type=int, default=60)
    parser.add_argument("--gap", default="100ms", help="between invocations")
    options = parser.parse_args()
    for name, delay in BACK_ENDS.items():
        print(f"\nback end: {name}; medians of {options.invocations} invocations, {options.gap} apart; ms\n")
        print("| " + " | ".join(COLUMNS) + " |")
        print("|---" * len(COLUMNS) + "|")
        if name != "dead":  # it would wait for its time-out
            measure(None, delay, options.invocations, options.gap)
        for policy in POLICIES:
            measure(policy, delay, options.invocations, options.gap)


if __name__ == "__main__":
    main()
