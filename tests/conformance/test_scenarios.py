# SPDX-License-Identifier: Apache-2.0
"""The scenarios of the simulation on the loops of the real world: the program itself with real sockets and processes in
the local Lambda, on epoll and on io_uring. Names are those of tests/sim; what takes hours there takes moments here, and
nothing is said about time.

What must hold in each: whatever a sender was told success for has arrived, or the collectors' last lines count it.
"""

import dataclasses
import json
import re
import subprocess
import sys
import threading
import pathlib

import pytest

import generate
import items
from backend import Answer
from collector import BINARY, configuration, free_port, write_configuration
from test_local_lambda import PROGRAM

RUNTIME = pathlib.Path(__file__).parent / "scenario_runtime.py"
REQUESTS = 64
BUSY, TOO_MANY = Answer(status=503, headers=(("Retry-After", "0"),)), Answer(status=429)
TAKEN = Answer(raw=b"", counts=True)  # and the sender never learns it
NEVER = threading.Event()


@dataclasses.dataclass
class Scenario:
    name: str
    options: tuple = ()
    answers: tuple = ()
    always: Answer | None = None
    events: tuple = ({}, {}, {})
    processors: tuple = ("batch", "decouple")
    exporter: dict = dataclasses.field(default_factory=dict)
    environment: dict = dataclasses.field(default_factory=dict)
    statuses: tuple = ()  # of the invocations; empty: all succeed
    delivered: bool = True  # everything is, at the end
    confirmed: bool = True  # something is, by the collector
    configuration: str = ""


SCENARIOS = [
    Scenario("InitOnly", events=()),
    Scenario("ThreeInvocationsWithDeathsInTheFreeze", ("--freeze", "--gap", "30ms"), always=Answer(close_silently=True)),
    Scenario("NoTelemetryApi", ("--mode", "no-telemetry")),
    Scenario("ShutdownWithDataInside", environment={"STINT_FLUSH": "periodic,86400000"}),
    Scenario("SlowBackEnd", always=Answer(delay_seconds=0.3)),
    Scenario("BusyFunction", events=({},) * 35, always=Answer(delay_seconds=0.02)),
    Scenario("HangingBackEnd", always=Answer(hold=NEVER), delivered=False),
    Scenario("HangingBackEndBehindBatchAlone", always=Answer(hold=NEVER), processors=("batch",), delivered=False),
    Scenario("ResettingBackEnd", answers=(Answer(reset=True),) * 3),
    Scenario("BackEndThatTakesAndResets", answers=(Answer(), TAKEN, Answer(), TAKEN)),
    Scenario("UnavailableBackEnd", answers=(BUSY, BUSY, TOO_MANY, BUSY, TOO_MANY)),
    Scenario("AbsentBackEnd", exporter={"endpoint": "http://127.0.0.1:9"}, delivered=False),
    Scenario("RejectingBackEnd", always=Answer(status=400), delivered=False),
    Scenario("FunctionTimesOut", events=({}, {"do": "hang"}, {}), statuses=("success", "timeout", "success")),
    Scenario("FunctionCrashes", events=({}, {"do": "exit"}, {}), statuses=("success", "error", "success")),
    Scenario("FunctionCrashesWithAHangingBackEnd", events=({}, {"do": "exit"}, {}), always=Answer(hold=NEVER),
             statuses=("success", "error", "success"), delivered=False),
    Scenario("SenderWaitsForTheBackEnd", processors=(), answers=(Answer(), BUSY, Answer(), Answer(reset=True))),
    Scenario("BadConfiguration", configuration="receivers:\n  otlp:\n    protocolls:\n", confirmed=False),
    Scenario("RestoredSnapshot", ("--mode", "snap-start", "--freeze")),
    Scenario("ProvisionedConcurrency", ("--mode", "provisioned-concurrency", "--freeze")),
    Scenario("ManagedInstances", ("--mode", "managed-instances")),
    Scenario("LocalEmulator", ("--mode", "sam")),
    Scenario("WithoutJournal", environment={"STINT_JOURNAL": "off"}),
    Scenario("CollectorKilled", ("--kill", "extension@2+20ms"), statuses=("success", "error", "success")),
    Scenario("Continuous", ("--freeze", "--gap", "5ms"), events=({},) * 20, environment={"STINT_FLUSH": "continuous"}),
]


def bodies(folder):
    """Requests by their names, and their items."""
    folder.mkdir()
    found = {}
    for number in range(REQUESTS):
        request = generate.request("traces", number)
        (folder / f"{number:03}").write_bytes(request.SerializeToString())
        found[f"{number:03}"] = items.items("traces", request)
    return found


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_a_scenario_holds_with_real_sockets(scenario, loop, backend, tmp_path):
    sent = bodies(tmp_path / "bodies")
    backend.answer(*scenario.answers)
    if scenario.always is not None:
        backend.answer_always(scenario.always)
    port, out, log, report = free_port(), tmp_path / "confirmed", tmp_path / "log", tmp_path / "report.json"
    exporter = {"endpoint": backend.url, "retry_on_failure": {"initial_interval": "20ms", "max_interval": "200ms"},
                **scenario.exporter}
    config = scenario.configuration or configuration(port, exporter, scenario.processors, batch={"timeout": "20ms"})
    extension = tmp_path / "collector"
    extension.write_text(f"#!/bin/sh\nexec '{BINARY}' 2>>'{log}'\n")
    extension.chmod(0o755)
    variables = {"STINT_SCENARIO_BODIES": tmp_path / "bodies", "STINT_SCENARIO_PORT": port, "STINT_SCENARIO_OUT": out,
                 "STINT_IO": loop, "OPENTELEMETRY_EXTENSION_LOG_LEVEL": "info", "PYTHONDONTWRITEBYTECODE": "1",
                 **scenario.environment}
    command = [PROGRAM, "--function", tmp_path, "--runtime", f"{sys.executable} {RUNTIME}", "--timeout", "3s",
               "--invocations", len(scenario.events), "--no-backend", "--quiet", "--json", report,
               "--extension", extension, "--config", write_configuration(tmp_path, config), *scenario.options]
    command += [part for event in scenario.events for part in ("--event", json.dumps(event))]
    command += [part for name, value in variables.items() for part in ("--env", f"{name}={value}")]
    completed = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=90, check=False)
    said = log.read_text(errors="replace")
    assert "Sanitizer" not in said and "check failed" not in said, said
    invocations = [one["status"] for one in json.loads(report.read_text())["invocations"]]
    assert invocations == list(scenario.statuses or ["success"] * len(scenario.events)), completed.stdout + said

    names = out.read_text().split() if out.exists() else []
    assert bool(names) == scenario.confirmed, said
    confirmed = {item for name in names for item in sent[name]}
    arrived = set(backend.items())
    missing = confirmed - arrived
    if scenario.delivered:
        assert not missing, said
    else:
        # A dead back end: the end says how many were left.
        assert missing, "the back end was not what it should be"
        assert sum(map(int, re.findall(r"(\d+) dropped", said))) >= len(missing), said
    assert arrived <= {item for found in sent.values() for item in found}
    assert "the platform is lost" not in said, said
