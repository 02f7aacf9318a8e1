# SPDX-License-Identifier: Apache-2.0
"""10,000 connection attempts against few descriptors. Half of them are held open for a while. Meanwhile the collector
serves those who were there before and those who come, reaches its back end over new connections, and asks the platform
for events; afterwards all descriptors are back.

1,024 descriptors are what an environment shares; 64 stand for one in which the function has taken nearly all.
"""

import pathlib
import resource
import socket
import subprocess
import urllib.request

import pytest

import client
import generate
import items
from client import Client, assert_success
from collector import BINARY, configuration, environment, free_port, poll, write_configuration
from lambda_stub import LambdaStub
from test_grpc_ingest import Sender

ATTEMPTS = 10_000
ROUND = 200
INVOCATIONS = 5


class Extension:
    """A collector beside a stub of the platform, with so many descriptors."""

    def __init__(self, folder, backend, stub, descriptors, loop):
        self.http, self.grpc = free_port(), free_port()
        self._stub = stub
        self._log = folder / "log"
        exporter = {"endpoint": backend.url, "retry_on_failure": {"initial_interval": "20ms"}}
        config = configuration(self.http, exporter, processors=("decouple",))
        config["receivers"]["otlp"]["protocols"]["grpc"] = {"endpoint": f"127.0.0.1:{self.grpc}"}
        variables = environment(
            AWS_LAMBDA_RUNTIME_API=stub.address, STINT_IO=loop, STINT_FLUSH="continuous", STINT_JOURNAL="off",
            OPENTELEMETRY_EXTENSION_LOG_LEVEL="info",
            OPENTELEMETRY_COLLECTOR_CONFIG_URI=str(write_configuration(folder, config)))
        limits = (descriptors, descriptors)
        with open(self._log, "wb") as output:
            self.process = subprocess.Popen(
                [BINARY], env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limits))

    def log(self):
        return self._log.read_text(errors="replace")

    def descriptors(self):
        return len(list(pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def invoke(self):
        """A whole invocation, in which the function does nothing."""
        path = f"http://{self._stub.address}/2018-06-01/runtime/invocation"
        with urllib.request.urlopen(f"{path}/next") as event:
            request_id = event.headers["Lambda-Runtime-Aws-Request-Id"]
        assert self._stub.wait_until_asked(), self.log()
        urllib.request.urlopen(urllib.request.Request(f"{path}/{request_id}/response", b"{}")).close()


@pytest.fixture
def extension(request, backend, loop, tmp_path):
    with LambdaStub([{}] * INVOCATIONS) as stub:
        started = Extension(tmp_path, backend, stub, request.param, loop)
        try:
            assert stub.wait_until_asked(), started.log()
            yield started
            stub.shut_down()
            assert started.process.wait(30) == 0, started.log()
        finally:
            started.process.kill()
            started.process.wait()


def attempt(ports, count):
    """So many connections, over which nothing is sent. Those that were refused are none."""
    made = []
    for number in range(count):
        one = socket.socket()
        one.settimeout(10)
        try:
            one.connect(("127.0.0.1", ports[number % 2]))
            made.append(one)
        except OSError:
            one.close()
    return made


def close_all(connections):
    while connections:
        connections.pop().close()


class Working:
    """A sender that keeps its connection, and makes another when that was closed for a newcomer while it was idle."""

    def __init__(self, port):
        self._port, self._client = port, Client(port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._client.close()

    def exchange(self, request):
        try:
            return self._client.exchange(request)
        except (client.ConnectionEnded, BrokenPipeError):
            self._client.close()
            self._client = Client(self._port)
            return self._client.exchange(request)


@pytest.mark.parametrize("extension", [1024, 64], indirect=True)
def test_many_connections_keep_nobody_from_anything(extension, backend):
    expected, held = [], []

    def one_more():
        request = generate.request("traces", len(expected))
        expected.extend(items.items("traces", request))
        return request.SerializeToString()

    before = extension.descriptors()
    rounds = ATTEMPTS // ROUND
    with Sender(f"127.0.0.1:{extension.grpc}") as sender, Working(extension.http) as working:
        assert_success(working.exchange(client.request(one_more())))
        for number in range(rounds):
            crowd = attempt((extension.http, extension.grpc), ROUND)
            close_all(held)
            held = crowd[::2]
            for one in crowd[1::2]:
                one.close()
            # The back end has to be reached anew, while the crowd is there.
            backend.close_connections()
            assert_success(working.exchange(client.request(one_more())))
            assert isinstance(sender.call("traces", one_more(), wait_for_ready=True), bytes)
            if number % (rounds // INVOCATIONS) == 0:
                extension.invoke()
        # A request whose connection was closed before its answer came again.
        assert backend.wait(lambda one: set(expected) == set(one.items())), items.difference(expected, backend.items())
        close_all(held)
    assert poll(lambda: extension.descriptors() <= before + 4), (before, extension.descriptors())
    assert extension.log().count("accept: ") <= 5, extension.log()


@pytest.mark.parametrize("extension", [64], indirect=True)
def test_a_back_end_is_reached_while_every_connection_that_may_be_is_open(extension, backend):
    """Before anything has been sent on: there is no connection to the back end yet."""
    crowd = attempt((extension.http, extension.grpc), 300)
    request = generate.request("traces", 1)
    with Client(extension.http) as late:
        assert_success(late.exchange(client.request(request.SerializeToString())))
    items.assert_equal(items.items("traces", request), backend.wait_for_items(1))
    close_all(crowd)
