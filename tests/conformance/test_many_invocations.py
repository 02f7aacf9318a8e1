# SPDX-License-Identifier: Apache-2.0
"""Many invocations of a real function beside the collector, frozen after each one: everything that the SDK handed over
arrives exactly once, on every loop, also when the back end's connections die meanwhile. The policy is `end`: connections
are idle in the freezes. What the other policies do to data that is under way then is the simulation's business.

What has to arrive is known from a run of the same function (its telemetry follows from a seed) without any collector.
STINT_TEST_FULL=1 makes it 1,000 invocations of each.
"""

import collections
import json
import os
import random
import subprocess
import threading

import pytest

import collector as collector_module
from backend import Answer, Backend
from test_local_lambda import DEMO, PROGRAM

FULL = os.environ.get("STINT_TEST_FULL") == "1"
INVOCATIONS = 1000 if FULL else 50
SECONDS = 1200 if FULL else 200


def _run_function(python, folder, *options, **environment):
    """The demonstration function, invoked INVOCATIONS times. Returns the local Lambda's report."""
    report = folder / "report.json"
    variables = {"STINT_DEMO_SEED": "23", "PYTHONDONTWRITEBYTECODE": "1", "TZ": "UTC", **environment}
    command = [str(PROGRAM), "--function", str(DEMO), "--runtime", f"{python} -m awslambdaric", "--seed", "5",
               "--timeout", "60s", "--invocations", str(INVOCATIONS), "--no-backend", "--quiet",
               "--json", str(report), *options]
    command += [part for name, value in variables.items() for part in ("--env", f"{name}={value}")]
    completed = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert "Sanitizer" not in completed.stderr and "runtime error" not in completed.stderr, completed.stderr[-4000:]
    assert completed.returncode == 0, completed.stderr[-4000:]
    return json.loads(report.read_text())


@pytest.fixture(scope="module")
def expected(venv_python, tmp_path_factory):
    """How often each item has to arrive."""
    with Backend() as direct:
        _run_function(venv_python, tmp_path_factory.mktemp("direct"), OTEL_EXPORTER_OTLP_ENDPOINT=direct.url)
        items = collections.Counter(direct.items())
        assert direct.violations == []
    assert sum(items.values()) >= 10 * INVOCATIONS
    return items


@pytest.fixture(params=["epoll", "io_uring"])
def loop(request):
    """The value of STINT_IO; skips where the machine refuses it."""
    completed = collector_module.command("--config", "yaml:{}", STINT_IO=request.param)
    if "STINT_IO=" in completed.stderr:
        pytest.skip(f"this machine allows no {request.param}: {completed.stderr.strip()}")
    return request.param


def _run_with_collector(python, folder, backend, loop):
    """The same with the collector as an extension, frozen after each invocation."""
    port = collector_module.free_port()
    exporter = {"endpoint": backend.url, "retry_on_failure": {"initial_interval": "20ms", "max_interval": "100ms"}}
    configuration = collector_module.configuration(port, exporter, processors=("batch", "decouple"))
    path = collector_module.write_configuration(folder, configuration)
    report = _run_function(
        python, folder, "--freeze", "--gap", "3ms", "--extension", collector_module.BINARY, "--config", str(path),
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}", STINT_IO=loop, STINT_FLUSH="end")
    assert [one["status"] for one in report["invocations"]] == ["success"] * INVOCATIONS
    assert [one["starts"] for one in report["extensions"]] == [1]
    assert report["extensions"][0]["lastExit"] == "exit status 0"


def _difference(expected, found):
    lost, more = expected - found, found - expected
    return f"{sum(lost.values())} lost, {sum(more.values())} too many; " + "; ".join([*lost, *more][:3])


def test_nothing_is_lost_or_doubled(loop, backend, expected, venv_python, tmp_path):
    _run_with_collector(venv_python, tmp_path, backend, loop)
    found = collections.Counter(backend.items())
    assert found == expected, _difference(expected, found)
    # Connections outlive the freezes.
    assert backend.connections <= INVOCATIONS / 10, backend.connections


def test_nothing_is_lost_or_doubled_when_connections_die_while_they_are_idle(
    loop, backend, expected, venv_python, tmp_path
):
    backend.answer_always(Answer(close_silently=True))
    _run_with_collector(venv_python, tmp_path, backend, loop)
    found = collections.Counter(backend.items())
    assert found == expected, _difference(expected, found)
    assert backend.connections >= INVOCATIONS / 10, backend.connections


def _cut_connections(backend, stop):
    """Cuts whatever is open, again and again, in the middle of requests, too."""
    chance = random.Random(7)
    while not stop.wait(chance.uniform(0.001, 0.04)):
        backend.close_connections()


def test_nothing_is_lost_when_connections_are_cut_in_requests(loop, expected, venv_python, tmp_path):
    # The cutting ends before the function does: what cannot be sent at the very end is lost with the environment.
    stop = threading.Event()
    answered = []

    def count(request):
        answered.append(len(request.items()))
        if sum(answered) >= 0.8 * sum(expected.values()):
            stop.set()

    with Backend(on_accepted=count) as backend:
        # A while between a request's arrival and its answer, so that some are cut there: taken, and nobody told.
        backend.answer_always(Answer(delay_seconds=0.004))
        cutter = threading.Thread(target=_cut_connections, args=(backend, stop), daemon=True)
        cutter.start()
        try:
            _run_with_collector(venv_python, tmp_path, backend, loop)
        finally:
            stop.set()
            cutter.join()
        requests = backend.requests

    found = collections.Counter(item for one in requests if one.accepted for item in one.items())
    assert not expected - found, _difference(expected, found)
    # What came twice came in a request whose connection ended before its answer.
    last = {one.connection: one for one in requests}
    copies = collections.defaultdict(list)
    for one in requests:
        if one.accepted:
            copies[one.plain].append(one)
    doubled = collections.Counter()
    for several in copies.values():
        answered_ones = [one for one in several if last[one.connection] is not one]
        assert len(answered_ones) <= 1, (
            f"{several[0].path} came again though it was answered, on connections {[one.connection for one in several]}")
        for one in several[1:]:
            doubled.update(one.items())
    assert found == expected + doubled, _difference(expected + doubled, found)
    assert len(last) >= INVOCATIONS / 10  # the cuts were felt
