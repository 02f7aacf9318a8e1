# SPDX-License-Identifier: Apache-2.0
"""The otlphttp exporter before back ends of every temper: what it sends, what it sends again, and what it tells the
sender.

Most pipelines here are synchronous, so that the sender's answer shows what became of its data.
"""

import threading

import pytest

import generate
import items
from backend import Answer
from client import PROTOBUF, Client, assert_success, post_message, request
from collector import poll
from seeded import send, span_items, spans

LATER = {"retry_on_failure": {"enabled": False}}


# What is sent


@pytest.mark.parametrize(
    "settings, encoding",
    [({}, "gzip"), ({"compression": "gzip"}, "gzip"), ({"compression": "none"}, None), ({"compression": ""}, None)],
    ids=["default", "gzip", "none", "empty"],
)
@pytest.mark.parametrize("signal", items.SIGNALS)
def test_compression_is_as_configured(backend, collector, signal, settings, encoding):
    running = collector(settings)
    sent = generate.request(signal, 1)
    assert_success(post_message(running.port, signal, sent), signal)
    (received,) = backend.requests
    assert received.headers.get("content-encoding") == encoding
    assert (received.path, received.headers["content-type"]) == (f"/v1/{signal}", PROTOBUF)
    items.assert_equal(items.items(signal, sent), received.items())


def test_uncompressed_data_is_sent_with_the_bytes_that_came(backend, collector):
    running = collector({"compression": "none"})
    send(running, 1)
    assert backend.requests[0].plain == spans(1).SerializeToString()


def test_configured_headers_arrive(backend, collector):
    running = collector({"headers": {"authorization": "Bearer 0123", "X-Tenant": "wader; 1"}})
    assert_success(send(running, 1))
    headers = backend.requests[0].headers
    assert (headers["authorization"], headers["x-tenant"]) == ("Bearer 0123", "wader; 1")


def test_the_request_names_host_and_sender(backend, collector):
    running = collector()
    assert_success(send(running, 1))
    headers = backend.requests[0].headers
    assert headers["host"] == f"127.0.0.1:{backend.port}"
    name, slash, version = headers["user-agent"].partition("/")
    assert name and slash and version[:1].isdigit()


@pytest.mark.parametrize("tail, path", [("", ""), ("/", ""), ("/base", "/base"), ("/base/", "/base")])
def test_the_endpoint_s_path_gets_one_slash(backend, collector, tail, path):
    backend.serve_path(f"{path}/v1/traces", "traces")
    running = collector({"endpoint": backend.url + tail})
    assert_success(send(running, 1))
    assert backend.requests[0].path == f"{path}/v1/traces"


def test_endpoints_of_a_signal_are_used_as_they_are(backend, collector):
    backend.serve_path("/in/spans", "traces")
    backend.serve_path("/in/points/", "metrics")
    running = collector({"traces_endpoint": f"{backend.url}/in/spans", "metrics_endpoint": f"{backend.url}/in/points/"})
    for signal in items.SIGNALS:
        assert_success(post_message(running.port, signal, generate.request(signal, 1)), signal)
    assert [one.path for one in backend.requests] == ["/in/spans", "/in/points/", "/v1/logs"]


def test_one_connection_serves_many_requests(backend, collector):
    running = collector()
    with Client(running.port) as connection:
        for seed in range(20):
            assert_success(connection.exchange(request(spans(seed).SerializeToString())))
    assert backend.connections == 1


def test_without_keep_alives_each_request_has_its_connection(backend, collector):
    running = collector({"disable_keep_alives": True})
    for seed in range(3):
        assert_success(send(running, seed))
    assert backend.connections == 3
    assert {one.headers["connection"].lower() for one in backend.requests} == {"close"}


def test_a_connection_that_rested_too_long_is_not_used_again(backend, collector):
    running = collector({"idle_conn_timeout": "1ns"})
    for seed in range(3):
        assert_success(send(running, seed))
    assert backend.connections == 3


# Answers that mean "again"


# 408: the back end waited in vain for the rest of a request in whose middle the environment was frozen.
@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
def test_a_refusal_for_now_is_tried_again(backend, collector, status):
    backend.answer(Answer(status=status), Answer(status=status))
    running = collector()
    assert_success(send(running, 1))
    assert [one.answered for one in backend.requests] == [status, status, 200]
    items.assert_equal(span_items(1), backend.items())


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("value", ["0", "1", "Wed, 21 Oct 2015 07:28:00 GMT", "soon", "-1", "99999999999999999999"])
def test_retry_after_in_any_form_does_not_stop_the_retry(backend, collector, status, value):
    unbelievable = value == "99999999999999999999"
    backend.answer(Answer(status=status, headers=(("Retry-After", value),)))
    running = collector(processors=("batch",))
    assert_success(send(running, 1))
    assert backend.wait_for_requests(1)
    if not unbelievable:
        items.assert_equal(span_items(1), backend.wait_for_items(len(span_items(1))))


def test_without_retry_the_sender_is_told_to_come_again(backend, collector):
    backend.answer(Answer(status=503), Answer(status=429))
    running = collector(LATER)
    first, second = send(running, 1), send(running, 2)
    assert first.status == 503 and first.rpc_status().message
    assert second.status in (429, 503) and second.rpc_status().message
    assert_success(send(running, 3))
    items.assert_equal(span_items(3), backend.items())


def test_a_back_end_that_is_away_gets_the_data_when_it_is_back(backend, collector, free_port):
    from backend import Backend

    port = free_port()
    running = collector({"endpoint": f"http://127.0.0.1:{port}"}, processors=("batch", "decouple"))
    assert_success(send(running, 1))
    with Backend(port) as late:
        items.assert_equal(span_items(1), late.wait_for_items(len(span_items(1))))


def test_nothing_is_lost_or_doubled_over_many_refusals(backend, collector):
    for status in (503, 429, 200, 503, 503, 200, 502, 504, 200) * 3:
        backend.answer(Answer(status=status))
    running = collector(processors=("batch", "decouple"), batch={"timeout": "5ms", "send_batch_size": 1})
    for seed in range(30):
        assert_success(send(running, seed))
    expected = span_items(*range(30))
    items.assert_equal(expected, backend.wait_for_items(len(expected)))


# Answers that mean "never"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 500, 501])
def test_a_refusal_for_good_is_not_tried_again(backend, collector, status):
    backend.answer(Answer(status=status, message="not this"))
    running = collector()
    answer = send(running, 1)
    assert answer.status in (400, 401, 403, 404, 500) and answer.rpc_status().message
    assert_success(send(running, 2))
    assert [one.answered for one in backend.requests] == [status, 200]
    items.assert_equal(span_items(2), backend.items())


def test_a_refusal_for_good_is_said_once_with_status_and_reason(backend, collector):
    backend.answer(Answer(status=400, message="no such tenant"))
    running = collector(processors=("batch",))
    send(running, 1)
    assert poll(lambda: "no such tenant" in running.log())
    assert "400" in running.log()


@pytest.mark.parametrize("answer", [Answer(rejected=1, message="one too many"), Answer(message="one too many")])
def test_partial_success_is_a_success_with_a_warning(backend, collector, answer):
    backend.answer(answer)
    running = collector()
    assert_success(send(running, 1))
    assert_success(send(running, 2))
    assert [one.answered for one in backend.requests] == [200, 200]
    assert poll(lambda: "one too many" in running.log())


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=202),
        Answer(status=204, raw=b"HTTP/1.1 204 No Content\r\n\r\n"),
        Answer(body=b""),
        Answer(body=b"not protobuf", headers=(("X-More", "1"),)),
        Answer(body=b"x" * (1 << 20)),
        Answer(chunked=True, message=""),
        Answer(close=True),
        Answer(raw=b"HTTP/1.1 200 OK\r\n\r\n"),
        Answer(raw=b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        Answer(raw=b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ],
    ids=["202", "204", "no body", "odd body", "large body", "chunked", "close", "until the end", "interim", "1.0"],
)
def test_successes_of_every_form_are_successes(backend, collector, answer):
    answer.counts = True
    backend.answer(answer)
    running = collector(LATER)
    assert_success(send(running, 1))
    assert_success(send(running, 2))
    items.assert_equal(span_items(1, 2), backend.items())


# Connections and answers that break


def test_a_kept_connection_that_was_closed_is_replaced_in_silence(backend, collector):
    backend.answer(Answer(close_silently=True), Answer(close_silently=True))
    running = collector(LATER)
    assert poll(lambda: "started" in running.log())
    quiet = running.log()
    for seed in range(4):
        assert_success(send(running, seed))
    items.assert_equal(span_items(*range(4)), backend.items())
    assert running.log() == quiet


def test_a_kept_connection_that_is_reset_under_a_request_is_replaced_in_silence(backend, collector):
    running = collector(LATER)
    assert_success(send(running, 1))
    quiet = running.log()
    backend.answer(Answer(reset=True))
    assert_success(send(running, 2))
    assert [one.accepted for one in backend.requests] == [True, False, True]
    assert running.log() == quiet


def test_a_back_end_that_restarts_is_found_again(backend, collector):
    running = collector(LATER)
    for seed in range(4):
        assert_success(send(running, seed))
        backend.close_connections()
    items.assert_equal(span_items(*range(4)), backend.items())


@pytest.mark.parametrize(
    "answer",
    [
        Answer(reset=True),
        Answer(raw=b""),
        Answer(raw=b"HTTP/1.1 200"),
        Answer(raw=b"nonsense\r\n\r\n"),
        Answer(raw=b"\x00\x01\x02\x03" * 100),
        Answer(raw=b"HTTP/1.1 abc OK\r\n\r\n"),
        Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
        Answer(raw=b"HTTP/1.1 200 OK\r\nx: " + b"a" * (100 << 10) + b"\r\n\r\n"),
        Answer(raw=b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 200_000),
        Answer(raw=b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000),
        Answer(raw=b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 1000\r\n\r\nhalf"),
        Answer(raw=b"HTTP/1.1 503 Service Unavailable\r\n\r\n" + b"endless " * 500_000),
        Answer(raw=b"HTTP/2 200\r\n\r\n"),
        Answer(raw=b"\x00\x00\x00\x04\x00\x00\x00\x00\x00" + b"\x00\x00\x08\x07" + b"\x00" * 13),
        Answer(raw=b"\x15\x03\x01\x00\x02\x02\x46"),
        Answer(raw=b"SSH-2.0-OpenSSH_9.2\r\n"),
    ],
    ids=["reset", "closed", "cut head", "nonsense", "binary", "status", "length", "large head", "endless headers",
         "endless interim answers", "half a refusal", "endless refusal", "another version", "http/2", "tls", "ssh"],
)
def test_broken_answers_are_tried_again(backend, collector, answer):
    backend.answer(answer, answer)
    running = collector()
    assert_success(send(running, 1))
    requests = backend.requests
    assert [one.accepted for one in requests] == [False] * (len(requests) - 1) + [True]
    assert len(requests) == 3
    assert_success(send(running, 2))


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n\n",
    ],
    ids=["chunks", "cut body"],
)
def test_a_success_whose_body_is_broken_is_a_success(backend, collector, raw):
    """The head said that the data was taken: sending it again would only make duplicates."""
    backend.answer(Answer(raw=raw))
    running = collector()
    assert_success(send(running, 1))
    assert len(backend.requests) == 1
    assert_success(send(running, 2))


def test_an_answer_that_does_not_come_is_not_waited_for(backend, collector):
    held = threading.Event()
    backend.answer(Answer(hold=held))
    running = collector({"timeout": "1s"})
    assert_success(send(running, 1))
    assert (backend.requests[0].answered, backend.requests[-1].answered) == (None, 200)
    held.set()
    assert_success(send(running, 2))


def test_a_slow_back_end_does_not_keep_decoupled_senders_waiting(backend, collector):
    held = threading.Event()
    backend.answer_always(Answer(hold=held))
    running = collector(processors=("batch", "decouple"), batch={"timeout": "5ms", "send_batch_size": 1})
    for seed in range(20):
        assert_success(send(running, seed))
    assert backend.items() == []
    held.set()
    expected = span_items(*range(20))
    items.assert_equal(expected, backend.wait_for_items(len(expected)))


def test_a_synchronous_sender_gets_its_answer_after_the_back_end_s(backend, collector):
    held = threading.Event()
    backend.answer(Answer(hold=held))
    running = collector()
    with Client(running.port) as slow, Client(running.port) as other:
        slow.send(request(spans(1).SerializeToString()))
        assert backend.wait_for_requests(1) and not backend.requests[0].accepted
        assert_success(other.exchange(request(spans(2).SerializeToString())))
        assert not slow.is_closed_now()
        held.set()
        assert_success(slow.receive())
    items.assert_equal(span_items(1, 2), backend.items())


# The batch processor


def test_a_batch_is_sent_when_it_is_full(backend, collector):
    running = collector(
        processors=("batch",), batch={"timeout": "1h", "send_batch_size": 50, "send_batch_max_size": 50}
    )
    expected = span_items(*range(100))
    for seed in range(100):
        assert_success(send(running, seed))
    due = len(expected) - len(expected) % 50
    assert len(backend.wait_for_items(due)) == due
    assert {len(one.items()) for one in backend.requests} == {50}
    running.terminate()
    items.assert_equal(expected, backend.items())


def test_a_batch_is_sent_when_its_time_is_over(backend, collector):
    running = collector(processors=("batch",), batch={"timeout": "50ms", "send_batch_size": 1000000})
    assert_success(send(running, 1))
    items.assert_equal(span_items(1), backend.wait_for_items(len(span_items(1))))


@pytest.mark.parametrize("processors", [("batch",), ("batch", "decouple")], ids="+".join)
@pytest.mark.parametrize("signal", items.SIGNALS)
def test_sigterm_sends_what_batch_holds(backend, collector, signal, processors):
    running = collector(processors=processors, batch={"timeout": "1h", "send_batch_size": 1000000})
    expected = []
    for seed in range(10):
        expected += items.items(signal, generate.request(signal, seed))
        assert_success(post_message(running.port, signal, generate.request(signal, seed)), signal)
    assert backend.requests == []
    assert running.terminate() == 0
    items.assert_equal(expected, backend.items())
    assert len(backend.requests) == 1


def test_sigterm_sends_what_decouple_holds(backend, collector):
    held = threading.Event()
    backend.answer(Answer(hold=held))
    running = collector(processors=("decouple",))
    for seed in range(5):
        assert_success(send(running, seed))
    assert backend.wait_for_requests(1)
    running.process.terminate()
    held.set()
    assert running.process.wait(30) == 0  # a second signal would leave it no time
    items.assert_equal(span_items(*range(5)), backend.items())
