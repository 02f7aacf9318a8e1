# SPDX-License-Identifier: Apache-2.0
"""The collector's resident memory over many invocations: it stays where it is after the first ones, and every item is
delivered. The policy holds each invocation until the data of the one before is sent, so that the load is always the same.

6,000 invocations; STINT_TEST_FULL=1 makes it 100,000. A build with sanitizers keeps what is freed, so its memory is not
asked.
"""

import os
import pathlib
import re
import socketserver
import statistics
import subprocess
import sys
import threading

import pytest

import collector as collector_module
from test_local_lambda import PROGRAM

FULL = os.environ.get("STINT_TEST_FULL") == "1"
INVOCATIONS = 100_000 if FULL else 6_000
WARM_AFTER = max(2_000, INVOCATIONS // 10)
WINDOW = max(2_000, INVOCATIONS // 5)
RUNTIME = pathlib.Path(__file__).parent / "soak_runtime.py"
REQUESTS = 20
GROWTH_MAX = 1.05


class _Taker(socketserver.StreamRequestHandler):
    """Answers every request with success and keeps nothing."""

    def handle(self):
        while self.rfile.readline():
            length = 0
            while (line := self.rfile.readline().strip()):
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            self.rfile.read(length)
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n")


@pytest.fixture
def taker():
    """The URL of a back end that keeps nothing."""
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Taker) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def _bodies(folder):
    """Requests of 1 to 96 KiB. Returns how many spans they have."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    folder.mkdir()
    spans = []
    for number in range(REQUESTS):
        request = ExportTraceServiceRequest()
        scope = request.resource_spans.add().scope_spans.add()
        for index in range(1 + number * number):
            span = scope.spans.add(trace_id=bytes([number + 1] * 16), span_id=(index + 1).to_bytes(8, "big"), name="work")
            attribute = span.attributes.add(key="text")
            attribute.value.string_value = "x" * 200
        (folder / f"{number:02}").write_bytes(request.SerializeToString())
        spans.append(len(scope.spans))
    return spans


@pytest.mark.skipif(
    collector_module.SANITIZED or collector_module.EMULATED, reason="what is freed is not given back there"
)
@pytest.mark.parametrize("loop", ["epoll", "io_uring"] if FULL else ["epoll"])
def test_memory_stays_where_it_is_over_many_invocations(loop, taker, tmp_path):
    refused = collector_module.command("--config", "yaml:{}", STINT_IO=loop)
    if "STINT_IO=" in refused.stderr:
        pytest.skip(f"this machine allows no {loop}: {refused.stderr.strip()}")
    spans = _bodies(tmp_path / "bodies")
    port = collector_module.free_port()
    configuration = collector_module.configuration(port, {"endpoint": taker}, processors=("batch", "decouple"))
    path = collector_module.write_configuration(tmp_path, configuration)
    out, log, extension = tmp_path / "memory", tmp_path / "log", tmp_path / "collector"
    extension.write_text(f"#!/bin/sh\nexec '{collector_module.BINARY}' 2>'{log}'\n")
    extension.chmod(0o755)
    variables = {"STINT_SOAK_BODIES": tmp_path / "bodies", "STINT_SOAK_PORT": port, "STINT_SOAK_OUT": out,
                 "STINT_IO": loop, "STINT_FLUSH": "periodic,0", "OPENTELEMETRY_EXTENSION_LOG_LEVEL": "info", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [PROGRAM, "--function", tmp_path, "--runtime", f"{sys.executable} {RUNTIME}", "--timeout", "60s",
               "--invocations", INVOCATIONS, "--no-backend", "--quiet", "--extension", extension, "--config", path]
    command += [part for name, value in variables.items() for part in ("--env", f"{name}={value}")]
    completed = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                               timeout=1200 if FULL else 200, check=False)
    assert completed.returncode == 0, completed.stderr[-4000:]

    samples = [tuple(map(int, line.split())) for line in out.read_text().splitlines()]
    assert samples[-1][0] == INVOCATIONS
    early = statistics.median(size for count, size in samples if WARM_AFTER < count <= WARM_AFTER + WINDOW)
    late = statistics.median(size for count, size in samples if count > INVOCATIONS - WINDOW)
    assert late <= early * GROWTH_MAX, samples

    sent = sum(spans[i % REQUESTS] for i in range(INVOCATIONS))
    said = re.search(r"ended: spindown.*: (\d+) items accepted, (\d+) delivered, 0 dropped", log.read_text())
    assert said and [int(number) for number in said.groups()] == [sent, sent], log.read_text()[-2000:]
