# SPDX-License-Identifier: Apache-2.0
"""A bug of the collector must not fail the function: it is crashed by signals from outside, at every stage of its life,
and the invocation under way and all that follow succeed. The local Lambda and the stub refuse a second `next`.
"""

import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading

import pytest

from collector import BINARY, EMULATED, SANITIZED, configuration, environment, free_port, poll, write_configuration
from lambda_stub import LambdaStub
from test_local_lambda import PROGRAM, Run

pytestmark = [
    pytest.mark.skipif(SANITIZED, reason="a build with sanitizers reports a crash instead of surviving it"),
    pytest.mark.skipif(EMULATED, reason="what crashes is the emulator then"),
]

HANDLER = '''
import http.client, json, os

def collector():
    """The extension of this very environment: its parent is ours."""
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/stat") as stat, open(f"/proc/{entry}/cmdline") as command:
                parent = int(stat.read().rsplit(")", 1)[1].split()[1])
                if parent == os.getppid() and command.read().split("\\0")[0].endswith("/collector"):
                    return int(entry)
        except (OSError, ValueError):
            pass
    raise RuntimeError("there is no collector")

def send(kind, body):
    """As an SDK does, once more when the connection dies: the crashed process may have taken it."""
    try:
        return send_once(kind, body)
    except ConnectionError:
        return send_once(kind, body)

def send_once(kind, body):
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ["COLLECTOR_PORT"]), timeout=5)
    connection.request("POST", "/v1/logs", body, {"Content-Type": kind})
    answer = connection.getresponse()
    return [answer.status, answer.getheader("Content-Type"), answer.read().decode("latin-1")]

if number := int(os.environ.get("CRASH_IN_INIT", "0")):
    os.kill(collector(), number)

def handler(event, context):
    if number := event.get("crash", 0):
        os.kill(collector(), number)
    if mark := event.get("mark"):
        open(mark, "w").write(str(collector()))
    return {"json": send("application/json", "{}"), "protobuf": send("application/x-protobuf", b""),
            "other": send("application/xml", "<x/>" * 100000)}
'''


@pytest.fixture
def invoke(tmp_path, venv_python, backend):
    """A function (events, *options, beside, **environment) that runs the local Lambda to its end; `beside` is called
    while it runs."""

    def run(events, *options, beside=None, **variables):
        (tmp_path / "handler.py").write_text(HANDLER)
        port = free_port()
        exporter = {"endpoint": backend.url}
        config = write_configuration(tmp_path, configuration(port, exporter, ("batch", "decouple")))
        report = tmp_path / "report.json"
        command = [str(PROGRAM), "--function", str(tmp_path), "--runtime", f"{venv_python} -m awslambdaric",
                   "--extension", BINARY, "--config", str(config), "--no-backend", "--timeout", "20s",
                   "--invocations", str(len(events)), "--json", str(report), *options]
        command += [part for event in events for part in ("--event", json.dumps(event))]
        variables |= {"COLLECTOR_PORT": str(port), "STINT_TEST_INERT": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        command += [part for name, value in variables.items() for part in ("--env", f"{name}={value}")]
        thread = threading.Thread(target=beside) if beside else None
        if thread:
            thread.start()
        completed = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
        if thread:
            thread.join()
        return Run(completed, json.loads(report.read_text()), [])

    return run


def expect_inert(run, signal_number, invocations):
    assert [one["status"] for one in run.report["invocations"]] == ["success"] * invocations, run.text
    assert run.status == 0, run.text
    extension = run.report["extensions"][0]
    assert (extension["starts"], extension["lastExit"]) == (1, "exit status 0"), run.text
    assert run.text.count(f"crashed: {signal.Signals(signal_number).name} sent by process") == 1, run.text
    assert "InvalidExtensionState" not in run.text, run.text
    assert not re.search(r"(?<!process )\b403\b", run.text), run.text  # a status, not part of a time or a process id


def expect_refusals(result):
    """What every sender is told, in its own language."""
    for kind in ("json", "protobuf", "other"):
        status, media_type, body = result[kind]
        assert status == 400 and "the collector has crashed" in body, result
        assert media_type.split(";")[0] == {"json": "application/json", "protobuf": "application/x-protobuf",
                                            "other": "text/plain"}[kind]
    assert json.loads(result["json"][2])["code"] == 13


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT], ids=lambda one: one.name)
@pytest.mark.parametrize("policy", ["end", "continuous"])
def test_a_crash_in_an_invocation_fails_neither_it_nor_the_next(invoke, number, policy, loop):
    """With `end` no `next` is outstanding then, with `continuous` there is one."""
    run = invoke([{}, {"crash": number}, {}, {}], STINT_FLUSH=policy, STINT_IO=loop)
    expect_inert(run, number, 4)
    first, *others = run.results()
    assert first["json"][0] == first["protobuf"][0] == 200
    for result in others:
        expect_refusals(result)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT], ids=lambda one: one.name)
def test_a_crash_in_the_freeze_fails_no_invocation(invoke, tmp_path, number, loop):
    mark = tmp_path / "mark"

    def crash_when_frozen():
        pid = poll(lambda: mark.exists() and mark.read_text())
        stat = pathlib.Path(f"/proc/{pid}/stat")
        assert poll(lambda: stat.read_text().rsplit(")", 1)[1].split()[0] == "T")
        os.kill(int(pid), number)

    run = invoke([{"mark": str(mark)}, {}, {}], "--freeze", "--gap", "1s", beside=crash_when_frozen, STINT_IO=loop)
    expect_inert(run, number, 3)
    expect_refusals(run.results()[1])
    expect_refusals(run.results()[2])


def test_a_crash_in_init_fails_no_invocation(invoke, loop):
    run = invoke([{}, {}], CRASH_IN_INIT=int(signal.SIGSEGV), STINT_IO=loop)
    expect_inert(run, signal.SIGSEGV, 2)
    expect_refusals(run.results()[1])


class HeldStub(LambdaStub):
    """Answers the call whose path ends with `held` only after release()."""

    def __init__(self, held):
        self.held, self.came, self.released, self.nexts = held, threading.Event(), threading.Event(), []
        super().__init__([])

    def handle(self, method, path, headers, body):
        if path.endswith("/event/next"):
            self.nexts.append(headers.get("Lambda-Extension-Identifier"))
        if self.held and path.endswith(self.held):
            self.came.set()
            assert self.released.wait(30)
        return super().handle(method, path, headers, body)


@pytest.fixture
def start(tmp_path):
    """A function (api, **environment) that starts the collector as an extension; ended with the test."""
    started = []

    def run(api, config, **variables):
        path = write_configuration(tmp_path, config)
        output = open(tmp_path / "output", "wb")
        process = subprocess.Popen(
            [BINARY], stdout=output, stderr=output, stdin=subprocess.DEVNULL,
            env=environment(AWS_LAMBDA_RUNTIME_API=api, OPENTELEMETRY_COLLECTOR_CONFIG_URI=str(path),
                            STINT_TEST_INERT="1", **variables))
        output.close()
        process.text = lambda: (tmp_path / "output").read_text()
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait(10)


def catches(process, number):
    """Whether the process has a handler for the signal."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("SigCgt:")[1].split()[0], 16) >> (number - 1) & 1


@pytest.mark.parametrize("held", ["/register", "/telemetry"])
def test_a_crash_on_the_way_to_the_first_next_still_ends_in_one(start, backend, held, loop):
    with HeldStub(held) as stub:
        port = free_port()
        process = start(stub.address, configuration(port, {"endpoint": backend.url}), STINT_IO=loop)
        assert stub.came.wait(20)
        assert poll(lambda: catches(process, signal.SIGSEGV))
        process.send_signal(signal.SIGSEGV)
        assert poll(lambda: "crashed: SIGSEGV" in process.text()), process.text()
        stub.released.set()
        assert poll(lambda: stub.nexts), process.text()
        assert stub.nexts == [stub._identifier]
        stub.shut_down()
        assert process.wait(20) == 0, process.text()


@pytest.fixture
def inert(start, backend):
    """A stub, the process in inert mode with its `next` outstanding, and the port of its receiver."""
    with HeldStub(None) as stub:
        port = free_port()
        process = start(stub.address, configuration(port, {"endpoint": backend.url}))
        assert poll(lambda: stub.nexts), process.text()
        process.send_signal(signal.SIGBUS)
        assert poll(lambda: "crashed: SIGBUS" in process.text()), process.text()
        yield stub, process, port
        assert len(stub.nexts) == 1


def test_what_the_platform_delivers_is_taken(inert):
    stub, process, _ = inert
    stub.destination = stub.destination.replace("sandbox.localdomain", "127.0.0.1")
    assert stub.deliver([{"type": "function", "record": "x" * 1000} for _ in range(500)]) == 200
    stub.shut_down()
    assert process.wait(20) == 0


@pytest.mark.parametrize("first", [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00"],
                         ids=["http2", "tls"])
def test_who_speaks_something_else_is_cut_off(inert, first):
    _, process, port = inert
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(first)
        try:
            assert connection.recv(100) == b""
        except ConnectionResetError:
            pass
    assert process.poll() is None


def test_more_senders_than_places_are_all_answered(inert):
    _, process, port = inert
    silent = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(200)]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/v1/traces", b"")
    assert connection.getresponse().status == 400
    for one in silent:
        one.close()
    assert process.poll() is None


def test_a_head_without_an_end_is_answered_too(inert):
    _, _, port = inert
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"POST /v1/logs HTTP/1.1\r\nX: " + b"y" * 20000)
        assert connection.recv(1000).startswith(b"HTTP/1.1 400 ")


def test_a_second_crash_ends_the_process(inert):
    _, process, _ = inert
    process.send_signal(signal.SIGSEGV)
    assert process.wait(20) == -signal.SIGSEGV
    assert process.text().count("crashed") == 1


def test_sigterm_ends_inert_mode(inert):
    _, process, _ = inert
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def test_a_crash_before_registration_just_ends_the_process(start, backend):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:  # more than the queue takes: who comes next waits in connect()
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        process = start(f"127.0.0.1:{port}", configuration(free_port(), {"endpoint": backend.url}))
        descriptors = pathlib.Path(f"/proc/{process.pid}/fd")
        assert poll(lambda: any("socket" in os.readlink(one) for one in descriptors.iterdir()))
        process.send_signal(signal.SIGSEGV)
        assert process.wait(20) == -signal.SIGSEGV
        assert "crashed" not in process.text()
        for one in waiting:
            one.close()
