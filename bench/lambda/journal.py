#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the journal costs in an invocation: the collector's CPU with it and without it, in turn, in the local Lambda. A
round's figure is its lower quartile, for neighbours only ever add. What the journal costs at the start says bench/start.
"""

import argparse

import local

WARM_UP = 5


def cpu(count, policy, **environment):
    """CPU of an invocation in us, the lower quartile. What was in flight at its end is in the next one."""
    report = local.run("--invocations", count, "--gap", "5ms", "--backend-delay", "1ms", STINT_FLUSH=policy, **environment)
    used = sorted(one["extensions"][0]["cpuMs"] * 1000 for one in report["invocations"][WARM_UP:])
    return used[len(used) // 4]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--invocations", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    for policy in ("end", "continuous"):
        pairs = []
        for turn in range(options.rounds):
            both = {}
            for name in ("without", "with") if turn % 2 == 0 else ("with", "without"):
                both[name] = cpu(options.invocations, policy, **({} if name == "with" else {"STINT_JOURNAL": "off"}))
            pairs.append(both)
            print(f"{policy}: without {both['without']:.0f} us, with {both['with']:.0f} us, "
                  f"ratio {both['with'] / both['without']:.3f}", flush=True)
        without, with_journal = (local.median(both[name] for both in pairs) for name in ("without", "with"))
        ratio = local.median(both["with"] / both["without"] for both in pairs)
        print(f"{policy}: CPU per invocation: without the journal {without:.0f} us, with {with_journal:.0f} us, "
              f"ratio {ratio:.3f}\n", flush=True)


if __name__ == "__main__":
    main()
