# SPDX-License-Identifier: Apache-2.0
"""The OpenTelemetry Collector of clients/collector as a process: OTLP in over gRPC and HTTP, out over either."""

import json
import pathlib
import socket
import subprocess

import pytest

from collector import free_port, poll
from sdk_clients import BUILT

PROGRAM = BUILT / "collector" / "collector"


def skip_if_unavailable():
    unavailable = BUILT / "collector" / "unavailable"
    if unavailable.exists():
        pytest.skip(f"the OpenTelemetry Collector could not be fetched: {unavailable.read_text().strip()}")


class Neighbour:
    """Usage: `with Neighbour(folder, {"otlp_http": {...}}) as one:` with exporters as in its configuration. `tls` is the
    certificates.Certificate that its receivers show. `one.grpc` and `one.http` are host:port.
    """

    def __init__(self, folder, exporters, tls=None):
        skip_if_unavailable()
        self.grpc, self.http = (f"127.0.0.1:{free_port()}" for _ in range(2))
        secured = {"tls": {"cert_file": str(tls.served()), "key_file": str(tls.key_file)}} if tls else {}
        without_queue = {name: {"sending_queue": {"enabled": False}, **settings} for name, settings in exporters.items()}
        pipeline = {"receivers": ["otlp"], "exporters": list(exporters)}
        configuration = {
            "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": self.grpc, **secured}, "http": {"endpoint": self.http, **secured}}}},
            "exporters": without_queue,
            "service": {
                "telemetry": {"metrics": {"level": "none"}},
                "pipelines": {signal: pipeline for signal in ("traces", "metrics", "logs")},
            },
        }
        name = f"neighbour-{self.grpc.rsplit(':', 1)[1]}"
        self._file, self._output = pathlib.Path(folder) / f"{name}.yaml", pathlib.Path(folder) / f"{name}.log"
        self._file.write_text(json.dumps(configuration))

    def __enter__(self):
        with open(self._output, "wb") as output:
            command = [str(PROGRAM), "--config", str(self._file)]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={})
        assert poll(lambda: all(map(self._accepts, (self.grpc, self.http)))), self.log()
        return self

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(20)
        finally:
            self._process.kill()

    def _accepts(self, address):
        assert self._process.poll() is None, self.log()
        host, port = address.split(":")
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            return False
        return True

    def log(self):
        return self._output.read_text(errors="replace")
