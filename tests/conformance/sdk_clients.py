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
FULL = os.environ.get("STINT_TEST_FULL") == "1"


@dataclasses.dataclass(frozen=True)
class Client:
    name: str
    transports: tuple
    only_full: bool = False
    environment: tuple = ()  # of (name, value)

    def command(self, python):
        return {
            "python": [python, "-B", str(SOURCES / "python" / "client.py")],
            "node": ["node", str(SOURCES / "node" / "client.js")],
            "go": [str(BUILT / "go" / "client")],
            "java": ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{BUILT}/java/classes:{BUILT}/java/libraries/*", "stint.Client"],
        }[self.name]

    def skip_if_unavailable(self):
        unavailable = BUILT / self.name / "unavailable"
        if unavailable.exists():
            pytest.skip(f"the {self.name} client could not be fetched: {unavailable.read_text().strip()}")

    def send(self, python, transport, compression, *urls, seconds=120, **environment):
        """Runs the client to its end. Fails: AssertionError with its output; skips where it could not be fetched."""
        self.skip_if_unavailable()
        finished = subprocess.run(
            [*self.command(python), transport, compression, *urls],
            env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **dict(self.environment), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr


CLIENTS = (
    Client("python", ("http/protobuf",)),
    Client("node", ("http/protobuf", "http/json"), environment=(("NODE_PATH", str(BUILT / "node" / "node_modules")),)),
    Client("go", ("http/protobuf",), only_full=True),
    Client("java", ("http/protobuf",), only_full=True),
)
