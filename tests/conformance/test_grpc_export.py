# SPDX-License-Identifier: Apache-2.0
"""The `otlp` exporter before gRPC back ends of every temper: what it sends, what it sends again, and what it tells the
sender. How it gets there, by TLS or otherwise, is test_grpc_export_ways'.

Most pipelines here are synchronous, so that the sender's answer shows what became of its data.
"""

import base64
import gzip
import os
import signal as signals
import threading
import time

import grpc
import pytest

import collector as collector_module
import items
from client import assert_success, post_message
from collector import free_port, poll
from grpc_backend import GrpcBackend
from grpc_wire import GrpcAnswer, GrpcWire
from seeded import send, send_every_signal, send_in_background, span_items, spans
from test_grpc_ingest import Sender, detail_of

MIB = 1 << 20
PLAIN = {"tls": {"insecure": True}}
LATER = {"retry_on_failure": {"enabled": False}}
REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 7, 8, 11


@pytest.fixture
def wire():
    """A back end on a free port. The test fails when anything that reached it broke the protocol."""
    with GrpcWire() as started:
        yield started
        assert started.violations == []


def grpc_configuration(ports, endpoint, processors=(), kind="otlp_grpc", exporter=None, **processor_settings):
    """Both receivers on the two ports, HTTP's first; one exporter of that kind."""
    http_port, grpc_port = ports
    exporter = {"endpoint": endpoint, **(exporter or {})}
    configuration = collector_module.configuration(http_port, exporter, processors, kind=kind, **processor_settings)
    configuration["receivers"]["otlp"]["protocols"]["grpc"] = {"endpoint": f"127.0.0.1:{grpc_port}"}
    return configuration


@pytest.fixture
def start(start_collector):
    """A function (endpoint, exporter settings) that starts a collector; `running.grpc` is its gRPC receiver's address."""

    def started(endpoint, processors=(), environment=None, kind="otlp_grpc", secured=False, settings=None, **exporter):
        ports = free_port(), free_port()
        exporter = {"retry_on_failure": {"initial_interval": "20ms"}, **({} if secured else PLAIN), **exporter}
        configuration = grpc_configuration(ports, endpoint, processors, kind, exporter, **(settings or {}))
        running = start_collector(configuration, ports[0], **(environment or {}))
        running.grpc = f"127.0.0.1:{ports[1]}"
        return running

    return started


# What is sent


@pytest.mark.parametrize("kind", ["otlp", "otlp_grpc", "otlp/named"])
@pytest.mark.parametrize("compression", [None, "gzip", "snappy", "zstd", "none", ""])
def test_every_signal_arrives_in_the_compression_that_is_configured(wire, start, kind, compression):
    running = start(wire.address, kind=kind, **({} if compression is None else {"compression": compression}))
    items.assert_equal(send_every_signal(running, range(4)), wire.items())
    encoding = {"gzip": "gzip", None: "gzip", "snappy": "snappy", "zstd": "zstd"}.get(compression)
    assert {(call.encoding, call.body[0]) for call in wire.calls} == {(encoding, 1 if encoding else 0)}
    assert wire.connections == 1


def test_grpcio_s_server_reads_what_is_sent(start):
    with GrpcBackend() as backend:
        items.assert_equal(send_every_signal(start(backend.address), range(5)), backend.items())
        assert backend.violations == []


def test_uncompressed_data_is_sent_with_the_bytes_that_came(wire, start):
    assert_success(send(start(wire.address, compression="none"), 1))
    assert wire.calls[0].message == spans(1).SerializeToString()


@pytest.mark.parametrize("size", [20_000, MIB, 5 * MIB])
@pytest.mark.parametrize("window", [None, 1000])
def test_large_messages_keep_to_the_windows(start, size, window):
    request = spans(1)
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.attributes.add(key="large").value.string_value = base64.b64encode(os.urandom(size)).decode()
    with GrpcWire(settings={4: window} if window else None) as backend:
        running = start(backend.address, timeout="60s")
        assert_success(send(running, 1))  # now it knows the windows
        assert_success(post_message(running.port, "traces", request))
        assert_success(send(running, 2))
        items.assert_equal(span_items(1) + items.items("traces", request) + span_items(2), backend.items())
        assert backend.violations == []


def test_the_call_names_the_sender_its_deadline_and_its_headers(wire, start):
    headers = {"api-key": "s3cret", "X-Upper": "Value", "empty": "", "blob-bin": "bytes"}
    running = start(wire.address, headers=headers, timeout="7s")
    assert_success(send(running, 1))
    (call,) = wire.calls
    assert call.headers[":authority"] == wire.address
    name, slash, version = call.headers["user-agent"].partition("/")
    assert name and slash and version
    assert (call.headers["api-key"], call.headers["x-upper"], call.headers["empty"]) == ("s3cret", "Value", "")
    assert base64.b64decode(call.headers["blob-bin"] + "==") == b"bytes"
    assert 6 < call.timeout_seconds <= 7
    assert "s3cret" not in running.log()


def test_user_agent_and_authority_can_be_others(wire, start):
    assert_success(send(start(wire.address, user_agent="wader/1", authority="collector.example:443"), 1))
    assert wire.calls[0].headers["user-agent"].startswith("wader/1")
    assert wire.calls[0].headers[":authority"] == "collector.example:443"


def test_the_usual_timeout_is_five_seconds(wire, start):
    assert_success(send(start(wire.address), 1))
    assert 4 < wire.calls[0].timeout_seconds <= 5


def test_the_keys_without_a_wire_are_taken(wire, start):
    more = {"read_buffer_size": 1024, "write_buffer_size": 1024, "balancer_name": "pick_first", "wait_for_ready": True}
    running = start(wire.address, sending_queue={"enabled": True, "num_consumers": 3}, **more)
    assert_success(send(running, 1))
    items.assert_equal(span_items(1), wire.items())


def test_localhost_is_found(wire, start):
    assert_success(send(start(f"localhost:{wire.port}"), 1))
    assert wire.calls[0].headers[":authority"] == f"localhost:{wire.port}"


# Many at once


def test_calls_are_under_way_side_by_side_on_one_connection(wire, start):
    hold = threading.Event()
    wire.answer_always(GrpcAnswer(hold=hold))
    running = start(wire.address)
    wait = send_in_background(running, *range(6))
    assert len(wire.wait_for_calls(6)) == 6
    assert wire.connections == 1 and max(call.beside for call in wire.calls) == 6
    hold.set()
    for answer in wait():
        assert_success(answer)
    items.assert_equal(span_items(*range(6)), wire.items())


@pytest.mark.parametrize("streams", [1, 2])
def test_no_more_streams_are_opened_than_the_back_end_allows(start, streams):
    with GrpcWire(settings={3: streams}) as backend:
        running = start(backend.address)
        assert_success(send(running, 100))
        backend.answer_always(GrpcAnswer(delay_seconds=0.02))
        for answer in send_in_background(running, *range(10))():
            assert_success(answer)
        assert {call.beside for call in backend.calls} <= set(range(1, streams + 1))
        items.assert_equal(span_items(100, *range(10)), backend.items())
        assert backend.violations == []


def test_batches_go_out_one_behind_another_and_lose_nothing(wire, start):
    running = start(wire.address, processors=("batch", "decouple"), settings={"batch": {"timeout": "5ms"}})
    for answer in send_in_background(running, *range(60))():
        assert_success(answer)
    items.assert_equal(span_items(*range(60)), wire.wait_for_items(len(span_items(*range(60)))))


# What is sent again


@pytest.mark.parametrize("code", [1, 4, 10, 11, 14, 15])
def test_a_refusal_for_now_is_tried_again(wire, start, code):
    wire.answer(GrpcAnswer(code=code), GrpcAnswer(code=code, with_message=True))
    assert_success(send(start(wire.address), 1))
    assert len(wire.calls) == 3
    items.assert_equal(span_items(1), wire.items())


@pytest.mark.parametrize("code", [2, 3, 5, 6, 7, 9, 12, 13, 16])
def test_a_refusal_for_good_is_not_tried_again_and_said_with_its_reason(wire, start, code):
    wire.answer(GrpcAnswer(code=code, message="nö: %41"))
    running = start(wire.address)
    assert send(running, 1).status != 200
    assert_success(send(running, 2))
    assert len(wire.calls) == 2
    assert poll(lambda: "nö: %41" in running.log()), running.log()
    items.assert_equal(span_items(2), wire.items())


def test_resource_exhausted_is_tried_again_only_with_retry_info(wire, start):
    wire.answer(GrpcAnswer(code=8, message="full"))
    running = start(wire.address)
    assert send(running, 1).status == 429
    assert len(wire.calls) == 1
    wire.answer(GrpcAnswer(code=8, message="full", retry_seconds=0.3))
    assert_success(send(running, 2))
    first, second = wire.calls[1:]
    assert second.arrived - first.arrived >= 0.29  # it was told when to come again
    items.assert_equal(span_items(2), wire.items())


@pytest.mark.parametrize("with_message", [False, True])
def test_the_time_that_retry_info_says_is_waited(wire, start, with_message):
    wire.answer(GrpcAnswer(code=14, retry_seconds=0.5, with_message=with_message))
    assert_success(send(start(wire.address), 1))
    first, second = wire.calls
    assert second.arrived - first.arrived >= 0.49


@pytest.mark.parametrize(
    "answer",
    [
        GrpcAnswer(reset=REFUSED_STREAM),
        GrpcAnswer(reset=CANCEL),
        GrpcAnswer(reset=ENHANCE_YOUR_CALM),
        GrpcAnswer(close=True),
        GrpcAnswer(abort=True),
        GrpcAnswer(raw=b"HTTP/1.1 503 Service Unavailable\r\n\r\n"),
        GrpcAnswer(http_status=503),
        GrpcAnswer(http_status=502),
        GrpcAnswer(http_status=429),
    ],
    ids=["refused stream", "cancel", "calm", "closed", "aborted", "no HTTP/2", "503", "502", "429"],
)
def test_what_is_no_answer_for_good_is_tried_again(wire, start, answer):
    wire.answer(answer, answer)
    running = start(wire.address)
    assert_success(send(running, 1))
    assert_success(send(running, 2))
    items.assert_equal(span_items(1, 2), wire.items())


@pytest.mark.parametrize(
    "answer",
    [
        GrpcAnswer(http_status=400),
        GrpcAnswer(http_status=401),
        GrpcAnswer(http_status=403),
        GrpcAnswer(http_status=404),
        GrpcAnswer(headers=(("content-type", "text/html"),), http_status=200),
    ],
    ids=lambda answer: str(answer.http_status),
)
def test_an_answer_of_a_proxy_that_knows_no_grpc_is_read_by_its_status(wire, start, answer):
    wire.answer(answer)
    running = start(wire.address)
    assert send(running, 1).status != 200
    assert len(wire.calls) == 1
    assert_success(send(running, 2))


@pytest.mark.parametrize("answer", [GrpcAnswer(rejected=3, message="too old"), GrpcAnswer(message="take care")], ids=["some", "warning"])
def test_partial_success_is_a_success_with_a_warning(wire, start, answer):
    wire.answer(answer)
    running = start(wire.address)
    assert_success(send(running, 1))
    assert len(wire.calls) == 1
    assert poll(lambda: answer.message in running.log()), running.log()
    assert not answer.rejected or "3 spans rejected" in running.log()


@pytest.mark.parametrize(
    "answer",
    [
        GrpcAnswer(encoding="gzip", message="take care"),
        GrpcAnswer(body=b""),
        GrpcAnswer(headers=(("x-more", "1"), ("blob-bin", "AAE"))),
        GrpcAnswer(extra_trailers=(("x-more", "1"),)),
    ],
    ids=["compressed", "empty", "headers", "trailers"],
)
def test_successes_of_every_form_are_successes(wire, start, answer):
    wire.answer(answer)
    running = start(wire.address)
    assert_success(send(running, 1))
    assert_success(send(running, 2))
    assert len(wire.calls) == 2


@pytest.mark.parametrize(
    "answer",
    [
        GrpcAnswer(raw_body=b"\0\0\0\0\x40half"),
        GrpcAnswer(raw_body=b"\0\0"),
        GrpcAnswer(raw_body=b"\x07\0\0\0\0"),
        GrpcAnswer(raw_body=b"\0\xff\xff\xff\xff"),
        GrpcAnswer(without_trailers=True),
        GrpcAnswer(raw_body=b"\x01\0\0\0\x04junk", headers=(("grpc-encoding", "gzip"),)),
        GrpcAnswer(raw_body=b"\x01\0\0\0\x04junk", headers=(("grpc-encoding", "br"),)),
        GrpcAnswer(raw_body=b"\0\0\0\0\0" * 50),
        GrpcAnswer(headers=(("x-long", "v" * 60_000),)),
        GrpcAnswer(body=b"\xff" * 100),
        GrpcAnswer(code=42),
    ],
    ids=["half", "no prefix", "format", "huge", "no trailers", "no gzip", "encoding", "many", "long head", "no protobuf", "code"],
)
def test_a_broken_answer_harms_nothing_that_comes_later(wire, start, answer):
    wire.answer(answer)
    running = start(wire.address, **LATER)
    send(running, 1)  # whatever it is told
    assert_success(send(running, 2))
    assert set(span_items(2)) <= set(wire.items())
    assert running.process.poll() is None


def test_an_answer_larger_than_any_is_not_kept(wire, start):
    wire.answer(GrpcAnswer(encoding="gzip", message="x" * (8 * MIB), rejected=1))
    running = start(wire.address, **LATER)
    send(running, 1)
    assert_success(send(running, 2))
    if not collector_module.SANITIZED:
        assert running.memory_peak_mib() < 60


def test_an_answer_that_does_not_come_is_not_waited_for(wire, start):
    hold = threading.Event()
    wire.answer(GrpcAnswer(hold=hold, counts=False))
    running = start(wire.address, timeout="300ms")
    assert_success(send(running, 1))
    assert len(wire.calls) == 2
    assert wire.wait(lambda backend: backend.calls[0].cancelled)  # its stream was given up, the connection not
    assert wire.connections == 1
    hold.set()


def test_one_call_without_an_answer_does_not_keep_the_others(wire, start):
    hold = threading.Event()
    wire.answer(GrpcAnswer(hold=hold))
    running = start(wire.address, timeout="20s")
    first = send_in_background(running, 1)
    wire.wait_for_calls(1)
    for seed in range(2, 8):
        assert_success(send(running, seed))
    hold.set()
    for answer in first():
        assert_success(answer)
    assert wire.connections == 1
    items.assert_equal(span_items(*range(1, 8)), wire.items())


# Connections


def test_a_kept_connection_that_was_closed_is_replaced_in_silence(wire, start):
    running = start(wire.address, **LATER)
    for seed in range(4):
        assert_success(send(running, seed))
        wire.close_connections()
        assert wire.wait(lambda backend: not backend._open)
    assert wire.connections == 4
    assert "warn" not in running.log()
    items.assert_equal(span_items(*range(4)), wire.items())


def test_a_connection_that_closes_behind_each_answer_loses_nothing(wire, start):
    wire.answer_always(GrpcAnswer(close_after=True))
    running = start(wire.address, **LATER)
    for seed in range(10):
        assert_success(send(running, seed))
    items.assert_equal(span_items(*range(10)), wire.items())


def test_connections_that_died_while_it_was_frozen_are_replaced_in_silence(wire, start):
    running = start(wire.address, **LATER)
    for seed in range(3):
        assert_success(send(running, seed))
        running.process.send_signal(signals.SIGSTOP)
        wire.close_connections()
        waiting = send_in_background(running, seed + 100)
        time.sleep(0.05)
        running.process.send_signal(signals.SIGCONT)
        for answer in waiting():
            assert_success(answer)
    assert "warn" not in running.log()
    items.assert_equal(span_items(0, 100, 1, 101, 2, 102), wire.items())


def test_goaway_moves_the_calls_to_a_new_connection(wire, start):
    wire.answer(*[GrpcAnswer(goaway=number % 3 == 2) for number in range(12)])
    running = start(wire.address, **LATER)
    for seed in range(12):
        assert_success(send(running, seed))
    assert wire.connections in (4, 5)
    assert "warn" not in running.log()
    items.assert_equal(span_items(*range(12)), wire.items())


def test_a_call_under_way_is_finished_behind_goaway(wire, start):
    hold = threading.Event()
    wire.answer(GrpcAnswer(hold=hold, goaway_first=True))
    running = start(wire.address, **LATER)
    first = send_in_background(running, 1)
    wire.wait_for_calls(1)
    hold.set()
    for answer in first():
        assert_success(answer)
    for seed in range(2, 5):
        assert_success(send(running, seed))
    items.assert_equal(span_items(1, 2, 3, 4), wire.items())


def test_a_storm_of_goaways_and_refusals_loses_and_doubles_nothing(wire, start):
    kinds = (GrpcAnswer(), GrpcAnswer(goaway=True), GrpcAnswer(reset=REFUSED_STREAM), GrpcAnswer(code=14), GrpcAnswer())
    wire.answer(*[kinds[number % len(kinds)] for number in range(100)])
    running = start(wire.address, processors=("batch", "decouple"), settings={"batch": {"timeout": "2ms", "send_batch_size": 1}})
    for answer in send_in_background(running, *range(40))():
        assert_success(answer)
    expected = span_items(*range(40))
    items.assert_equal(expected, wire.wait_for_items(len(expected)))


def test_a_back_end_that_is_away_gets_the_data_when_it_is_back(start):
    port = free_port()
    running = start(f"127.0.0.1:{port}")
    waiting = send_in_background(running, 1)
    time.sleep(0.2)
    with GrpcWire(port=port) as backend:
        for answer in waiting():
            assert_success(answer)
        items.assert_equal(span_items(1), backend.items())
    waiting = send_in_background(running, 2)
    time.sleep(0.1)
    with GrpcWire(port=port) as backend:
        for answer in waiting():
            assert_success(answer)
        items.assert_equal(span_items(2), backend.items())
        assert backend.violations == []


def test_a_back_end_that_takes_connections_and_says_nothing_is_given_up_in_time(start):
    with GrpcWire(greet=False) as backend:
        running = start(backend.address, timeout="300ms", **LATER)
        assert send(running, 1).status == 503
        assert send(running, 2).status == 503


def test_sigterm_sends_what_is_held(wire, start):
    running = start(wire.address, processors=("batch", "decouple"), settings={"batch": {"timeout": "1h"}})
    assert_success(send(running, 1))
    assert running.terminate() == 0
    items.assert_equal(span_items(1), wire.items())


# What the sender is told


@pytest.mark.parametrize(
    "code, retry_seconds, status, seconds",
    [(14, None, 503, None), (14, 7, 503, 7), (8, 3, 429, 3), (8, None, 429, None), (3, None, 400, None), (16, None, 401, None), (7, None, 403, None)],
)
def test_what_the_back_end_said_reaches_both_kinds_of_sender(wire, start, code, retry_seconds, status, seconds):
    wire.answer_always(GrpcAnswer(code=code, message="as it is", retry_seconds=retry_seconds))
    running = start(wire.address, **LATER)
    answer = send(running, 1)
    assert answer.status == status
    assert answer.headers.get("retry-after") == (str(seconds) if seconds else answer.headers.get("retry-after"))
    with Sender(running.grpc) as sender:
        refused = sender.call("traces", spans(2).SerializeToString())
    assert refused.code().value[0] == code
    assert seconds is None or detail_of(refused) == seconds


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_grpc_goes_in_and_out(wire, start, compression):
    running = start(wire.address)
    with Sender(running.grpc) as sender:
        for seed in range(5):
            assert sender.call("traces", spans(seed).SerializeToString(), compression=compression) == b"\n\x00"
    items.assert_equal(span_items(*range(5)), wire.items())
    assert gzip.decompress(wire.calls[0].body[5:]) == spans(0).SerializeToString()
