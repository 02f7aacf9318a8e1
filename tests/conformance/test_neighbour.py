# SPDX-License-Identifier: Apache-2.0
"""The OpenTelemetry Collector behind ours and before ours, over gRPC and HTTP, plain and TLS, in every compression.

It writes everything anew (an absent resource becomes an empty one, and more), so that what has to arrive at the strict
back end is what arrives there without ours in the way, item by item.
"""

import pytest

import collector as collector_module
import generate
import items
from backend import Backend
from client import assert_success, post_message
from collector import free_port
from neighbour import Neighbour, skip_if_unavailable
from sdk_clients import FULL
from test_grpc_export import grpc_configuration
from test_grpc_ingest import Sender, credentials_of

if not FULL:
    pytest.skip("--full runs it", allow_module_level=True)
pytestmark = pytest.mark.usefixtures("available")
SEEDS = range(6)
HTTP_COMPRESSIONS = ("gzip", "none", "zstd", "snappy", "zlib", "deflate", "lz4", "x-snappy-framed")
GRPC_COMPRESSIONS = ("gzip", "none", "snappy", "zstd")


@pytest.fixture(scope="module")
def available():
    skip_if_unavailable()


def requests():
    return [(signal, generate.request(signal, seed)) for seed in SEEDS for signal in items.SIGNALS]


COUNT = sum(len(items.items(signal, request)) for signal, request in requests())


def send_all(port):
    for signal, request in requests():
        assert_success(post_message(port, signal, request), signal)


def send_over_grpc(address, credentials=None):
    for signal, request in requests():
        with Sender(address, credentials) as sender:
            assert isinstance(sender.call(signal, request.SerializeToString()), bytes)


def what_arrived(backend):
    found = backend.wait_for_items(COUNT)
    assert len(found) == COUNT
    backend.clear()
    return found


@pytest.mark.parametrize("secured", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("kind, compression", [("otlp_grpc", one) for one in GRPC_COMPRESSIONS] + [("otlp_http", one) for one in HTTP_COMPRESSIONS])
@pytest.mark.parametrize("processors", [(), ("batch", "decouple")], ids=["synchronous", "batched"])
def test_it_takes_what_ours_sends(backend, start_collector, authority, leaf, tmp_path, secured, kind, compression, processors):
    to_backend = {"otlp_http": {"endpoint": backend.url, "compression": "none"}}
    with Neighbour(tmp_path, to_backend, leaf if secured else None) as neighbour:
        address = neighbour.grpc if kind == "otlp_grpc" else f"http{'s' if secured else ''}://{neighbour.http}"
        tls = {"ca_file": str(authority.root.file)} if secured else {"insecure": True}
        ports = free_port(), free_port()
        exporter = {"compression": compression, "tls": tls}
        start_collector(grpc_configuration(ports, address, processors, kind, exporter), ports[0])
        send_over_grpc(neighbour.grpc, credentials_of(authority.root) if secured else None)
        directly = what_arrived(backend)
        send_all(ports[0])
        items.assert_equal(directly, what_arrived(backend))


@pytest.mark.parametrize("secured", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("kind, compression", [("otlp_grpc", one) for one in GRPC_COMPRESSIONS] + [("otlp_http", one) for one in HTTP_COMPRESSIONS])
def test_ours_takes_what_it_sends(backend, start_collector, authority, leaf, tmp_path, secured, kind, compression):
    ports = free_port(), free_port()
    configuration = collector_module.configuration(ports[0], {"endpoint": backend.url}, ("batch", "decouple"))
    served = {"tls": {"cert_file": str(leaf.served()), "key_file": str(leaf.key_file)}} if secured else {}
    protocols = configuration["receivers"]["otlp"]["protocols"]
    protocols["http"] |= served
    protocols["grpc"] = {"endpoint": f"127.0.0.1:{ports[1]}", **served}
    start_collector(configuration, ports[0])
    address = f"127.0.0.1:{ports[1]}" if kind == "otlp_grpc" else f"http{'s' if secured else ''}://127.0.0.1:{ports[0]}"
    tls = {"ca_file": str(authority.root.file)} if secured else {"insecure": True}
    with Backend() as beside:
        to_both = {kind: {"endpoint": address, "compression": compression, "tls": tls}, "otlp_http/beside": {"endpoint": beside.url}}
        with Neighbour(tmp_path, to_both) as neighbour:
            send_over_grpc(neighbour.grpc)
            items.assert_equal(what_arrived(beside), what_arrived(backend))


def test_json_goes_both_ways(start_collector, tmp_path):
    ports = free_port(), free_port()
    with Backend(json=True) as backend:
        with Neighbour(tmp_path, {"otlp_http": {"endpoint": backend.url, "encoding": "json"}}) as neighbour:
            exporter = {"encoding": "json"}
            start_collector(grpc_configuration(ports, f"http://{neighbour.http}", (), "otlp_http", exporter), ports[0])
            send_over_grpc(neighbour.grpc)
            directly = what_arrived(backend)
            send_all(ports[0])
            items.assert_equal(directly, what_arrived(backend))
            assert backend.violations == []
