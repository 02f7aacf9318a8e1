# SPDX-License-Identifier: Apache-2.0
"""The collector as an ordinary process, and the configuration files that the tests give it.

Ports are chosen free and never the defaults, so that a test cannot meet a collector that somebody runs. Waits are
bounded polls.
"""

import json
import os
import pathlib
import signal as signals
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("STINT_COLLECTOR", str(ROOT / "build" / "release" / "collector"))
# A build with sanitizers: its memory has shadows, and signals have handlers of the sanitizer's.
_PROGRAM = pathlib.Path(BINARY).read_bytes() if os.path.exists(BINARY) else b""
SANITIZED = b"__asan_init" in _PROGRAM
EMULATED = _PROGRAM.startswith(b"#!")  # a script that runs the program of another architecture
_given = set()  # ports, which may be used later
_PASSED_ON = ("PATH", "HOME", "TMPDIR", "STINT_IO", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")


def environment(**added):
    """Only what a collector may depend on, and `added`."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | added


def free_port():
    """A port that was free a moment ago, and another one each time."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port


def poll(condition, seconds=20.0):
    """Calls `condition` until it returns something true or the time is over. Returns its last answer."""
    end = time.monotonic() + seconds
    while not (result := condition()) and time.monotonic() < end:
        time.sleep(0.01)
    return result


def configuration(
    port,
    exporter=None,
    processors=(),
    receiver=None,
    signals=("traces", "metrics", "logs"),
    more_receivers=None,
    kind="otlphttp",
    **processor_settings,
):
    """A configuration as plain data: OTLP/HTTP on `port` and other receivers, the processors named, one exporter of that
    kind with the settings given.
    """
    names = list(processors)
    receivers = {
        "otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{port}", **(receiver or {})}}},
        **(more_receivers or {}),
    }
    return {
        "receivers": receivers,
        "processors": {name: processor_settings.get(name) or {} for name in names},
        "exporters": {kind: exporter},
        "service": {
            "pipelines": {
                signal: {"receivers": list(receivers), "processors": names, "exporters": [kind]} for signal in signals
            }
        },
    }


def write_configuration(folder, configuration, name="collector.yaml"):
    """Writes a file from plain data (JSON is YAML) or from YAML text. Returns its path."""
    path = pathlib.Path(folder) / name
    path.write_text(
        configuration if isinstance(configuration, str) else json.dumps(configuration, indent=2), encoding="utf-8"
    )
    return path


def command(*arguments, seconds=30, **environment_added):
    """Runs the collector to its end. Returns the completed process with text output."""
    return subprocess.run(
        [BINARY, *map(str, arguments)],
        env=environment(**environment_added),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
    )


class Collector:
    """A running collector. `url` is its OTLP/HTTP endpoint; `log()` what it wrote so far."""

    def __init__(self, folder, configuration, port, **environment_added):
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._output = pathlib.Path(folder) / f"collector-{port}.log"
        path = write_configuration(folder, configuration, f"collector-{port}.yaml")
        with open(self._output, "wb") as output:
            self.process = subprocess.Popen(
                [BINARY, "--config", str(path)],
                env=environment(**environment_added),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def log(self):
        return self._output.read_text(encoding="utf-8", errors="replace")

    def accepts(self):
        """Whether the port takes connections. Fails: AssertionError when the process has ended."""
        assert self.process.poll() is None, f"the collector ended with {self.process.returncode}:\n{self.log()}"
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def wait_until_ready(self):
        assert poll(self.accepts), f"port {self.port} stays closed:\n{self.log()}"

    def terminate(self):
        """SIGTERM. Returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signals.SIGTERM)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the collector did not end within 30 s of SIGTERM:\n{self.log()}") from None

    def memory_peak_mib(self):
        """The most memory that the process has had resident."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.split("VmHWM:")[1].split()[0]) / 1024
