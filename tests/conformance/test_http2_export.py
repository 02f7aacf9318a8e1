# SPDX-License-Identifier: Apache-2.0
"""otlphttp over HTTP/2, which back ends choose in TLS: the same data, the same meaning of answers, many requests on one
connection; and HTTP/1.1 where they choose that.
"""

import threading

import pytest

import collector as collector_module
import items
from backend import Backend
from client import assert_success
from collector import free_port, poll
from grpc_wire import GrpcAnswer
from http2_wire import Http2Wire
from seeded import send, send_every_signal, send_in_background, span_items

LATER = {"retry_on_failure": {"enabled": False}}
REFUSED_STREAM = 7


@pytest.fixture
def wire(leaf):
    with Http2Wire(tls=leaf.server()) as started:
        yield started
        assert started.violations == []
        assert {one.protocol for one in started.handshakes} <= {"h2"}


@pytest.fixture
def start(start_collector, authority):
    """A function (endpoint, exporter settings) that starts a collector."""

    def started(endpoint, processors=(), batch=None, **exporter):
        port = free_port()
        tls = {"ca_file": str(authority.root.file)}
        settings = {"endpoint": endpoint, "tls": tls, "retry_on_failure": {"initial_interval": "20ms"}, **exporter}
        return start_collector(collector_module.configuration(port, settings, processors, batch=batch), port)

    return started


@pytest.mark.parametrize("compression", ["gzip", "none", "zstd", "snappy", "lz4"])
@pytest.mark.parametrize("encoding", ["proto", "json"])
def test_every_signal_arrives_on_one_connection(wire, start, compression, encoding):
    running = start(wire.url, compression=compression, encoding=encoding, headers={"Api-Key": "secret", "Host": "other"})
    items.assert_equal(send_every_signal(running, range(3)), wire.items())
    assert wire.connections == 1
    expected = (None if compression == "none" else compression, "secret", "other")
    assert {tuple(call.headers.get(name) for name in ("content-encoding", "api-key", ":authority")) for call in wire.calls} == {expected}


def test_requests_are_under_way_side_by_side(wire, start):
    assert_success(send(running := start(wire.url), 100))
    hold = threading.Event()
    wire.answer_always(GrpcAnswer(hold=hold))
    wait = send_in_background(running, *range(6))
    assert len(wire.wait_for_calls(7)) == 7
    assert wire.connections == 1 and max(call.beside for call in wire.calls) == 6
    hold.set()
    for answer in wait():
        assert_success(answer)
    items.assert_equal(span_items(100, *range(6)), wire.items())


@pytest.mark.parametrize(
    "answer",
    [
        GrpcAnswer(http_status=503),
        GrpcAnswer(http_status=429, headers=(("retry-after", "0"),)),
        GrpcAnswer(http_status=502),
        GrpcAnswer(reset=REFUSED_STREAM),
        GrpcAnswer(close=True),
        GrpcAnswer(abort=True),
        GrpcAnswer(raw=b"HTTP/1.1 503 Service Unavailable\r\n\r\n"),
    ],
    ids=["503", "429", "502", "refused stream", "closed", "aborted", "no HTTP/2"],
)
def test_what_is_no_answer_for_good_is_tried_again(wire, start, answer):
    wire.answer(answer, answer)
    running = start(wire.url)
    for seed in range(2):
        assert_success(send(running, seed))
    items.assert_equal(span_items(0, 1), wire.items())


def test_retry_after_is_waited_for_and_handed_on(wire, start):
    wire.answer(GrpcAnswer(http_status=503, headers=(("retry-after", "1"),)))
    assert_success(send(start(wire.url), 1))
    first, second = wire.calls
    assert second.arrived - first.arrived >= 0.99
    wire.answer(GrpcAnswer(http_status=429, headers=(("retry-after", "7"),)))
    refused = send(start(wire.url, **LATER), 2)
    assert (refused.status, refused.headers["retry-after"]) == (429, "7")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 500])
def test_a_refusal_for_good_is_not_tried_again_and_said(wire, start, status):
    wire.answer(GrpcAnswer(http_status=status, message="never ever"))
    running = start(wire.url)
    assert send(running, 1).status >= 400
    assert_success(send(running, 2))
    assert len(wire.calls) == 2
    assert poll(lambda: "never ever" in running.log()), running.log()


def test_partial_success_is_a_success_with_a_warning(wire, start):
    wire.answer(GrpcAnswer(rejected=3, message="too old"))
    running = start(wire.url)
    assert_success(send(running, 1))
    assert poll(lambda: "3 spans rejected" in running.log() and "too old" in running.log()), running.log()


@pytest.mark.parametrize("answer", [GrpcAnswer(goaway=True), GrpcAnswer(goaway_first=True), GrpcAnswer(close_after=True)], ids=["goaway", "goaway first", "closed"])
def test_connections_that_end_lose_nothing_and_are_no_news(wire, start, answer):
    wire.answer(*[answer if number % 3 == 0 else GrpcAnswer() for number in range(12)])
    running = start(wire.url, **LATER)
    for seed in range(12):
        assert_success(send(running, seed))
    assert "warn" not in running.log()
    items.assert_equal(span_items(*range(12)), wire.items())


def test_batches_lose_nothing(wire, start):
    running = start(wire.url, processors=("batch", "decouple"), batch={"timeout": "5ms"})
    for answer in send_in_background(running, *range(40))():
        assert_success(answer)
    items.assert_equal(span_items(*range(40)), wire.wait_for_items(len(span_items(*range(40)))))


PINGS = {"http2_read_idle_timeout": "100ms", "http2_ping_timeout": "300ms"}


def test_a_silent_connection_is_pinged_where_that_is_configured(wire, start):
    wire.answer(GrpcAnswer(delay_seconds=0.5))
    assert_success(send(start(wire.url, **PINGS), 1))
    assert wire.pings >= 1 and wire.connections == 1


def test_a_connection_that_answers_no_ping_is_replaced(wire, start):
    running = start(wire.url, **PINGS)
    assert_success(send(running, 1))
    wire.go_deaf()
    assert_success(send(running, 2))
    assert wire.connections == 2
    items.assert_equal(span_items(1, 2), wire.items())


def test_http1_is_spoken_where_the_back_end_chooses_it_or_the_configuration(leaf, authority, start):
    with Backend(tls=leaf.server()) as backend:
        assert_success(send(start(backend.url), 1))
        assert [one.protocol for one in backend.handshakes] == ["http/1.1"] and backend.violations == []
    context = leaf.server()
    with Backend(tls=context) as backend:
        context.set_alpn_protocols(["h2", "http/1.1"])
        assert_success(send(start(backend.url, force_attempt_http2=False), 1))
        assert backend.handshakes[0].protocol == "http/1.1" and backend.violations == []
