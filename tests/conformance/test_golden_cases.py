# SPDX-License-Identifier: Apache-2.0
"""The reference's cases that stand as data in tests/golden/cases, row by row."""

import gzip
import json
import pathlib

import pytest
from google.protobuf import json_format
from google.rpc import status_pb2

import collector as collector_module
import items
from backend import Answer
from client import PROTOBUF, assert_success, post, post_message
from collector import poll

CASES = pathlib.Path(__file__).resolve().parents[1] / "golden" / "cases"


def rows(name):
    read = json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))
    assert len({row["name"] for row in read}) == len(read)
    return pytest.mark.parametrize("row", read, ids=[row["name"] for row in read])


def spans(count):
    request = items.REQUESTS["traces"]()
    scope = request.resource_spans.add().scope_spans.add()
    for number in range(count):
        scope.spans.add(name=f"span {number}", trace_id=b"t" * 16, span_id=b"s" * 8)
    return request


@rows("receiver")
def test_receiver(backend, collector, row):
    running = collector()
    body = bytes.fromhex(row["hex"]) if "hex" in row else row.get("body", "").encode()
    options = {"content_type": row["content_type"]} if "content_type" in row else {}
    if "encoding" in row:
        options["content_encoding"] = row["encoding"]
    answer = post(running.port, body, method=row.get("method", "POST"), path=row.get("path", "/v1/traces"), **options)
    assert answer.status == row["status"], answer
    if "type" in row:
        assert answer.content_type.split(";")[0] == row["type"]
    if "text" in row:
        assert answer.body.decode().strip() == row["text"]
    if "code" in row:
        read = status_pb2.Status.FromString if answer.content_type == PROTOBUF else lambda body: json_format.Parse(body, status_pb2.Status())
        assert read(answer.body).code == row["code"] and read(answer.body).message
    assert backend.items() == []


@rows("exporter")
def test_exporter(backend, collector, row):
    body = row["body"].encode() if "body" in row else b"" if row["status"] == 204 else None
    headers = tuple(map(tuple, row.get("headers", [])))
    backend.answer(Answer(row["status"], headers, body, row.get("rejected", 0), row.get("message", "")))
    running = collector({"retry_on_failure": {"enabled": False}})
    answer = post_message(running.port, "traces", spans(5))
    assert len(backend.requests) == 1
    if row["outcome"] == "accepted":
        assert_success(answer)
        assert poll(lambda: row.get("log", "") in running.log()), running.log()
        return
    if row["outcome"] == "permanent":
        assert answer.status == row.get("sender", 500), answer
        assert "retry-after" not in answer.headers
        assert poll(lambda: f"5 spans not delivered to {backend.url}/v1/traces: {row['status']}" in running.log()), running.log()
    else:
        assert answer.status in (429, 503), answer
        assert answer.headers.get("retry-after") == (str(row["seconds"]) if "seconds" in row else answer.headers.get("retry-after"))
    assert poll(lambda: row.get("message", "") in running.log()), running.log()


@rows("compression")
def test_compression(backend, collector, tmp_path, row):
    if "refused" in row:
        settings = collector_module.configuration(1, {"endpoint": backend.url, **row["exporter"]})
        done = collector_module.command("validate", "--config", collector_module.write_configuration(tmp_path, settings))
        assert done.returncode != 0 and row["refused"] in done.stdout + done.stderr
        return
    running = collector(row["exporter"])
    sent, options = spans(50), {}
    body = sent.SerializeToString()
    if "in" in row:
        options["content_encoding"] = row["in"]
        body = {"gzip": gzip.compress}[row["in"]](body)
    assert_success(post(running.port, body, **options))
    assert backend.requests[0].headers.get("content-encoding") == row["out"]
    items.assert_equal(items.items("traces", sent), backend.items())


@rows("batch")
def test_batch(backend, collector, row):
    running = collector(processors=("batch",), batch=row["batch"])
    for count in row["requests"]:
        assert_success(post_message(running.port, "traces", spans(count)))
    if row.get("before_the_end"):
        assert backend.wait_for_requests(len(row["sizes"]))
    assert running.terminate() == 0
    assert [len(one.items()) for one in backend.requests] == row["sizes"]
