# SPDX-License-Identifier: Apache-2.0
"""A runtime of managed instances and its function, as short as can be: AWS_LAMBDA_MAX_CONCURRENCY worker processes, each
of which takes an invocation, sends the requests that belong to it to the collector at STINT_CONCURRENT_PORT, and answers.

The event {"n": N} names the requests: `N-*` in STINT_CONCURRENT_FOLDER/bodies, whose suffix is their signal. What was
answered with success goes to `confirmed` there, what happens to `log`. The first invocations wait for each other: when
all workers have one, they export all at once and answer in the reverse order of their numbers.
"""

import json
import os
import pathlib
import signal
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from soak_runtime import Connection

FOLDER = pathlib.Path(os.environ["STINT_CONCURRENT_FOLDER"])
WORKERS = int(os.environ["AWS_LAMBDA_MAX_CONCURRENCY"])
LOG = FOLDER / "log"


def append(path, line):
    """One write to the end, as several processes may do at one time."""
    with open(path, "ab", buffering=0) as out:
        out.write(f"{line}\n".encode())


def wait_for(lines):
    for _ in range(3000):
        if lines <= set(LOG.read_text().splitlines()):
            return
        time.sleep(0.01)
    raise TimeoutError(f"{lines} did not all happen")


def work():
    host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
    platform, collector = Connection(host, int(port)), Connection("127.0.0.1", int(os.environ["STINT_CONCURRENT_PORT"]))
    while True:
        _, headers, event = platform.call("GET", "/2018-06-01/runtime/invocation/next")
        number = json.loads(event)["n"]
        append(LOG, f"begin {number}")
        if number < WORKERS:
            wait_for({f"begin {one}" for one in range(WORKERS)})
        for body in sorted((FOLDER / "bodies").glob(f"{number:03}-*")):
            status, _, _ = collector.call("POST", f"/v1/{body.suffix[1:]}", body.read_bytes(), "application/x-protobuf")
            assert status == 200, status
            append(FOLDER / "confirmed", body.name)
        if number % 5 == 0:
            collector.close()
        if number + 1 < WORKERS:
            wait_for({f"end {number + 1}"})
        path = f"/2018-06-01/runtime/invocation/{headers['lambda-runtime-aws-request-id']}/response"
        status, _, _ = platform.call("POST", path, json.dumps(number).encode())
        assert status == 202, status
        append(LOG, f"end {number}")


def main():
    for _ in range(WORKERS - 1):
        if os.fork() == 0:
            break
    try:
        work()
    except BaseException:
        traceback.print_exc()
        os.killpg(0, signal.SIGKILL)  # without one worker the runtime is of no use


main()
