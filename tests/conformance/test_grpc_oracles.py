# SPDX-License-Identifier: Apache-2.0
"""The gRPC back ends judged, without the collector: by grpcio's client, and by one that breaks the protocol on purpose.

A back end that accepts everything would let every other test pass.
"""

import socket

import grpc
import h2.config
import h2.connection
import h2.events
import pytest

import certificates
import generate
import items
from grpc_backend import GrpcBackend
from grpc_wire import PATHS, GrpcAnswer, GrpcWire, framed
from test_grpc_ingest import METHODS, Sender, detail_of

HEAD = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", METHODS["traces"]),
    (":authority", "back.end"),
    ("content-type", "application/grpc"),
    ("te", "trailers"),
    ("user-agent", "judge"),
]


def body(seed=1, signal="traces"):
    return generate.request(signal, seed).SerializeToString()


@pytest.fixture
def judged():
    """A back end whose complaints are the test's subject."""
    with GrpcWire() as started:
        yield started


def call(backend, data, without=(), streams=1, **changed):
    """Sends calls by hand and reads until all are answered or the connection ends. Returns the events of the answers."""
    changed = {name.replace("_", "-").replace("-path", ":path").replace("-method", ":method"): value for name, value in changed.items()}
    head = [(name, changed.pop(name, value)) for name, value in HEAD if name not in without] + list(changed.items())
    config = h2.config.H2Configuration(client_side=True, header_encoding="utf-8", validate_outbound_headers=False)
    connection, found = h2.connection.H2Connection(config), []
    connection.initiate_connection()
    with socket.create_connection(("127.0.0.1", backend.port), timeout=20) as stream:
        for number in range(streams):
            connection.send_headers(2 * number + 1, head)
            connection.send_data(2 * number + 1, data, end_stream=True)
        stream.sendall(connection.data_to_send())
        ends = (h2.events.StreamEnded, h2.events.StreamReset, h2.events.ConnectionTerminated)
        while sum(isinstance(event, ends) for event in found) < streams and (received := stream.recv(65536)):
            found += connection.receive_data(received)
            stream.sendall(connection.data_to_send())
    return found


@pytest.mark.parametrize("signal", PATHS.values())
@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_what_grpcio_sends_is_kept_item_by_item(judged, signal, compression):
    with Sender(judged.address) as sender:
        for seed in range(3):
            assert sender.call(signal, body(seed, signal), compression=compression) == b""
    sent = [item for seed in range(3) for item in items.items(signal, generate.request(signal, seed))]
    items.assert_equal(sent, judged.items())
    assert judged.violations == [] and judged.connections == 1


def answered(judged, sender):
    """The answer to a call; one that got lost with its connection, which the client did not know to be closed, again."""
    seen = len(judged.calls)
    answer = sender.call("traces", body(), wait_for_ready=True)
    return answer if len(judged.calls) > seen else sender.call("traces", body(), wait_for_ready=True)


def test_grpcio_understands_every_answer(judged):
    judged.answer(
        GrpcAnswer(code=8, message="fül%", retry_seconds=1.5),
        GrpcAnswer(code=14, with_message=True),
        GrpcAnswer(rejected=2, message="old"),
        GrpcAnswer(encoding="gzip"),
        GrpcAnswer(reset=7),
        GrpcAnswer(http_status=503),
        GrpcAnswer(close=True),
        GrpcAnswer(goaway=True),
        GrpcAnswer(close_after=True),
    )
    with Sender(judged.address) as sender:
        first, second, third, *rest = [answered(judged, sender) for _ in range(9)]
    assert (first.code().value[0], first.details(), detail_of(first)) == (8, "fül%", 1.5)
    assert second.code() == grpc.StatusCode.UNAVAILABLE
    assert items.RESPONSES["traces"].FromString(third).partial_success.rejected_spans == 2
    assert [one if isinstance(one, bytes) else one.code().value[0] for one in rest] == [b"", 14, 14, 14, b"", b""]
    assert len(judged.items()) == 4 * len(items.items("traces", generate.request("traces", 1)))
    assert judged.connections in (3, 4) and judged.violations == []


def test_a_good_call_by_hand_is_accepted(judged):
    assert any(isinstance(event, h2.events.TrailersReceived) for event in call(judged, framed(body()), grpc_timeout="5S"))
    assert judged.violations == [] and judged.calls[0].timeout_seconds == 5 and judged.items()


@pytest.mark.parametrize(
    "data, options, said",
    [
        (framed(body()), {"without": ("te",)}, "te is None"),
        (framed(body()), {"content_type": "application/json"}, "content-type is 'application/json'"),
        (framed(body()), {"_method": "GET"}, ":method is 'GET'"),
        (framed(body()), {"_path": "/v1/traces"}, "path '/v1/traces'"),
        (framed(body()), {"without": ("user-agent",)}, "no user-agent"),
        (framed(body()), {"grpc_timeout": "123456789S"}, "grpc-timeout is '123456789S'"),
        (framed(body()) * 2, {}, "are not one message"),
        (framed(body())[:-1], {}, "are not one message"),
        (b"", {}, "are not one message"),
        (framed(body(), True), {}, "cannot be read"),
        (framed(body(), True), {"grpc_encoding": "gzip"}, "cannot be read"),
        (framed(b"\xff"), {}, "cannot be read"),
        (framed(bytes.fromhex("0a09120712050a03010203")), {}, "trace_id has 3 bytes"),
        (framed(bytes.fromhex("f80701")), {}, "fields unknown"),
    ],
)
def test_breaches_are_written_down(judged, data, options, said):
    call(judged, data, **options)
    assert any(said in one for one in judged.violations), judged.violations


def test_more_streams_than_allowed_are_a_breach():
    hold = GrpcAnswer(delay_seconds=0.2)
    with GrpcWire(settings={3: 1}) as backend:
        backend.answer_always(hold)
        call(backend, framed(body()), streams=1)
        assert backend.violations == []
        # This client opens them before it knows the limit, which is allowed: all are answered.
        call(backend, framed(body()), streams=3)
        assert max(one.beside for one in backend.calls) == 3


def test_grpcio_s_own_server_keeps_items_over_tls_and_asks_for_certificates(authority, leaf, tmp_path):
    own = certificates.Certificate(tmp_path, "wader", issuer=authority.root)
    root, key, chain = authority.root.file.read_bytes(), own.key_file.read_bytes(), own.file.read_bytes()
    with GrpcBackend(tls=leaf, client_root=authority.root) as backend:
        with Sender(backend.address, grpc.ssl_channel_credentials(root)) as nobody:
            assert nobody.call("traces", body(), timeout=5).code() == grpc.StatusCode.UNAVAILABLE
        with Sender(backend.address, grpc.ssl_channel_credentials(root, key, chain)) as known:
            assert known.call("traces", body(), metadata=[("x-own", "1")]) == b""
        items.assert_equal(items.items("traces", generate.request("traces", 1)), backend.items())
        assert backend.metadata[0]["x-own"] == "1"
