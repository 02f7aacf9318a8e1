# SPDX-License-Identifier: Apache-2.0
"""The OpenTelemetry SDKs as clients (clients/): what a back end gets through the collector is what it gets from the SDK
itself, item by item: over HTTP and gRPC, in and out, plain and with TLS, as a process and beside a function in the local
Lambda.
"""

import contextlib
import itertools
import json
import subprocess

import pytest

import collector as collector_module
import items
from backend import JSON, PROTOBUF, Backend
from grpc_backend import GrpcBackend
from grpc_wire import GrpcAnswer, GrpcWire
from http2_wire import Http2Wire
from sdk_clients import CLIENTS, FULL
from test_local_lambda import PROGRAM

COMPRESSIONS = ("none", "gzip")
DESTINATIONS = ("http", "https", "https-json", "grpc", "grpcs", *(("https-h2",) if FULL else ()))
KINDS = {"sum", "gauge", "histogram", "exponential_histogram"}
ITEMS_MIN = 50


def cases(compressions=COMPRESSIONS):
    """(client, transport, compression) of the clients that this run has."""
    found = []
    for client in CLIENTS:
        if client.only_full and not FULL:
            found.append(pytest.param(client, None, None, id=client.name, marks=pytest.mark.skip("--full runs it")))
            continue
        for transport, compression in itertools.product(client.transports, compressions):
            found.append(pytest.param(client, transport, compression, id=f"{client.name}-{transport}-{compression}"))
    return found


@pytest.fixture(params=DESTINATIONS)
def destination(request, authority, leaf):
    """(a back end for the collector, the kind of exporter, its settings)"""
    secured, as_json = "s" in request.param.split("-")[0][4:], request.param.endswith("json")
    settings = {"tls": {"ca_file": str(authority.root.file)}} if secured else {}
    if request.param == "https-h2":
        with Http2Wire(tls=leaf.server()) as backend:
            yield backend, "otlphttp", {"endpoint": backend.url, **settings}
            assert backend.violations == []
        return
    if request.param == "grpc-dying":
        with GrpcWire() as backend:
            backend.answer_always(GrpcAnswer(close_after=True))
            yield backend, "otlp", {"endpoint": backend.address, "tls": {"insecure": True}}
            assert backend.violations == []
        return
    if request.param.startswith("grpc"):
        with GrpcBackend(tls=leaf if secured else None) as backend:
            yield backend, "otlp", {"endpoint": backend.address, **(settings or {"tls": {"insecure": True}})}
            assert backend.violations == []
        return
    settings |= {"encoding": "json"} if as_json else {}
    with Backend(tls=leaf.server() if secured else None, json=as_json) as backend:
        yield backend, "otlphttp", {"endpoint": backend.url, **settings}
        assert {one.is_json() for one in backend.requests} == {as_json}
        assert backend.violations == []


@contextlib.contextmanager
def direct_backend(transport):
    """What the SDK sends to without the collector, in its own protocol."""
    if transport == "grpc":
        with GrpcBackend() as backend:
            yield backend
    else:
        # Node's JSON has a field of the resource that OTLP has not (schemaUrl): a receiver has to leave it out.
        is_json = transport == "http/json"
        with Backend(json=is_json, strict_fields=not is_json) as backend:
            yield backend
            assert {one.headers["content-type"] for one in backend.requests} == {JSON if is_json else PROTOBUF}
    assert backend.violations == []


def assert_rich(found):
    """The comparison is worth something: there are items of every kind in it, with every part."""
    decoded = [json.loads(item) for item in found]
    assert len(decoded) >= ITEMS_MIN
    assert {one["signal"] for one in decoded} == set(items.SIGNALS)
    assert {one["metric"]["kind"] for one in decoded if "metric" in one} == KINDS
    assert {one["metric"].get("aggregation_temporality") for one in decoded if "metric" in one} == {None, 1, 2}
    spans = [one["span"] for one in decoded if "span" in one]
    assert {one["kind"] for one in spans} == {1, 2, 3, 4, 5}
    assert {one.get("status", {}).get("code") for one in spans} == {None, 1, 2}
    assert any("events" in one and "links" in one for one in spans)
    bodies = {key for one in decoded if "record" in one for key in one["record"].get("body", {})}
    assert bodies >= {"string_value", "int_value", "double_value", "bool_value", "array_value", "kvlist_value", "bytes_value"}


# Where the back end has TLS the receiver has it, too; with --full also each without the other.
@pytest.fixture(params=["alike", "crossed"] if FULL else ["alike"])
def receiver(request, destination, authority, leaf):
    """(the settings of a receiver of either protocol, the scheme of its URL, what clients trust)"""
    secured = destination[0].url.startswith("https") == (request.param == "alike")
    if not secured:
        return {}, "http", None
    return {"tls": {"cert_file": str(leaf.served()), "key_file": str(leaf.key_file)}}, "https", authority.root.file


def configuration_for(transport, port, destination, receiver=None, **batch):
    """The receiver of that transport on the port, batch and decouple, the destination's exporter."""
    _, kind, exporter = destination
    made = collector_module.configuration(port, exporter, ("batch", "decouple"), receiver, kind=kind, batch=batch)
    if transport == "grpc":
        protocols = made["receivers"]["otlp"]["protocols"]
        protocols["grpc"] = protocols.pop("http")
    return made


@pytest.mark.parametrize("client, transport, compression", cases())
def test_what_arrives_is_what_the_sdk_sends(
    client, transport, compression, destination, receiver, start_collector, free_port, venv_python
):
    settings, scheme, trust = receiver
    port = free_port()
    start_collector(configuration_for(transport, port, destination, settings, timeout="50ms"), port)
    with direct_backend(transport) as direct:
        client.send(venv_python, transport, compression, direct.url, f"{scheme}://127.0.0.1:{port}", authority=trust)
        sent = direct.items()
        if transport != "grpc":
            assert {one.headers.get("content-encoding", "none") for one in direct.requests} == {compression}
    assert_rich(sent)
    items.assert_equal(sent, destination[0].wait_for_items(len(sent)))


@pytest.mark.parametrize("destination", (*DESTINATIONS, "grpc-dying") if FULL else ("grpc", "grpcs", "grpc-dying"), indirect=True)
@pytest.mark.parametrize("client, transport, compression", cases(COMPRESSIONS if FULL else ("gzip",)))
def test_a_function_loses_nothing_in_a_frozen_environment(
    client, transport, compression, destination, tmp_path, free_port, venv_python
):
    """As an extension beside a real function: each invocation's data has arrived before the next one begins, over
    connections that were frozen with it or, from the one that is dying, closed behind each answer.
    """
    client.skip_if_unavailable()
    port, report = free_port(), tmp_path / "report.json"
    configuration = configuration_for(transport, port, destination, timeout="1h")
    file = collector_module.write_configuration(tmp_path, configuration)
    folder, runtime, handler = client.function(venv_python)
    with direct_backend(transport) as direct:
        variables = {
            **dict(client.environment),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OTEL_EXPORTER_OTLP_PROTOCOL": transport,
            "OTEL_EXPORTER_OTLP_COMPRESSION": compression,
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"{direct.url} http://127.0.0.1:{port}",
        }
        command = [str(PROGRAM), "--function", folder, "--runtime", runtime, "--handler", handler, "--no-backend"]
        command += ["--extension", collector_module.BINARY, "--config", str(file), "--freeze", "--timeout", "20s"]
        command += [part for name, value in variables.items() for part in ("--env", f"{name}={value}")]
        command += ["--json", str(report)]
        finished = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
        text = finished.stdout + finished.stderr
        assert finished.returncode == 0, text
        sent = direct.items()
    responses = [json.loads(one["response"]) for one in json.loads(report.read_text())["invocations"]]
    assert responses == [{"flushed": True}] * 3
    assert_rich(sent)
    items.assert_equal(sent, destination[0].items())
    assert f"{len(sent)} items accepted, {len(sent)} delivered, 0 dropped" in text
