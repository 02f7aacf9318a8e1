# SPDX-License-Identifier: Apache-2.0
# The start benchmark with two runs, for tools/test: every row must be there for the floor and for the collector.
# How fast they are is not asked: that is read by people, from runs on a quiet machine.
import pathlib
import re
import subprocess
import sys

BUILD = pathlib.Path("build/release")
FIGURES = (
    "exec to register, ms",
    "exec to next, ms",
    "CPU at next, ms",
    "CPU settled, ms",
    "minor faults",
    "RSS at next, KiB",
    "RSS settled, KiB",
    "peak RSS, KiB",
    "file size, KiB",
)
SUBJECTS = {"floor": BUILD / "bench" / "start-floor", "collector": BUILD / "collector"}
SECONDS = 100

command = [str(BUILD / "bench" / "start-bench"), "--runs", "2"]
for name, path in SUBJECTS.items():
    command += ["--subject", f"{name}={path}"]
finished = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS, check=False)
print(finished.stdout)
failed = finished.returncode != 0
for name in SUBJECTS:
    for figure in FIGURES:
        row = re.search(rf"^{name}\s+{re.escape(figure)}\s+(\d+\.?\d*)\s", finished.stdout, re.MULTILINE)
        there = row is not None and float(row.group(1)) > 0
        failed |= not there
        print(f"{'ok' if there else 'not ok'} start: {name}: {figure}")
sys.exit(failed)
