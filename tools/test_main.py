# SPDX-License-Identifier: Apache-2.0
# What tools/test does after the set-up: runs the chosen parts one after the other, prints the table and the last line.
import argparse
import os
import pathlib
import sys
import time

import test_parts
import test_results


def arguments():
    parser = argparse.ArgumentParser(prog="tools/test")
    parser.add_argument("--full", action="store_true", help="everything, the long sweeps too")
    parser.add_argument("--only", metavar="PART", action="append", choices=list(test_parts.PARTS), help="only this part (may be repeated): " + ", ".join(test_parts.PARTS))
    return parser.parse_args()


def run_part(name, part, full):
    """A part that itself breaks has failed; the others go on."""
    print(f"test: {name}", flush=True)
    start = time.monotonic()
    try:
        outcome = part(full)
    except Exception as error:  # noqa: BLE001
        outcome = test_results.Outcome(failed=1, notes=[f"{type(error).__name__}: {error}"])
    if outcome.passed + outcome.failed + outcome.skipped == 0:
        outcome.failed = 1
        outcome.notes.append("this part ran nothing")
    for note in outcome.notes:
        print("  " + note.replace("\n", "\n  "), flush=True)
    return outcome, time.monotonic() - start


def main():
    chosen = arguments()
    root = pathlib.Path(__file__).resolve().parent.parent
    os.chdir(root)
    sys.stdout.reconfigure(errors="replace")
    rows = []
    total = test_results.Outcome()
    for name, part in test_parts.PARTS.items():
        if chosen.only and name not in chosen.only:
            continue
        outcome, seconds = run_part(name, part, chosen.full)
        total.add(outcome)
        rows.append((name, outcome, seconds))
    print(f"\n{'part':<14}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for name, outcome, seconds in rows:
        print(f"{name:<14}{outcome.passed:>8}{outcome.failed:>8}{outcome.skipped:>9}{seconds:>9.1f}")
    print(f"{'all':<14}{total.passed:>8}{total.failed:>8}{total.skipped:>9}")
    print(f"\n{total.passed} passed, {total.failed} failed", flush=True)
    return 1 if total.failed or not total.passed else 0


sys.exit(main())
