# SPDX-License-Identifier: Apache-2.0
"""The otlphttp exporter with `encoding: json` before a back end that reads OTLP/JSON with the official library and
refuses names that come twice or that the descriptors do not have.
"""

import pytest

import generate
import items
from backend import JSON, Answer, Backend
from client import assert_success, post, post_message
from collector import poll


@pytest.fixture
def backend():
    """Hides the one that takes protobuf only."""
    with Backend(json=True) as started:
        yield started
        assert started.violations == []


@pytest.mark.parametrize("compression", ["gzip", "none"])
@pytest.mark.parametrize("signal", items.SIGNALS)
def test_every_item_arrives_in_json(backend, collector, signal, compression):
    running = collector({"encoding": "json", "compression": compression})
    sent = [generate.request(signal, f"export json {seed}") for seed in range(5)]
    for one in sent:
        assert_success(post_message(running.port, signal, one), signal)
    assert {received.headers["content-type"] for received in backend.requests} == {JSON}
    items.assert_equal([item for one in sent for item in items.items(signal, one)], backend.items())


def test_batches_of_several_requests_are_one_document(backend, collector):
    batch = {"timeout": "1h", "send_batch_size": 1_000_000}
    running = collector({"encoding": "json"}, processors=["batch"], batch=batch)
    sent = [generate.request("logs", f"merged json {seed}") for seed in range(4)]
    for one in sent:
        assert_success(post_message(running.port, "logs", one), "logs")
    assert running.terminate() == 0
    assert len(backend.requests) == 1
    items.assert_equal([item for one in sent for item in items.items("logs", one)], backend.items())


def test_unknown_fields_are_left_out_and_text_is_utf8(backend, collector):
    running = collector({"encoding": "json"})
    # A log record with a body of two bytes that are no UTF-8, and fields 200 that nobody knows, outside and inside.
    record = b"\x2a\x04\x0a\x02\xc3\x28" + b"\xc2\x0c\x01x"
    scope = b"\x12" + bytes([len(record)]) + record
    resource = b"\x12" + bytes([len(scope)]) + scope + b"\xc2\x0c\x01x"
    body = b"\x0a" + bytes([len(resource)]) + resource
    assert_success(post(running.port, body, path="/v1/logs"), "logs")
    assert b'"stringValue":"\xef\xbf\xbd("' in backend.requests[0].plain


@pytest.mark.parametrize("answer", [Answer(rejected=1, message="one too many"), Answer(message="one too many")])
def test_partial_success_in_json_is_a_success_with_a_warning(backend, collector, answer):
    backend.answer(answer)
    running = collector({"encoding": "json"})
    assert_success(post_message(running.port, "traces", generate.request("traces", 1)), "traces")
    assert poll(lambda: "one too many" in running.log()), running.log()


def test_an_error_in_json_is_told_by_its_message(backend, collector):
    backend.answer(Answer(status=400, message="no such tenant"))
    running = collector({"encoding": "json"})
    assert post_message(running.port, "traces", generate.request("traces", 1)).status == 400
    assert poll(lambda: "400 Bad Request: no such tenant" in running.log()), running.log()
