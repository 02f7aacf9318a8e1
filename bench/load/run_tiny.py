# SPDX-License-Identifier: Apache-2.0
# The load benchmark with a few requests, for tools/test: every row must be there, and what was accepted must have
# arrived. How much it costs is not asked: that is read by people, from runs on a quiet machine.
import pathlib
import re
import subprocess
import sys

BUILD = pathlib.Path("build/release")
ROWS = (
    ("CPU, s per million spans", "collector", False),
    ("CPU, s, sent by 200", "collector", False),
    ("export call, us, median", "collector, epoll", False),
    ("export call, us, p99", "collector, epoll", False),
    ("export call, us, median", "collector, io_uring", True),
    ("export call, us, p99", "collector, io_uring", True),
    ("CPU, us per request", "collector, io_uring", True),
    ("CPU, us per request", "echo, io_uring", True),
    ("CPU, us per gRPC call", "collector, epoll", False),
    ("CPU, us per gRPC call", "collector, io_uring", True),
    ("peak RSS, MiB", "collector, epoll", False),
    ("spans arrived", "collector, epoll", False),
    ("peak RSS, MiB", "collector, io_uring", True),
    ("spans arrived", "collector, io_uring", True),
)
NO_RING = "this machine has no io_uring"
SECONDS = 280

command = [str(BUILD / "bench" / "load-bench"), "--collector", str(BUILD / "collector"), "--echo", str(BUILD / "bench" / "load-echo"), "--tiny"]
finished = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS, check=False)
print(finished.stdout)
failed = finished.returncode != 0
for figure, subject, needs_ring in ROWS:
    row = re.search(rf"^{re.escape(figure)} +{re.escape(subject)} +(\d+\.\d+)(.*)$", finished.stdout, re.MULTILINE)
    there = row is not None and float(row.group(1)) > 0
    if figure == "spans arrived" and there:
        there = float(row.group(1)) == float(row.group(2).split()[1])
    skip = " # skip: no io_uring" if not there and needs_ring and NO_RING in finished.stdout else ""
    failed |= not there and not skip
    print(f"{'ok' if there or skip else 'not ok'} load: {subject}: {figure}{skip}")
sys.exit(failed)
