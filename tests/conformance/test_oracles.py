# SPDX-License-Identifier: Apache-2.0
"""The oracles judged: back end, items, demonstration function and extension, without the collector.

An oracle that accepts everything would let every other test pass.
"""

import collections
import gzip
import json
import os
import pathlib
import subprocess
import sys
import threading

import pytest

import client
import generate
import items
from backend import Answer, Backend
from collector import poll
from function import run_function
from lambda_stub import LambdaStub

EXTENSION = pathlib.Path(__file__).with_name("extension.py")


@pytest.fixture
def judged():
    """A back end whose complaints are the test's subject."""
    with Backend() as started:
        yield started


def body(signal="traces", seed=1):
    return generate.request(signal, seed).SerializeToString()


# Items


@pytest.mark.parametrize("signal", items.SIGNALS)
def test_items_do_not_depend_on_how_requests_are_cut(signal):
    first, second = generate.request(signal, 1), generate.request(signal, 2)
    joined = items.decode(signal, first.SerializeToString() + second.SerializeToString())
    items.assert_equal(items.items(signal, first) + items.items(signal, second), items.items(signal, joined))


@pytest.mark.parametrize("signal", items.SIGNALS)
def test_a_lost_a_doubled_and_a_changed_item_are_told(signal):
    whole = items.items(signal, generate.request(signal, 1)) * 2
    assert items.difference(whole, whole[1:]).startswith("1 items missing, 0 unexpected")
    assert items.difference(whole, whole + whole[:1]).startswith("0 items missing, 1 unexpected")
    changed = json.loads(whole[0])
    changed["resource"]["schema_url"] = "https://elsewhere.example"
    text = items.difference(whole, [items._text(changed)] + whole[1:])
    assert "resource.schema_url: expected" in text and "https://elsewhere.example" in text


def leaves(message, path=""):
    """Every scalar field of the message's type, by walking one instance that has them."""
    for field, value in message.ListFields():
        if field.message_type:
            for one in value if field.is_repeated else (value,):
                yield from leaves(one)
        else:
            yield field.full_name


def test_the_generator_reaches_every_scalar_field_of_the_three_signals():
    seen = collections.Counter(
        name for signal in items.SIGNALS for seed in range(60) for name in leaves(generate.request(signal, seed))
    )
    wanted, todo = set(), [items.REQUESTS[signal].DESCRIPTOR for signal in items.SIGNALS]
    known = set()
    while todo:
        descriptor = todo.pop()
        if descriptor.full_name in known:
            continue
        known.add(descriptor.full_name)
        for field in descriptor.fields:
            if field.message_type:
                todo.append(field.message_type)
            else:
                wanted.add(field.full_name)
    assert wanted - set(seen) == set()


# The back end


@pytest.mark.parametrize("signal", items.SIGNALS)
@pytest.mark.parametrize("encoding", [None, "gzip"])
def test_the_back_end_takes_what_is_right(backend, signal, encoding):
    plain = body(signal)
    sent = gzip.compress(plain) if encoding else plain
    response = client.post(backend.port, sent, path=f"/v1/{signal}", content_encoding=encoding)
    assert (response.status, response.body) == (200, b"")
    (request,) = backend.requests
    assert (request.body, request.plain, request.accepted) == (sent, plain, True)
    items.assert_equal(items.items(signal, generate.request(signal, 1)), backend.items())


@pytest.mark.parametrize(
    "name, data, status",
    [
        ("method", client.request(body(), method="GET"), 405),
        ("path", client.request(body(), path="/v1/trace"), 404),
        ("no content type", client.request(body(), content_type=None), 415),
        ("content type", client.request(body(), content_type="application/protobuf"), 415),
        ("content encoding", client.request(body(), content_encoding="br"), 400),
        ("not gzip", client.request(body(), content_encoding="gzip"), 400),
        ("cut gzip", client.request(gzip.compress(body())[:-4], content_encoding="gzip"), 400),
        ("cut protobuf", client.request(body()[:-1]), 400),
        ("invalid UTF-8", client.request(b"\x0a\x04\x1a\x02\xff\xff"), 400),
        ("unknown field", client.request(b"\x98\x06\x01"), 400),
        ("short id", client.request(b"\x0a\x07\x12\x05\x12\x03\x0a\x01\x01"), 400),
    ],
)
def test_the_back_end_refuses_what_is_wrong(judged, name, data, status):
    with client.Client(judged.port) as connection:
        assert connection.exchange(data).status == status
        assert connection.exchange(client.request(body())).status == 200
    assert len(judged.violations) == 1
    assert [request.accepted for request in judged.requests] == [False, True]


@pytest.mark.parametrize(
    "data",
    [
        b"POST /v1/traces HTTP/1.0\r\nhost: a\r\n\r\n",
        b"POST /v1/traces HTTP/1.1\r\n\r\n",
        b"POST /v1/traces HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\ncontent-length: 0\r\n\r\n",
        b"POST /v1/traces HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\ntransfer-encoding: chunked\r\n\r\n",
        b"POST /v1/traces HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nx\r\n",
        b"POST /v1/traces HTTP/1.1\r\nhost : a\r\n\r\n",
        b"POST /v1/traces HTTP/1.1\r\nhost: a\nx: b\r\n\r\n",
    ],
)
def test_the_back_end_ends_a_connection_that_is_not_http(judged, data):
    with client.Client(judged.port) as connection:
        connection.send(data)
        assert connection.is_closed()
    assert poll(lambda: judged.violations)


def test_the_back_end_answers_as_it_is_told(judged):
    held = threading.Event()
    judged.answer(
        Answer(status=503, headers=(("Retry-After", "1"),), message="later"),
        Answer(rejected=2, message="two too many"),
        Answer(chunked=True, message="in pieces"),
        Answer(hold=held),
    )
    with client.Client(judged.port) as connection:
        first = connection.exchange(client.request(body()))
        assert (first.status, first.headers["retry-after"], first.rpc_status().message) == (503, "1", "later")
        partial = items.RESPONSES["traces"].FromString(connection.exchange(client.request(body())).body).partial_success
        assert (partial.rejected_spans, partial.error_message) == (2, "two too many")
        connection.send(client.request(body()))
        assert connection._until(b"\r\n0\r\n\r\n").split(b"\r\n\r\n")[1].startswith(b"1\r\n")
        connection.send(client.request(body()))
        assert judged.wait_for_requests(4) and judged.requests[3].answered is None
        held.set()
        assert connection.receive().status == 200
    assert [request.accepted for request in judged.requests] == [False, True, True, True]


def test_the_back_end_breaks_off_as_it_is_told(judged):
    judged.answer(
        Answer(reset=True),
        Answer(cut=1, body=b"\x0a\x00"),
        Answer(raw=b"nonsense\r\n\r\n"),
        Answer(close_silently=True),
    )
    for sends_answer in (False, False, False, True):
        with client.Client(judged.port) as connection:
            connection.send(client.request(body()))
            if sends_answer:
                assert connection.receive().status == 200
                assert connection.is_closed()
            else:
                with pytest.raises((client.ConnectionEnded, AssertionError)):
                    connection.receive()
    assert [request.accepted for request in judged.requests] == [False, False, False, True]


def test_the_back_end_as_a_command_writes_accepted_items(tmp_path):
    out = tmp_path / "items.jsonl"
    script = pathlib.Path(__file__).with_name("backend.py")
    process = subprocess.Popen([sys.executable, script, "--out", out], stdout=subprocess.PIPE, text=True)
    try:
        word, port = process.stdout.readline().split()
        assert word == "listening"
        assert client.post(int(port), body("metrics"), path="/v1/metrics").status == 200
    finally:
        process.terminate()
        assert process.wait(20) == 0
    items.assert_equal(
        items.items("metrics", generate.request("metrics", 1)), out.read_text(encoding="utf-8").splitlines()
    )


# The function


def test_the_function_makes_all_three_signals_and_an_error(backend, venv_python):
    responses = run_function(venv_python, backend.url, 3, None)
    assert [response["paid"] for response in responses] == [True, True, False]
    received = [json.loads(item) for item in backend.items()]
    assert collections.Counter(item["signal"] for item in received)["traces"] == 15
    assert {item["metric"]["kind"] for item in received if item["signal"] == "metrics"} == {"sum", "histogram", "gauge"}
    spans = [item["span"] for item in received if item["signal"] == "traces"]
    assert [span["status"].get("code") for span in spans].count(2) == 1
    assert any("events" in span for span in spans)
    known = {span["span_id"] for span in spans}
    assert all(span.get("parent_span_id", span["span_id"]) in known for span in spans)
    logs = [item["record"] for item in received if item["signal"] == "logs"]
    assert len(logs) == 6 and all(log["span_id"] in known for log in logs)


def test_the_function_repeats_itself_with_the_same_seed_and_only_then(venv_python):
    runs = []
    for seed in ("1", "1", "2"):
        with Backend() as started:
            run_function(venv_python, started.url, 2, seed)
            runs.append(started.items())
    items.assert_equal(runs[0], runs[1])
    assert not set(runs[0]) & set(runs[2])


# The extension


class Extension:
    """extension.py beside a stub of the platform; `seen(kind)` are its records of that kind."""

    def __init__(self, folder, stub, **environment):
        self.out = folder / "seen.jsonl"
        self.out.touch()
        added = {name: str(value) for name, value in environment.items()}
        self.process = subprocess.Popen(
            [EXTENSION],
            env={
                "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}",
                "AWS_LAMBDA_RUNTIME_API": stub.address,
                "STINT_TEST_EXTENSION_OUT": str(self.out),
                "STINT_TEST_EXTENSION_LISTENER": "127.0.0.1",
                **added,
            },
        )

    def seen(self, kind):
        records = map(json.loads, self.out.read_text(encoding="utf-8").splitlines())
        return [record for record in records if record["kind"] == kind]

    def wait_for(self, kind, count=1):
        assert poll(lambda: len(self.seen(kind)) >= count), self.out.read_text(encoding="utf-8")
        return self.seen(kind)


@pytest.fixture
def extension(tmp_path):
    """A function (stub, **environment) that starts the extension; it is killed with the test if it still runs."""
    started = []

    def start(stub, **environment):
        started.append(Extension(tmp_path, stub, **environment))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


def invoke(stub):
    return stub.handle("GET", "/2018-06-01/runtime/invocation/next", {}, b"")[1]["Lambda-Runtime-Aws-Request-Id"]


def test_the_extension_goes_through_a_whole_life(extension):
    with LambdaStub([{}]) as stub:
        one = extension(stub)
        assert one.wait_for("register")[0]["status"] == 200
        assert one.wait_for("subscribe")[0]["status"] == 200
        request_id = invoke(stub)
        assert one.wait_for("next")[0]["body"]["requestId"] == request_id
        assert (
            stub.deliver(
                [
                    {
                        "time": "2022-10-12T00:01:15.000Z",
                        "type": "platform.runtimeDone",
                        "record": {"requestId": request_id},
                    }
                ]
            )
            == 200
        )
        assert one.wait_for("telemetry")[0]["events"][0]["record"]["requestId"] == request_id
        stub.shut_down()
        assert one.process.wait(20) == 0
    assert [record["body"]["eventType"] for record in one.seen("next")] == ["INVOKE", "SHUTDOWN"]


@pytest.mark.parametrize(
    "mode, status", [("crash-init", 1), ("bad-events", 1), ("init-error", 1), ("crash-registered", 1)]
)
def test_the_extension_ends_badly_when_told_to(extension, mode, status):
    with LambdaStub([]) as stub:
        assert extension(stub, STINT_TEST_EXTENSION_MODE=mode).process.wait(20) == status


def test_the_extension_shows_that_a_second_next_is_refused(extension):
    with LambdaStub([{}]) as stub:
        one = extension(stub, STINT_TEST_EXTENSION_MODE="second-next")
        poll(lambda: [r for r in one.seen("next") + one.seen("second-next") if r["status"] == 403])
        (refused,) = [r for r in one.seen("next") + one.seen("second-next") if r["status"] == 403]
        assert refused["body"]["errorType"] == "Extension.InvalidExtensionState"
        invoke(stub)
        stub.shut_down()
        assert one.process.wait(20) == 0


def test_the_extension_refuses_one_delivery_when_told_to(extension):
    with LambdaStub([]) as stub:
        one = extension(stub, STINT_TEST_EXTENSION_MODE="refuse-telemetry")
        one.wait_for("subscribe")
        assert [stub.deliver([]), stub.deliver([])] == [500, 200]
        assert [record["refused"] for record in one.wait_for("telemetry", 2)] == [True, False]


def test_the_extension_can_hang_at_shutdown(extension):
    with LambdaStub([]) as stub:
        one = extension(stub, STINT_TEST_EXTENSION_MODE="hang-shutdown")
        one.wait_for("subscribe")
        stub.shut_down()
        assert one.wait_for("next")[0]["body"]["eventType"] == "SHUTDOWN"
        with pytest.raises(subprocess.TimeoutExpired):
            one.process.wait(1)
