# SPDX-License-Identifier: Apache-2.0
"""The OpenTelemetry SDKs as clients (clients/): what a back end gets through the collector is what it gets from the SDK
itself, item by item, in every encoding that the SDK speaks, over http and https.
"""

import itertools
import json
import subprocess

import pytest

import certificates
import collector as collector_module
import items
from backend import JSON, PROTOBUF, Backend
from grpc_backend import GrpcBackend
from sdk_clients import CLIENTS, FULL, SOURCES
from test_local_lambda import PROGRAM

COMPRESSIONS = ("none", "gzip")
KINDS = {"sum", "gauge", "histogram", "exponential_histogram"}
ITEMS_MIN = 50


def cases(kind):
    """(client, transport, compression) of the clients that this run has, over transports that begin with `kind`."""
    found = []
    for client in CLIENTS:
        transports = [one for one in client.transports if one.startswith(kind)]
        if client.only_full and not FULL:
            found.append(pytest.param(client, None, None, id=client.name, marks=pytest.mark.skip("--full runs it")))
            continue
        for transport, compression in itertools.product(transports, COMPRESSIONS):
            found.append(pytest.param(client, transport, compression, id=f"{client.name}-{transport}-{compression}"))
    return found


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return certificates.Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def leaf(authority):
    return authority.leaf()


@pytest.fixture(params=["http", "https", "https-json"])
def destination(request, authority, leaf):
    """(a back end for the collector, the exporter's settings for it)"""
    secured, as_json = request.param.startswith("https"), request.param.endswith("json")
    settings = {"tls": {"ca_file": str(authority.root.file)}} if secured else {}
    settings |= {"encoding": "json"} if as_json else {}
    with Backend(tls=leaf.server() if secured else None, json=as_json) as backend:
        yield backend, {"endpoint": backend.url, **settings}
        assert {one.is_json() for one in backend.requests} == {as_json}
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


@pytest.fixture
def receiver(destination, authority, leaf):
    """(the receiver's settings, the scheme of its URL, what clients trust): https where the back end has it"""
    if not destination[0].url.startswith("https"):
        return {}, "http", None
    return {"tls": {"cert_file": str(leaf.served()), "key_file": str(leaf.key_file)}}, "https", authority.root.file


@pytest.mark.parametrize("client, transport, compression", cases("http"))
def test_what_arrives_is_what_the_sdk_sends(
    client, transport, compression, destination, receiver, start_collector, free_port, venv_python
):
    backend, exporter = destination
    settings, scheme, trust = receiver
    port = free_port()
    configuration = collector_module.configuration(
        port, exporter, ("batch", "decouple"), settings, batch={"timeout": "50ms"}
    )
    start_collector(configuration, port)
    # Node's JSON has a field of the resource that OTLP has not (schemaUrl): a receiver has to leave it out.
    is_json = transport == "http/json"
    with Backend(json=is_json, strict_fields=not is_json) as direct:
        client.send(venv_python, transport, compression, direct.url, f"{scheme}://127.0.0.1:{port}", authority=trust)
        sent = direct.items()
        assert direct.violations == []
        assert {one.headers["content-type"] for one in direct.requests} == {JSON if is_json else PROTOBUF}
        assert {one.headers.get("content-encoding", "none") for one in direct.requests} == {compression}
    assert_rich(sent)
    items.assert_equal(sent, backend.wait_for_items(len(sent)))


@pytest.mark.parametrize("secured", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("client, transport, compression", cases("grpc"))
def test_what_arrives_over_grpc_is_what_the_sdk_sends(
    client, transport, compression, secured, backend, authority, leaf, start_collector, free_port, venv_python
):
    port = free_port()
    tls = {"tls": {"cert_file": str(leaf.served()), "key_file": str(leaf.key_file)}} if secured else {}
    scheme, trust = ("https", authority.root.file) if secured else ("http", None)
    processors = {"batch": {"timeout": "50ms"}, "decouple": {}}
    configuration = collector_module.configuration(port, {"endpoint": backend.url}, processors, **processors)
    configuration["receivers"]["otlp"]["protocols"] = {"grpc": {"endpoint": f"127.0.0.1:{port}", **tls}}
    start_collector(configuration, port)
    with GrpcBackend() as direct:
        client.send(venv_python, transport, compression, direct.url, f"{scheme}://127.0.0.1:{port}", authority=trust)
        sent = direct.items()
        assert direct.violations == []
    assert_rich(sent)
    items.assert_equal(sent, backend.wait_for_items(len(sent)))


@pytest.mark.parametrize("transport", ["http/json", "http/protobuf"])
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_node_function_loses_nothing_in_a_frozen_environment(transport, compression, destination, tmp_path, free_port):
    """As an extension beside a real function in Node: each invocation's data has arrived before the next one begins."""
    node = next(client for client in CLIENTS if client.name == "node")
    node.skip_if_unavailable()
    backend, exporter = destination
    port, report = free_port(), tmp_path / "report.json"
    settings = collector_module.configuration(port, exporter, ("batch", "decouple"), batch={"timeout": "1h"})
    file = collector_module.write_configuration(tmp_path, settings)
    with Backend(json=transport == "http/json", strict_fields=transport != "http/json") as direct:
        variables = {
            **dict(node.environment),
            "OTEL_EXPORTER_OTLP_PROTOCOL": transport,
            "OTEL_EXPORTER_OTLP_COMPRESSION": compression,
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"{direct.url} http://127.0.0.1:{port}",
        }
        command = [str(PROGRAM), "--function", str(SOURCES / "node"), "--runtime", "node function.js", "--no-backend"]
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
    items.assert_equal(sent, backend.items())
    assert f"{len(sent)} items accepted, {len(sent)} delivered, 0 dropped" in text
