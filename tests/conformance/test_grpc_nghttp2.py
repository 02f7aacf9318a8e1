# SPDX-License-Identifier: Apache-2.0
"""OTLP/gRPC in, spoken by nghttp2's own clients: h2load for many calls, nghttp for what a frame's log shows.

They know nothing of gRPC: the body is a message with its prefix, and what counts is what arrives at the back end.
"""

import collections
import re
import shutil
import subprocess
import threading

import pytest

import generate
import items
from backend import Answer
from grpc_wire import framed
from test_grpc_ingest import BATCHED, METHODS, MIB, authority, leaf, start_grpc  # noqa: F401 (fixtures)

pytestmark = pytest.mark.skipif(shutil.which("h2load") is None, reason="nghttp2-client is not installed")

REQUEST = generate.request("traces", 3)
ITEMS = items.items("traces", REQUEST)


class Finished:
    def __init__(self, program, target, body, *options, scheme="http", seconds=60):
        headers = ("-H", "content-type: application/grpc", "-H", "te: trailers")
        finished = subprocess.run(
            [program, *map(str, options), *headers, "-d", str(body), f"{scheme}://{target}{METHODS['traces']}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
        )
        self.text = finished.stdout + finished.stderr
        assert finished.returncode == 0, self.text

    def count(self, what):
        """What h2load says of the requests: "succeeded", "errored", ..."""
        return int(re.search(rf"(\d+) {what}\b", self.text.split("requests: ")[1]).group(1))

    def statuses(self):
        """Of grpc-status in the order in which nghttp saw them."""
        return re.findall(r"grpc-status: (\d+)", self.text)

    def frames(self, direction, kind):
        return re.findall(rf"{direction} {kind} frame.*\n(?:  +.*\n)*", self.text)


@pytest.fixture
def body(tmp_path):
    file = tmp_path / "body"
    file.write_bytes(framed(REQUEST.SerializeToString()))
    return file


def assert_arrived(backend, calls, at_least=False):
    """That many calls' items, each as it was sent."""
    arrived = collections.Counter(backend.wait_for_items(calls * len(ITEMS)))
    counts = {arrived[item] for item in set(ITEMS)}
    assert set(arrived) == set(ITEMS) and len(counts) == 1
    assert counts.pop() >= calls if at_least else counts == {calls}


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "load",
    [
        ("-n", 1500, "-c", 30, "-m", 32),  # many connections
        ("-n", 1500, "-c", 1, "-m", 100),  # many streams
        ("-n", 300, "-c", 100, "-m", 1),
        ("-n", 500, "-c", 4, "-m", 20, "-w", 1, "-W", 16),  # a client that takes one byte at a time
        ("-n", 500, "-c", 4, "-m", 20, "--header-table-size=0", "--encoder-header-table-size=0"),
    ],
    ids=["connections", "streams", "one call each", "tiny windows", "no header table"],
)
def test_every_call_of_a_load_is_accepted_and_arrives(backend, start_grpc, authority, leaf, body, scheme, load):
    tls = {"tls": {"cert_file": str(leaf.file), "key_file": str(leaf.key_file)}} if scheme == "https" else {}
    finished = Finished("h2load", start_grpc(tls, processors=BATCHED), body, *load, scheme=scheme)
    assert (finished.count("succeeded"), finished.count("errored"), finished.count("failed")) == (load[1], 0, 0)
    assert_arrived(backend, load[1])


@pytest.mark.parametrize("streams", [1, 3])
def test_a_client_keeps_to_the_streams_that_it_is_allowed(backend, start_grpc, body, streams):
    finished = Finished("nghttp", start_grpc({"max_concurrent_streams": streams}), body, "-v", "-m", 20)
    assert f"[SETTINGS_MAX_CONCURRENT_STREAMS(0x03):{streams}]" in "".join(finished.frames("recv", "SETTINGS"))
    # What it opened before it knew may be refused: nghttp2 then says so, and nothing of it has arrived.
    refused = len([one for one in finished.frames("recv", "RST_STREAM") if "REFUSED_STREAM" in one])
    assert finished.statuses() == ["0"] * (20 - refused) and refused < 20
    assert_arrived(backend, 20 - refused)


def test_padding_trailers_and_continuations_are_http2_like_any_other(backend, start_grpc, body):
    target = start_grpc()
    for options in (("-b", 200), ("--trailer", "x-end: yes"), ("--continuation",), ("--no-content-length",), ("-c", 0)):
        finished = Finished("nghttp", target, body, "-v", "-m", 3, *options)
        assert finished.statuses() == ["0"] * 3, finished.text
    assert_arrived(backend, 15)


def test_a_message_of_several_windows_is_taken_as_windows_open(backend, start_grpc, tmp_path):
    request = generate.request("traces", 3)
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.attributes.add(key="large").value.string_value = "x" * (3 * MIB)
    file = tmp_path / "large"
    file.write_bytes(framed(request.SerializeToString()))
    finished = Finished("nghttp", start_grpc(), file, "-v", "-m", 3, "-w", 10)
    assert finished.statuses() == ["0"] * 3
    assert finished.frames("recv", "WINDOW_UPDATE")
    items.assert_equal(items.items("traces", request) * 3, backend.items())


def test_a_call_under_way_is_finished_behind_goaway_and_its_ping(backend, start_grpc, body):
    hold = threading.Event()
    backend.answer(Answer(hold=hold))
    target = start_grpc({"keepalive": {"server_parameters": {"max_connection_age": "50ms", "max_connection_age_grace": "20s"}}})
    threading.Timer(0.5, hold.set).start()
    finished = Finished("nghttp", target, body, "-v")
    first, last = finished.frames("recv", "GOAWAY")
    assert f"last_stream_id={2**31 - 1}" in first and "NO_ERROR" in first
    assert "last_stream_id=13" in last and "NO_ERROR" in last
    assert len(finished.frames("recv", "PING")) == 1 and "ACK" in finished.frames("send", "PING")[0]
    assert finished.text.index(last) < finished.text.index("grpc-status: 0")
    assert_arrived(backend, 1)


def test_what_a_draining_connection_has_accepted_arrives(backend, start_grpc, body):
    keepalive = {"server_parameters": {"max_connection_age": "30ms", "max_connection_age_grace": "5s"}}
    target = start_grpc({"keepalive": keepalive}, processors=BATCHED)
    finished = Finished("h2load", target, body, "-n", 200_000, "-c", 4, "-m", 10)
    # It opens no second connection: what it had not begun is its own error, and what succeeded was accepted.
    succeeded = finished.count("succeeded")
    assert 0 < succeeded < 200_000 and finished.count("5xx") == 0
    start_grpc.collector.terminate()
    assert_arrived(backend, succeeded, at_least=True)


def test_a_silent_connection_is_probed_and_its_call_goes_on(backend, start_grpc, body):
    hold = threading.Event()
    backend.answer(Answer(hold=hold))
    target = start_grpc({"keepalive": {"server_parameters": {"time": "1s", "timeout": "20s"}}})
    threading.Timer(1.5, hold.set).start()
    finished = Finished("nghttp", target, body, "-v")
    assert finished.frames("recv", "PING") and "ACK" in finished.frames("send", "PING")[0]
    assert finished.statuses() == ["0"] and not finished.frames("recv", "GOAWAY")
    assert_arrived(backend, 1)


def test_a_load_of_bad_calls_leaves_the_good_ones_alone(backend, start_grpc, body, tmp_path):
    target = start_grpc(processors=BATCHED)
    bad = tmp_path / "bad"
    bad.write_bytes(framed(b"\xff" * 100))
    junk = threading.Thread(target=lambda: Finished("h2load", target, bad, "-n", 3000, "-c", 10, "-m", 20))
    junk.start()
    finished = Finished("h2load", target, body, "-n", 1000, "-c", 5, "-m", 20)
    junk.join()
    assert finished.count("succeeded") == 1000
    assert Finished("nghttp", target, bad, "-v").statuses() == ["13"]
    assert_arrived(backend, 1000)
