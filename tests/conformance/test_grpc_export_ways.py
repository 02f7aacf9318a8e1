# SPDX-License-Identifier: Apache-2.0
"""The `otlp` exporter's ways to its back end: TLS with certificates of both sides, unix sockets, proxies; and what it
says of ports where something else answers.
"""

import os
import socket
import threading

import pytest

import certificates
import items
from client import assert_success
from collector import poll
from grpc_backend import GrpcBackend
from grpc_wire import GrpcAnswer, GrpcWire
from proxy import Proxy
from sdk_clients import FULL
from seeded import send, send_in_background, span_items
from test_grpc_export import LATER, start, wire  # noqa: F401 (fixtures)


# TLS


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_items_arrive_over_tls(authority, leaf, start, compression):
    with GrpcWire(tls=leaf.server()) as backend:
        running = start(backend.address, secured=True, tls={"ca_file": str(authority.root.file)}, compression=compression)
        for seed in range(5):
            assert_success(send(running, seed))
        items.assert_equal(span_items(*range(5)), backend.items())
        assert [one.protocol for one in backend.handshakes] == ["h2"]
        backend.close_connections()
        assert_success(send(running, 5))
        assert [one.resumed for one in backend.handshakes] == [False, True]
        assert backend.violations == []


def test_grpcio_s_server_is_spoken_to_over_tls(authority, leaf, start):
    with GrpcBackend(tls=leaf) as backend:
        running = start(backend.address, secured=True, tls={"ca_file": str(authority.root.file)})
        for seed in range(5):
            assert_success(send(running, seed))
        items.assert_equal(span_items(*range(5)), backend.items())


def test_the_client_shows_its_certificate(authority, leaf, start, tmp_path):
    own = certificates.Certificate(tmp_path, "wader", issuer=authority.root)
    shown = {"cert_file": str(own.file), "key_file": str(own.key_file)}
    with GrpcBackend(tls=leaf, client_root=authority.root) as backend:
        running = start(backend.address, secured=True, tls={"ca_file": str(authority.root.file), **shown})
        assert_success(send(running, 1))
        items.assert_equal(span_items(1), backend.items())
        nobody = start(backend.address, secured=True, tls={"ca_file": str(authority.root.file)}, timeout="2s", **LATER)
        assert send(nobody, 2).status == 503
        assert len(backend.items()) == len(span_items(1))


def test_a_back_end_that_is_not_trusted_gets_nothing(leaf, start):
    with GrpcWire(tls=leaf.server()) as backend:
        running = start(backend.address, secured=True, **LATER)
        assert send(running, 1).status == 503
        assert poll(lambda: "is refused" in running.log()), running.log()
        assert backend.calls == [] and poll(lambda: backend.failed_handshakes)


def test_the_expected_name_can_be_another(authority, start):
    elsewhere = authority.leaf("elsewhere", names=["DNS:example.com"])
    with GrpcWire(tls=elsewhere.server()) as backend:
        tls = {"ca_file": str(authority.root.file), "server_name_override": "example.com"}
        assert_success(send(start(backend.address, secured=True, tls=tls), 1))


# Keepalive. Its least time is gRPC's ten seconds.

ONLY_FULL = pytest.mark.skipif(not FULL, reason="--full runs it")
KEEPALIVE = {"keepalive": {"time": "10s", "timeout": "1s"}, "timeout": "60s"}


@ONLY_FULL
def test_a_silent_back_end_is_pinged_while_a_call_is_under_way(wire, start):
    wire.answer(GrpcAnswer(delay_seconds=11))
    (answer,) = send_in_background(start(wire.address, **KEEPALIVE), 1)()
    assert_success(answer)
    assert wire.pings >= 1 and wire.connections == 1


@ONLY_FULL
def test_a_back_end_that_answers_no_ping_is_connected_to_anew(wire, start):
    running = start(wire.address, **KEEPALIVE)
    assert_success(send(running, 1))
    wire.go_deaf()
    assert_success(send_in_background(running, 2)()[0])
    assert wire.connections == 2
    items.assert_equal(span_items(1, 2), wire.items())


@ONLY_FULL
@pytest.mark.parametrize("permitted", [False, True])
def test_an_idle_connection_is_pinged_only_if_that_is_permitted(wire, start, permitted):
    keepalive = {"time": "10s", "timeout": "1s", "permit_without_stream": permitted}
    assert_success(send(start(wire.address, keepalive=keepalive), 1))
    wire.wait(lambda backend: backend.pings, 12)
    assert (wire.pings >= 1) == permitted


# Other ways out


def test_a_unix_socket_is_spoken_to(start, tmp_path):
    for kind in (GrpcWire, GrpcBackend):
        with kind(unix=tmp_path / f"{kind.__name__}.sock") as backend:
            assert_success(send(start(backend.address), 1))
            items.assert_equal(span_items(1), backend.items())
            assert backend.violations == []


@pytest.mark.parametrize("secured", [False, True], ids=["plain", "tls"])
def test_a_proxy_of_the_environment_makes_a_tunnel(authority, start, secured):
    named = authority.leaf(f"named-{secured}", names=["DNS:backend.example"])
    with GrpcWire(tls=named.server() if secured else None) as backend, Proxy(credentials="wader:s3cret") as proxy:
        endpoint = f"backend.example:{backend.port}"
        tls = {"tls": {"ca_file": str(authority.root.file)}} if secured else {}
        url = f"http://wader:s3cret@127.0.0.1:{proxy.port}"
        running = start(endpoint, secured=secured, environment={"HTTPS_PROXY": url}, **tls)
        for seed in range(3):
            assert_success(send(running, seed))
        assert {(one.method, one.target) for one in proxy.asked} == {("CONNECT", endpoint)}
        proxy.close_connections()
        assert_success(send(running, 3))
        items.assert_equal(span_items(*range(4)), backend.items())
        assert backend.calls[0].headers[":authority"] == endpoint
        assert backend.violations == [] and "s3cret" not in running.log()


def test_no_proxy_is_gone_round(wire, start):
    with Proxy() as proxy:
        assert_success(send(start(wire.address, environment={"HTTPS_PROXY": proxy.url}), 1))  # loopback
        environment = {"HTTPS_PROXY": proxy.url, "NO_PROXY": "0.0.0.0"}
        assert_success(send(start(f"0.0.0.0:{wire.port}", environment=environment), 2))
        assert proxy.asked == []


# What answers is no back end


class Garbage:
    """A port that answers whatever comes with fixed bytes, and then closes or stays."""

    def __init__(self, answer, stays=False):
        self._answer, self._stays = answer, stays
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._held = []

    def __enter__(self):
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._held:
            one.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
                connection.recv(65536)
                connection.sendall(self._answer)
                if self._stays:
                    self._held.append(connection)
                else:
                    connection.close()
            except OSError:
                if self._listener.fileno() < 0 or self._listener._closed:
                    return


SETTINGS = b"\0\0\0\4\0\0\0\0\0"


@pytest.mark.parametrize("stays", [False, True], ids=["closes", "stays"])
@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"",
        b"\0\0\0",
        SETTINGS + b"\0\0\7",
        SETTINGS + b"\0\xff\xff\0\0\0\0\0\1" + b"x" * 70_000,
        SETTINGS + b"\0\0\4\1\4\0\0\0\1\xff\xff\xff\xff",
        SETTINGS + b"\0\0\0\4\1\0\0\0\0" * 2000,
        SETTINGS + b"\0\0\x08\6\0\0\0\0\0pingping" * 20_000,
        os.urandom(4096),
    ],
    ids=["http1", "tls alert", "nothing", "half", "half frame", "large frame", "bad header block", "settings", "pings", "noise"],
)
def test_whatever_answers_on_the_port_is_an_error_that_is_said(start, answer, stays):
    with Garbage(answer, stays) as garbage:
        running = start(garbage.address, timeout="300ms", **LATER)
        assert send(running, 1).status == 503
        assert send(running, 2).status == 503
        assert f"otlp_grpc: {garbage.address}: " in running.log()
        assert running.process.poll() is None


def test_tls_where_the_back_end_has_none_and_the_reverse_are_errors(leaf, start):
    with GrpcBackend() as plain, GrpcBackend(tls=leaf) as secured:
        for endpoint, with_tls in ((plain.address, True), (secured.address, False)):
            running = start(endpoint, secured=with_tls, timeout="1s", **LATER)
            assert send(running, 1).status == 503
            assert f"otlp_grpc: {endpoint}: " in running.log()
