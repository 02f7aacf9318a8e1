# SPDX-License-Identifier: Apache-2.0
"""A runtime and its function, as short as can be: each invocation sends one of the requests in STINT_SCENARIO_BODIES
to the collector at STINT_SCENARIO_PORT, and does what its event says: {"do": "hang"} or {"do": "exit"}. One request is
sent at init. The names of those that were answered with success go to STINT_SCENARIO_OUT, also over a restart.
"""

import json
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from soak_runtime import Connection


def export(name, body, out):
    """As an SDK does: tried again when the collector says that it is for now, or goes away."""
    for _ in range(20):
        collector = Connection("127.0.0.1", int(os.environ["STINT_SCENARIO_PORT"]))
        try:
            status, _, _ = collector.call("POST", "/v1/traces", body, "application/x-protobuf")
        except OSError:
            status = 503
        finally:
            collector.close()
        if status == 200:
            print(name, file=out)
        if status < 429:
            return
        time.sleep(0.05)


def main():
    out = open(os.environ["STINT_SCENARIO_OUT"], "a", encoding="ascii", buffering=1)
    taken = pathlib.Path(os.environ["STINT_SCENARIO_OUT"] + ".taken")

    def export_next():
        number = int(taken.read_text()) if taken.exists() else 0
        taken.write_text(str(number + 1))
        path = sorted(pathlib.Path(os.environ["STINT_SCENARIO_BODIES"]).iterdir())[number]
        export(path.name, path.read_bytes(), out)

    export_next()
    host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
    platform = Connection(host, int(port))
    while True:
        _, headers, event = platform.call("GET", "/2018-06-01/runtime/invocation/next")
        export_next()
        action = json.loads(event).get("do")
        if action == "exit":
            os._exit(3)
        if action == "hang":
            time.sleep(600)
        platform.call("POST", f"/2018-06-01/runtime/invocation/{headers['lambda-runtime-aws-request-id']}/response", b"{}")


main()
