# SPDX-License-Identifier: Apache-2.0
"""OTLP/JSON in over HTTP: what goes in as JSON comes out as protobuf item by item; answers are in JSON; what is wrong is
refused with a sentence and the good data of others is unharmed.
"""

import gzip
import json

import pytest

import client
import generate
import items
import otlp_json
from backend import Answer
from client import Client, post
from collector import ROOT

JSON = "application/json"
DOCUMENTS = sorted((ROOT / "tests/golden/json").glob("*.json"))
SUCCESS = b'{"partialSuccess":{}}'


def made(signal, seed):
    return generate.request(signal, f"json {seed}")


def assert_json_success(response):
    assert (response.status, response.content_type, response.body) == (200, JSON, SUCCESS), response


def assert_arrives(backend, expected):
    items.assert_equal(expected, backend.wait_for_items(len(expected)))


def refusal(response):
    """The sentence of a 400. Fails: when it is none in JSON."""
    assert (response.status, response.content_type) == (400, JSON), response
    status = json.loads(response.body)
    assert status.keys() == {"code", "message"} and status["code"] == 3, status
    return status["message"]


@pytest.fixture
def unharmed(backend, collector):
    """A collector with a kept connection, which still works at the end of the test; nothing but its data went out."""
    running = collector()
    with Client(running.port) as kept:
        yield running, kept
        assert_json_success(kept.exchange(client.request(otlp_json.Plain().text(made("logs", 1)), path="/v1/logs", content_type=JSON)))
        assert_arrives(backend, items.items("logs", made("logs", 1)))


@pytest.mark.parametrize("signal", items.SIGNALS)
@pytest.mark.parametrize("loose", [False, True], ids=["as specified", "every other spelling"])
def test_every_field_arrives(backend, collector, signal, loose):
    running = collector()
    writer = otlp_json.Loose(7) if loose else otlp_json.Plain()
    expected = []
    with Client(running.port) as connection:
        for seed in range(20):
            request = made(signal, seed)
            expected += items.items(signal, request)
            assert_json_success(connection.exchange(client.request(writer.text(request), path=f"/v1/{signal}", content_type=JSON)))
    assert_arrives(backend, expected)


@pytest.mark.parametrize("compress", [False, True], ids=["identity", "gzip"])
@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_documents_of_sdks_arrive_in_chunks_as_node_sends_them(backend, collector, path, compress):
    running = collector(processors=("batch", "decouple"))
    signal = path.stem.split("-")[0]
    text = path.read_bytes()
    body, encoding = (gzip.compress(text), "gzip") if compress else (text, None)
    with Client(running.port) as connection:
        for sizes in (65536,), (1000, 1), (7,):
            assert_json_success(connection.exchange(client.chunked(body, sizes, path=f"/v1/{signal}", content_type=JSON, content_encoding=encoding)))
    assert_arrives(backend, items.items(signal, otlp_json.read(signal, text)) * 3)


@pytest.mark.parametrize("type", ["application/json; charset=utf-8", "Application/JSON", 'application/json;charset="UTF-8"'])
def test_the_media_type_may_have_parameters(backend, collector, type):
    running = collector()
    assert_json_success(post(running.port, otlp_json.Plain().text(made("traces", 1)), content_type=type))
    assert_arrives(backend, items.items("traces", made("traces", 1)))


def test_both_encodings_share_a_connection(backend, collector):
    running = collector()
    request = made("traces", 1)
    with Client(running.port) as connection:
        assert_json_success(connection.exchange(client.request(otlp_json.Plain().text(request), content_type=JSON)))
        client.assert_success(connection.exchange(client.request(request.SerializeToString())))
    assert_arrives(backend, items.items("traces", request) * 2)


@pytest.mark.parametrize("body", [b"{}", b"null", b'{"resourceSpans":[]}', b'{"resourceSpans":null}', b'{"other":[{}]}', b"{} {]"])
def test_a_request_without_items_is_a_success(unharmed, body):
    assert_json_success(post(unharmed[0].port, body, content_type=JSON))


def test_text_that_is_no_utf8_is_repaired(backend, collector):
    running = collector()
    text = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"caf\xe9 \\ud800"}}]}]}]}'
    assert_json_success(post(running.port, text, path="/v1/logs", content_type=JSON))
    (record,) = backend.wait_for_items(1)
    assert json.loads(record)["record"]["body"] == {"string_value": "caf\ufffd \ufffd"}


def test_whole_doubles_of_javascript_arrive(backend, collector):
    running = collector()
    values = b",".join(b'{"intValue":%s}' % number for number in (b"5", b"9223372036854776000", b"1.7976931348623157e+308"))
    text = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"arrayValue":{"values":[%s]}}}]}]}]}' % values
    assert_json_success(post(running.port, text, path="/v1/logs", content_type=JSON))
    (record,) = backend.wait_for_items(1)
    assert json.loads(record)["record"]["body"]["array_value"]["values"] == [
        {"int_value": 5}, {"double_value": 9223372036854775808.0}, {"double_value": 1.7976931348623157e308}
    ]


REFUSED = {
    "an empty body": (b"", "the body is empty"),
    "an array": (b"[]", "want an object"),
    "protobuf": (b"\x0a\x02\x12\x00", "want"),
    "UTF-16": ("{}".encode("utf-16"), "UTF-16"),
    "an id in base64": (b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"spanId":"AAECAwQFBgc="}]}]}]}', "spans[0].spanId: want 16 hexadecimal digits"),
    "an id of the wrong length": (b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"00"}]}]}]}', "spans[0].traceId: 2 hexadecimal digits, want 32"),
    "a fraction": (b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"flags":1.5}]}]}]}', "spans[0].flags: 1.5 is not a whole number"),
    "an exponent": (b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":1e0}]}]}]}', "spans[0].kind: 1e0 is not a whole number"),
    "an unknown name of an enumeration": (b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":"SERVER"}]}]}]}', "want a SpanKind"),
    "a string for a list": (b'{"resourceSpans":"x"}', "resourceSpans: '\"' is unexpected, want an array"),
    "a document cut short": (b'{"resourceSpans":[{"scopeSpans":', "the document ends here"),
    "unknown fields 100,000 deep": (b'{"x":' + b"[" * 100_000, "nested too deep"),
    "values 100,000 deep": (b'{"resourceSpans":[{"resource":{"attributes":[{"value":' + b'{"arrayValue":{"values":[' * 100_000, "nested too deep"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_gets_400_with_a_sentence(unharmed, name):
    running, kept = unharmed
    body, words = REFUSED[name]
    message = refusal(kept.exchange(client.request(body, content_type=JSON)))
    assert words in message and "(byte " in message


def test_broken_gzip_gets_400_in_json(unharmed):
    assert "gzip" in refusal(post(unharmed[0].port, b"{}", content_type=JSON, content_encoding="gzip"))
    assert "Content-Encoding" in refusal(post(unharmed[0].port, b"{}", content_type=JSON, content_encoding="br"))


def test_a_body_over_the_limit_gets_400_in_json(collector):
    running = collector(receiver={"max_request_body_size": 5000})
    refusal(post(running.port, b'{"x":"%s"}' % (b"x" * 6000), content_type=JSON))
    # Under the limit in JSON, over it in protobuf.
    counts = b",".join([b"0"] * 1500)
    body = b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[{"bucketCounts":[%s]}]}}]}]}]}' % counts
    assert "too large" in refusal(post(running.port, body, path="/v1/metrics", content_type=JSON))


def test_a_failed_export_is_answered_in_json(backend, collector):
    running = collector(exporter={"retry_on_failure": {"enabled": False}})
    backend.answer(Answer(status=503))
    answer = post(running.port, otlp_json.Plain().text(made("traces", 1)), content_type=JSON)
    assert (answer.status, answer.content_type) == (503, JSON)
    assert json.loads(answer.body)["code"] == 14
