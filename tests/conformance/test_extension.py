# SPDX-License-Identifier: Apache-2.0
"""The collector as the extension of a real function: the demonstration function under AWS's runtime interface client,
in the local Lambda, against the independent back end. What arrives through the collector is what the function sends
when it sends by itself, item by item.
"""

import json
import os
import pathlib
import re
import signal
import socket
import threading

import pytest

import items
from backend import Answer
from collector import BINARY, configuration, poll, write_configuration
from test_local_lambda import DEMO, PROGRAM, sound_run

SEEDED = {"STINT_DEMO_SEED": "23", "TZ": "UTC"}
OPTIONS = ("--seed", "5", "--timeout", "20s", "--no-backend")
# Where nobody listens; the SDK gives up after a second.
NOBODY = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
BATCHED = {"processors": ("batch", "decouple")}


@pytest.fixture
def invoke(tmp_path, venv_python):
    """A function (*options, config, invocations, **environment) that runs the demonstration function in the local
    Lambda, beside the collector when there is a configuration."""

    def run(*options, config=None, invocations=3, seconds=90, **environment):
        command = [str(PROGRAM), "--function", str(DEMO), "--runtime", f"{venv_python} -m awslambdaric", *OPTIONS]
        if config is not None:
            command += ["--extension", BINARY, "--config", str(write_configuration(tmp_path, config))]
        variables = {**SEEDED, "PYTHONDONTWRITEBYTECODE": "1", **environment}
        given = [f"{name}={value}" for name, value in variables.items() if value is not None]
        command += [part for variable in given for part in ("--env", variable)]
        report = tmp_path / "report.json"
        command += ["--invocations", str(invocations), "--json", str(report), *options]
        return sound_run(command, report, seconds)

    return run


@pytest.fixture
def through(invoke, backend, free_port):
    """As invoke, with a collector that exports to the back end; keywords of configuration() in `settings`."""

    def run(*options, settings=None, exporter=None, **rest):
        port = free_port()
        exporter = {"endpoint": backend.url, "retry_on_failure": {"initial_interval": "20ms"}, **(exporter or {})}
        return invoke(*options, config=configuration(port, exporter, **(settings or {})),
                      OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}", **rest)

    return run


@pytest.fixture
def direct(invoke, tmp_path):
    """The items that the function sends by itself."""
    import backend as backend_module

    with backend_module.Backend() as plain:
        run = invoke(OTEL_EXPORTER_OTLP_ENDPOINT=plain.url)
        assert run.status == 0, run.text
        found = plain.items()
    assert len(found) > 20
    return found


def flushed(run):
    """Whether the SDK's force-flush was answered with success in each invocation."""
    return [result["flushed"] for result in run.results()]


@pytest.mark.parametrize("processors", [(), ("decouple",), ("batch", "decouple")], ids="+".join)
@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_what_arrives_is_what_the_function_sends(through, backend, direct, processors, compression, loop):
    run = through("--freeze", settings={"processors": processors}, exporter={"compression": compression}, STINT_IO=loop)
    assert run.status == 0, run.text
    assert flushed(run) == [True] * 3
    items.assert_equal(direct, backend.items())
    assert f"{len(direct)} items accepted, {len(direct)} delivered, 0 dropped" in run.text


def test_each_invocations_data_arrives_before_the_freeze(through, backend):
    """With `batch` holding for an hour nothing but the end of an invocation can send."""
    run = through("--freeze", settings={**BATCHED, "batch": {"timeout": "1h", "send_batch_size": 1000000}})
    assert run.status == 0, run.text
    traces = [request for request in backend.requests if request.signal == "traces"]
    assert [len(request.items()) for request in traces] == [5, 5, 5]


@pytest.mark.parametrize("mode", ["no-telemetry", "sam", "provisioned-concurrency", "snap-start", "managed-instances"])
def test_nothing_is_lost_in_other_kinds_of_environment(through, backend, direct, mode):
    run = through("--mode", mode, settings=BATCHED)
    assert run.status == 0, run.text
    # The environment says of itself what it is, in the resource: all else is the same.
    assert len(backend.wait_for_items(len(direct))) == len(direct)


def test_a_back_end_that_is_down_fails_nothing_and_what_is_lost_is_said(through, backend):
    backend.answer_always(Answer(status=503))
    run = through("--freeze", settings=BATCHED, exporter={"retry_on_failure": {"initial_interval": "60s"}})
    assert run.status == 0, run.text
    assert flushed(run) == [True] * 3
    assert "0 delivered" in run.text and "environment_end" in run.text, run.text


def test_a_name_that_does_not_resolve_fails_nothing_and_what_is_lost_is_said(through, backend):
    exporter = {"endpoint": "http://back-end.invalid:4318", "retry_on_failure": {"initial_interval": "60s"}}
    run = through("--freeze", settings=BATCHED, exporter=exporter)
    assert run.status == 0, run.text
    assert flushed(run) == [True] * 3
    assert "0 delivered" in run.text and "environment_end" in run.text, run.text
    assert backend.requests == []


def test_a_back_end_that_comes_back_gets_everything(through, backend, direct):
    backend.answer(*[Answer(status=503)] * 4)
    run = through("--freeze", settings=BATCHED)
    assert run.status == 0, run.text
    items.assert_equal(direct, backend.wait_for_items(len(direct)))


def test_a_bad_configuration_is_said_and_the_function_runs(invoke):
    run = invoke(config="receivers:\n  otlp:\n    protocolls: {}\n", **NOBODY,
                 invocations=2)
    assert [one["status"] for one in run.report["invocations"]] == ["success"] * 2, run.text
    assert "collector.yaml:3: receivers::otlp::protocolls" in run.text, run.text
    assert "idle" in run.text


def test_a_bad_configuration_fails_the_init_where_that_is_wished(invoke):
    run = invoke(config="service: {}\n", **NOBODY, invocations=1,
                 STINT_ON_ERROR="fail")
    assert run.status == 1
    assert "Extension.ConfigError" in json.dumps(run.report), run.text


def test_a_port_in_use_is_said_and_the_function_runs(invoke, backend):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = invoke(config=configuration(port, {"endpoint": backend.url}), invocations=2,
                     **NOBODY)
    assert [one["status"] for one in run.report["invocations"]] == ["success"] * 2, run.text
    assert f"protocols::http::endpoint: cannot listen on 127.0.0.1:{port}: the port is in use" in run.text


def test_the_telemetry_of_a_function_that_times_out_arrives(through, backend):
    """The second invocation is cut off; what the first one left in `batch` and what came since goes out all the same."""
    run = through("--event", "{}", "--event", json.dumps({"work_ms": 8000}), "--event", "{}", "--timeout", "3s",
                  invocations=3, settings={**BATCHED, "batch": {"timeout": "1h", "send_batch_size": 1000000}},
                  STINT_DEMO_SEED=None)
    assert [one["status"] for one in run.report["invocations"]] == ["success", "timeout", "success"], run.text
    traces = [request for request in backend.requests if request.signal == "traces"]
    assert [len(request.items()) for request in traces] == [5, 5]
    assert run.text.count("0 dropped") == 2, run.text


def test_a_killed_collectors_data_arrives_when_the_environment_starts_it_again(through, backend):
    """The back end is down while the function's data is accepted; then the collector is killed, as for lack of memory.
    The platform starts it again in the same sandbox, and every item arrives."""
    backend.answer_always(Answer(status=503))
    name = os.path.basename(BINARY)
    seen = []

    def kill():
        """Ends the collector under this test's local Lambda, once it has data that nobody has taken."""
        if poll(lambda: len({request.signal for request in backend.requests}) > 1 and len(backend.requests) > 5, 40):
            seen.extend(collectors_below(os.getpid(), name))
            for pid in seen:
                os.kill(pid, signal.SIGKILL)
            backend.answer_always(Answer())

    killer = threading.Thread(target=kill)
    killer.start()
    run = through("--gap", "1s", settings=BATCHED, exporter={"retry_on_failure": {"initial_interval": "100ms"}},
                  invocations=6)
    killer.join()
    assert len(seen) == 1, run.text
    accepted, dropped, recovered = map(int, re.search(
        r"(\d+) items accepted, \d+ delivered, (\d+) dropped, (\d+) recovered", run.text).groups())
    assert recovered > 5 and accepted > 5 and dropped == 0, run.text
    # What the killed collector had accepted is in none of its lines: the traces of its first invocation are.
    assert len(backend.wait_for_items(accepted + recovered)) == accepted + recovered, run.text


def collectors_below(ancestor, name):
    """Process ids of collectors that descend from `ancestor`."""
    parents, found = {}, []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat, words = (entry / "stat").read_text(), (entry / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        parents[int(entry.name)] = int(stat.rsplit(")", 1)[1].split()[1])
        # That of the emulator, its option and what argv[0] shall be.
        named = words[2] if words[1:2] == ["-0"] else words[0]
        if os.path.basename(named) == name:
            found.append(int(entry.name))

    def descends(pid):
        while pid > 1 and pid != ancestor:
            pid = parents.get(pid, 0)
        return pid == ancestor

    return [pid for pid in found if descends(pid)]


LATE = ("--telemetry-delay", "5s")  # of the platform's word that the function has ended


def overheads(run):
    """Milliseconds for which each invocation was held after the function's end."""
    return [one["extensionOverheadMs"] for one in run.report["invocations"]]


def counted(run):
    """Items accepted, delivered and dropped, by the last line."""
    return tuple(map(int, re.search(r"(\d+) items accepted, (\d+) delivered, (\d+) dropped", run.text).groups()))


def test_the_functions_span_ends_the_hold_before_the_platform_tells(through, backend):
    """The platform tells the end of an invocation five seconds late. With `end_by_span` nobody waits for that."""
    # Without its seed the function's span has the request's own id.
    run = through("--freeze", *LATE, settings=BATCHED, STINT_DEMO_SEED=None, STINT_FLUSH="end", STINT_END_BY_SPAN="5ms")
    assert run.status == 0, run.text
    assert max(overheads(run)) < 2500, overheads(run)
    accepted, delivered, dropped = counted(run)
    assert accepted == delivered == len(backend.items()) > 20 and dropped == 0, run.text


def test_otherwise_the_platform_is_waited_for(through, backend):
    run = through("--freeze", *LATE, settings=BATCHED, STINT_DEMO_SEED=None, STINT_FLUSH="end", invocations=1)
    assert min(overheads(run)) > 2500, overheads(run)


def test_a_span_with_another_id_ends_no_hold(through, backend):
    run = through("--freeze", *LATE, settings=BATCHED, STINT_FLUSH="end", STINT_END_BY_SPAN="5ms", invocations=1)
    assert min(overheads(run)) > 2500, overheads(run)
