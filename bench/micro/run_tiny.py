# SPDX-License-Identifier: Apache-2.0
# The benchmarks of single parts, run tiny for tools/test: every one that exists must give its row with all columns.
# How fast they are is not asked: that is read by people, from runs on a quiet machine.
import json
import subprocess
import sys

PROGRAM = "build/release/bench/micro/micro-bench"
COLUMNS = ("real_time", "cpu_time", "allocations", "copied_bytes")
SECONDS = 100

listed = subprocess.run([PROGRAM, "--benchmark_list_tests"], stdout=subprocess.PIPE, text=True, timeout=SECONDS, check=True)
command = [PROGRAM, "--benchmark_min_time=0.0001", "--benchmark_format=json"]
finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=SECONDS, check=False)
rows = {row["name"]: row for row in json.loads(finished.stdout)["benchmarks"]}
failed = finished.returncode != 0
for name in listed.stdout.split():
    row = rows.get(name, {})
    there = not row.get("error_occurred") and all(row.get(column, -1) >= 0 for column in COLUMNS) and row["real_time"] > 0
    failed |= not there
    print(f"{'ok' if there else 'not ok'} bench: {name}" + (f" ({row['error_message']})" if "error_message" in row else ""))
sys.exit(failed)
