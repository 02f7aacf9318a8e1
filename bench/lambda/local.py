# SPDX-License-Identifier: Apache-2.0
"""Runs of the local Lambda for the measurements beside it: bench/lambda/function beside the collector, the built-in back
end, and the report as data.
"""

import json
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
RELEASE = ROOT / "build" / "release"
FUNCTION = pathlib.Path(__file__).resolve().parent / "function"
CONFIGURATION = {
    "processors": {"batch": None, "decouple": None},
    "service": {"pipelines": {"traces": {"receivers": ["otlp"], "processors": ["batch", "decouple"],
                                         "exporters": ["otlphttp"]}}},
}


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _python():
    venv = ROOT / "build" / "venv" / "bin" / "python"
    return str(venv) if venv.exists() else sys.executable


def run(*options, collector=True, **environment):
    """The report of one run; without a collector the function sends to the back end by itself."""
    backend, port = _free_port(), _free_port()
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.json"
        configuration = pathlib.Path(folder) / "collector.yaml"
        configuration.write_text(json.dumps({
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{port}"}}}},
            "exporters": {"otlphttp": {"endpoint": f"http://127.0.0.1:{backend}"}},
            **CONFIGURATION}))
        command = [RELEASE / "tools" / "local-lambda", "--function", FUNCTION, "--runtime", f"{_python()} -m awslambdaric",
                   "--backend-port", str(backend), "--timeout", "60s", "--freeze", "--quiet", "--json", report]
        if collector:
            command += ["--extension", RELEASE / "collector", "--config", configuration]
        variables = {"PORT": port if collector else backend, "STINT_IO": "epoll", "PYTHONDONTWRITEBYTECODE": "1",
                     "OPENTELEMETRY_EXTENSION_LOG_LEVEL": "error", **environment}
        command += [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
        finished = subprocess.run([str(word) for word in [*command, *options]], capture_output=True, text=True,
                                  timeout=600, check=False)
        if finished.returncode != 0:
            sys.exit(f"local-lambda ended with {finished.returncode}:\n{finished.stdout}{finished.stderr}")
        return json.loads(report.read_text())


def arrivals(report):
    """For each invocation: when the back end had the last of its spans, if it has taken them."""
    found, at = {}, 0
    for request in report["backend"]["requests"]:
        if request["status"] != 200:
            continue
        for item in report["backend"]["items"][at : at + request["items"]]:
            found[item["name"]] = request["arrivedAt"]
        at += request["items"]
    return found


def median(values):
    values = list(values)
    return statistics.median(values) if values else None


def tenth(values):
    """The value that one in ten exceeds."""
    values = sorted(values)
    return values[min(len(values) - 1, len(values) * 9 // 10)] if values else None
