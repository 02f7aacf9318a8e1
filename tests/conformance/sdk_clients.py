# SPDX-License-Identifier: Apache-2.0
"""The programs in clients/: which there are, what they can send, and how each is started."""

import dataclasses
import os
import pathlib
import subprocess

import pytest

from collector import ROOT

SOURCES = pathlib.Path(__file__).parent / "clients"
BUILT = ROOT / "build" / "clients"
NODE_PACKAGES = BUILT / "node" / "node_modules"
FULL = os.environ.get("STINT_TEST_FULL") == "1"


@dataclasses.dataclass(frozen=True)
class Client:
    name: str
    transports: tuple
    trust: str  # the variable that names an authority to trust
    only_full: bool = False
    environment: tuple = ()  # of (name, value)

    def command(self, python):
        return {
            "python": [python, "-B", str(SOURCES / "python" / "client.py")],
            "node": ["node", str(SOURCES / "node" / "client.js")],
            "go": [str(BUILT / "go" / "client")],
            "java": ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{BUILT}/java/classes:{BUILT}/java/libraries/*", "stint.Client"],
        }[self.name]

    def function(self, python):
        """(the folder, the runtime's command line, the handler) of the same as a Lambda function"""
        own = {"python": (f"{python} -B -m awslambdaric", "function.handler"), "node": ("node function.js", "none")}
        java = f"java -XX:TieredStopAtLevel=1 -cp {BUILT}/java/classes:{BUILT}/java/libraries/* stint.Function"
        own |= {"go": (str(BUILT / "go" / "client"), "none"), "java": (java, "none")}
        return (str(SOURCES / self.name), *own[self.name])

    def skip_if_unavailable(self):
        unavailable = BUILT / self.name / "unavailable"
        if unavailable.exists():
            pytest.skip(f"the {self.name} client could not be fetched: {unavailable.read_text().strip()}")

    def send(self, python, transport, compression, *urls, authority=None, seconds=120):
        """Runs the client to its end; it trusts the authority in that file. Fails: AssertionError with its output; skips where it could not be fetched."""
        self.skip_if_unavailable()
        trust = {self.trust: str(authority)} if authority else {}
        finished = subprocess.run(
            [*self.command(python), transport, compression, *urls],
            env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **dict(self.environment), **trust},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr


CLIENTS = (
    Client("python", ("http/protobuf", "grpc"), "OTEL_EXPORTER_OTLP_CERTIFICATE"),
    Client("node", ("http/protobuf", "http/json", "grpc"), "NODE_EXTRA_CA_CERTS", environment=(("NODE_PATH", str(NODE_PACKAGES)),)),
    Client("go", ("http/protobuf", "grpc"), "SSL_CERT_FILE", only_full=True),
    Client("java", ("http/protobuf", "grpc"), "OTEL_EXPORTER_OTLP_CERTIFICATE", only_full=True),
)
