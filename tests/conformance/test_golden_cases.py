# SPDX-License-Identifier: Apache-2.0
"""The reference's cases that stand as data in tests/golden/cases, row by row."""

import json
import pathlib
import threading
import time

import pytest
from google.protobuf import json_format
from google.rpc import status_pb2

import collector as collector_module
import compressions
import items
from backend import Answer
from client import PROTOBUF, assert_success, post, post_message
from collector import free_port, poll
from grpc_wire import GrpcAnswer, GrpcWire
from test_grpc_export import grpc_configuration
from test_grpc_ingest import Sender, detail_of

CASES = pathlib.Path(__file__).resolve().parents[1] / "golden" / "cases"


def read(name):
    found = json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))
    assert len({row["name"] for row in found}) == len(found)
    return found


def rows(name):
    return pytest.mark.parametrize("row", read(name), ids=lambda row: row["name"])


def spans(count):
    request = items.REQUESTS["traces"]()
    scope = request.resource_spans.add().scope_spans.add()
    for number in range(count):
        scope.spans.add(name=f"span {number}", trace_id=b"t" * 16, span_id=b"s" * 8)
    return request


@rows("receiver")
def test_receiver(backend, collector, row):
    running = collector(receiver=row.get("receiver"))
    body = bytes.fromhex(row["hex"]) if "hex" in row else row.get("body", "").encode()
    if "gzip" in row:
        body = compressions.compress("gzip", bytes(row["gzip"]))
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
        parse = status_pb2.Status.FromString if answer.content_type == PROTOBUF else lambda body: json_format.Parse(body, status_pb2.Status())
        assert parse(answer.body).code == row["code"] and parse(answer.body).message
    assert backend.items() == []


def validate(folder, configuration):
    """What the collector says of it, or an empty text."""
    done = collector_module.command("validate", "--config", collector_module.write_configuration(folder, configuration))
    assert (done.returncode == 0) == (done.stderr + done.stdout == ""), done
    return done.stderr + done.stdout


@rows("receiver_config")
def test_receiver_config(tmp_path, row):
    configuration = collector_module.configuration(1, {"endpoint": "http://127.0.0.1:1"})
    configuration["receivers"]["otlp"] = row["receiver"]
    said = validate(tmp_path, configuration)
    assert row["refused"] in said if "refused" in row else said == ""


@pytest.mark.parametrize("row", [row for row in read("receiver_config") if "paths" in row], ids=lambda row: row["name"])
def test_receiver_paths(backend, collector, row):
    running = collector(receiver=row["receiver"]["protocols"]["http"])
    for signal, path in row["paths"].items():
        assert_success(post(running.port, path=path), signal)
        assert post(running.port, path=f"/v1/{signal}").status == 404


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


def grpc_exporter(endpoint, **settings):
    return grpc_configuration((free_port(), free_port()), endpoint, exporter={"tls": {"insecure": True}, **settings})


def start(start_collector, configuration):
    """The collector; `.grpc` is the address of its gRPC receiver."""
    protocols = configuration["receivers"]["otlp"]["protocols"]
    running = start_collector(configuration, int(protocols["http"]["endpoint"].rsplit(":", 1)[1]))
    running.grpc = protocols["grpc"]["endpoint"]
    return running


@rows("errors")
def test_errors(start_collector, row):
    with GrpcWire() as backend:
        backend.answer_always(GrpcAnswer(row["code"], "as it is", row.get("retry_seconds")))
        running = start(start_collector, grpc_exporter(backend.address, retry_on_failure={"enabled": False}))
        over_http = post_message(running.port, "traces", spans(1))
        with Sender(running.grpc) as sender:
            over_grpc = sender.call("traces", spans(1).SerializeToString())
        assert (over_http.status, over_grpc.code().value[0]) == (row["http"], row["grpc"])
        assert over_http.rpc_status().code == row["grpc"]
        if "seconds" in row:
            assert over_http.headers["retry-after"] == str(row["seconds"])
            assert detail_of(over_grpc) == row["seconds"]
        assert len(backend.calls) == 2 and backend.violations == []


@rows("grpc_exporter")
def test_grpc_exporter(start_collector, row):
    with GrpcWire() as backend:
        answer = GrpcAnswer(row["code"], row.get("message", "as it is" if row["code"] else ""), row.get("retry_seconds"), row.get("rejected", 0))
        backend.answer(answer)
        running = start(start_collector, grpc_exporter(backend.address, retry_on_failure={"initial_interval": "10ms"}))
        status = post_message(running.port, "traces", spans(2)).status
        tried = {"accepted": 1, "retry": 2, "permanent": 1}[row["outcome"]]
        assert (len(backend.calls), status == 200) == (tried, row["outcome"] != "permanent")
        items.assert_equal(items.items("traces", spans(2)) if status == 200 else [], backend.items())
        assert poll(lambda: row.get("log", "") in running.log()), running.log()


@rows("grpc_exporter_config")
def test_grpc_exporter_config(tmp_path, row):
    kind = row.get("type", "otlp_grpc")
    configuration = grpc_configuration((1, 2), "", kind=kind)
    configuration["exporters"] = {kind: row["exporter"]}
    said = validate(tmp_path, configuration)
    assert row["refused"] in said if "refused" in row else "error" not in said


@rows("grpc_schemes")
def test_grpc_schemes(start_collector, authority, leaf, tmp_path, row):
    socket_file = tmp_path / "grpc.sock"
    options = {"plain": {}, "tls": {"tls": leaf.server()}, "unix": {"unix": socket_file}}[row["server"]]
    with GrpcWire(**options) as backend:
        endpoint = row["exporter"]["endpoint"].replace("ADDRESS", backend.address).replace("SOCKET", str(socket_file))
        tls = row["exporter"]["tls"] | ({"ca_file": str(authority.root.file)} if "ca_file" in row["exporter"]["tls"] else {})
        running = start(start_collector, grpc_exporter(endpoint, tls=tls, timeout="1s", retry_on_failure={"enabled": False}))
        status = post_message(running.port, "traces", spans(2)).status
        assert status == (200 if row["arrives"] else 503), running.log()
        items.assert_equal(items.items("traces", spans(2)) if row["arrives"] else [], backend.items())
        assert not row["arrives"] or backend.violations == []


@pytest.mark.parametrize("wait_for_ready", [False, True])
def test_a_grpc_back_end_that_goes_down_and_comes_up(start_collector, wait_for_ready):
    port = free_port()
    retry = {"retry_on_failure": {"enabled": False}} if wait_for_ready else {"retry_on_failure": {"initial_interval": "10ms"}}
    settings = {"wait_for_ready": wait_for_ready, "timeout": "5s" if wait_for_ready else "1s", **retry}
    running = start(start_collector, grpc_exporter(f"127.0.0.1:{port}", **settings))
    for _ in range(2):
        answers = []
        sender = threading.Thread(target=lambda: answers.append(post_message(running.port, "traces", spans(2))))
        sender.start()
        time.sleep(0.2)  # it is tried in vain meanwhile
        with GrpcWire(port=port) as backend:
            sender.join()
            assert answers[0].status == 200
            items.assert_equal(items.items("traces", spans(2)), backend.items())


def test_a_grpc_back_end_that_is_not_there_is_not_waited_for(start_collector):
    settings = {"timeout": "300ms", "retry_on_failure": {"enabled": False}}
    for wait_for_ready in (False, True):
        running = start(start_collector, grpc_exporter(f"127.0.0.1:{free_port()}", wait_for_ready=wait_for_ready, **settings))
        assert post_message(running.port, "traces", spans(2)).status == 503


@rows("compression")
def test_compression(backend, collector, tmp_path, row):
    if "refused" in row:
        settings = collector_module.configuration(1, {"endpoint": backend.url, **row["exporter"]})
        done = collector_module.command("validate", "--config", collector_module.write_configuration(tmp_path, settings))
        assert done.returncode != 0 and row["refused"] in done.stdout + done.stderr
        return
    running = collector(row["exporter"], receiver=row.get("receiver"))
    sent, encoding = spans(50), row.get("in")
    body = row["body"].encode() if "body" in row else bytes(row["zeros"]) if "zeros" in row else sent.SerializeToString()
    if encoding and "body" not in row:
        body = compressions.compress(encoding, body, row.get("form", ""))
    answer = post(running.port, body, content_encoding=encoding)
    if "status" in row:
        assert answer.status == row["status"] and answer.rpc_status().code == 3
        assert backend.requests == []
        return
    assert_success(answer)
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
