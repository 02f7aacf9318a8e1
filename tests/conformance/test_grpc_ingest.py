# SPDX-License-Identifier: Apache-2.0
"""OTLP/gRPC in: the Python SDK and raw calls of grpcio, over plain sockets, TLS and unix sockets.

What goes in comes out item by item at an independent back end; what is refused has the code and the words of the
reference.
"""

import socket
import ssl
import threading

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

import certificates
import collector as collector_module
import generate
import items
from backend import Answer
from collector import configuration, free_port, poll
from malformed import MALFORMED
from seeded import span_items, spans

METHODS = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}
BATCHED = ("batch", "decouple")
MIB = 1 << 20


class Sender:
    """A channel; calls give the answer's bytes or the grpc.RpcError."""

    def __init__(self, target, credentials=None, **options):
        arguments = [(name.replace("__", "."), value) for name, value in options.items()]
        self._channel = (
            grpc.secure_channel(target, credentials, arguments) if credentials else grpc.insecure_channel(target, arguments)
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._channel.close()

    def call(self, method, body, timeout=20, **settings):
        function = self._channel.unary_unary(METHODS.get(method, method))
        try:
            return function(body, timeout=timeout, **settings)
        except grpc.RpcError as error:
            return error

    def future(self, method, body, timeout=20):
        return self._channel.unary_unary(METHODS[method]).future(body, timeout=timeout)


@pytest.fixture
def start_grpc(backend, start_collector):
    """A function (grpc settings, exporter settings, processors, ...) that starts a collector; returns its target."""

    def start(grpc_settings=None, exporter=None, **settings):
        http_port, port = free_port(), free_port()
        exporter = {"endpoint": backend.url, "retry_on_failure": {"initial_interval": "20ms"}, **(exporter or {})}
        config = configuration(http_port, exporter, **settings)
        endpoint = {"endpoint": f"127.0.0.1:{port}", **(grpc_settings or {})}
        config["receivers"]["otlp"]["protocols"]["grpc"] = endpoint
        start.collector = start_collector(config, http_port)
        return f"127.0.0.1:{port}"

    return start


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return certificates.Certificate(tmp_path_factory.mktemp("authority"), "An authority", authority=True)


@pytest.fixture(scope="module")
def leaf(authority, tmp_path_factory):
    return certificates.Certificate(
        tmp_path_factory.mktemp("leaf"), "leaf", ("DNS:localhost", "IP:127.0.0.1"), issuer=authority
    )


def span_bytes(seed):
    return spans(seed).SerializeToString()


def assert_spans_arrive(backend, *seeds):
    expected = span_items(*seeds)
    items.assert_equal(expected, backend.wait_for_items(len(expected)))


def assert_refused(answer, code, text):
    assert isinstance(answer, grpc.RpcError), answer
    assert (answer.code(), answer.details()) == (code, text)


@pytest.fixture
def unharmed(backend, start_grpc):
    """A target with a kept connection, which works before and after the test, as does a new one."""
    target = start_grpc()
    with Sender(target, grpc__use_local_subchannel_pool=1) as kept:
        assert kept.call("traces", span_bytes(1)) == b"\n\x00"
        yield target
        assert kept.call("traces", span_bytes(2)) == b"\n\x00"
        with Sender(target, grpc__use_local_subchannel_pool=1) as new:
            assert new.call("traces", span_bytes(3)) == b"\n\x00"
        assert_spans_arrive(backend, 1, 2, 3)


# What SDKs send


@pytest.mark.parametrize("processors", [(), BATCHED], ids=["synchronous", "batched"])
@pytest.mark.parametrize("signal", METHODS)
@pytest.mark.parametrize("compression", ["NoCompression", "Gzip"])
def test_every_field_passes_unchanged(backend, start_grpc, signal, compression, processors):
    requests = [generate.request(signal, seed) for seed in range(8)]
    with Sender(start_grpc(processors=processors)) as sender:
        for request in requests:
            answer = sender.call(signal, request.SerializeToString(), compression=getattr(grpc.Compression, compression))
            assert answer == b"\n\x00"
    expected = [item for request in requests for item in items.items(signal, request)]
    items.assert_equal(expected, backend.wait_for_items(len(expected)))


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_the_python_sdk_s_spans_arrive(backend, start_grpc, compression):
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    chosen = grpc.Compression.Gzip if compression else grpc.Compression.NoCompression
    exporter = OTLPSpanExporter(endpoint=f"http://{start_grpc()}", insecure=True, compression=chosen, timeout=10)
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    for number in range(500):
        with tracer.start_as_current_span(f"span {number}", attributes={"number": number}):
            pass
    provider.shutdown()
    arrived = backend.wait_for_items(500)
    assert len(arrived) == 500


@pytest.mark.parametrize("size", [100_000, MIB, 3 * MIB])
def test_large_messages_arrive_whole(backend, start_grpc, size):
    request = spans(1)
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.attributes.add(key="large").value.string_value = "x" * size
    with Sender(start_grpc()) as sender:
        assert sender.call("traces", request.SerializeToString()) == b"\n\x00"
    expected = items.items("traces", request)
    items.assert_equal(expected, backend.wait_for_items(len(expected)))


def test_many_calls_at_once_on_many_connections_lose_and_double_nothing(backend, start_grpc):
    target = start_grpc(processors=BATCHED)
    seeds = range(20, 320)
    senders = [Sender(target, grpc__use_local_subchannel_pool=1) for _ in range(10)]
    try:
        pending = [senders[seed % 10].future("traces", span_bytes(seed)) for seed in seeds]
        assert {one.result() for one in pending} == {b"\n\x00"}
    finally:
        for sender in senders:
            sender.__exit__()
    assert_spans_arrive(backend, *seeds)


def test_metadata_is_taken_and_harms_nothing(backend, start_grpc):
    with Sender(start_grpc()) as sender:
        metadata = [("api-key", "secret"), ("x-bin", b"\x00\xff" * 100), *((f"x-{n}", "v" * 100) for n in range(50))]
        assert sender.call("traces", span_bytes(1), metadata=metadata) == b"\n\x00"
    assert_spans_arrive(backend, 1)


def test_batch_keeps_tenants_apart_by_their_metadata(backend, start_grpc):
    batch = {"timeout": "60s", "metadata_keys": ["X-Tenant", "host"], "metadata_cardinality_limit": 2}
    target = start_grpc({"include_metadata": True}, processors=("batch",), batch=batch)
    tenants = {"a": (1, 3, 5), "b": (2, 4)}
    with Sender(target) as sender:
        for tenant, seeds in tenants.items():
            for seed in seeds:
                assert sender.call("traces", span_bytes(seed), metadata=[("x-tenant", tenant)]) == b"\n\x00"
        # The values as a whole make a tenant; a third is one too many.
        third = sender.call("traces", span_bytes(9), metadata=[("x-tenant", "a"), ("x-tenant", "b")])
        assert third.code() == grpc.StatusCode.INTERNAL
    log = start_grpc.collector.log()
    assert "metadata_cardinality_limit: there are 2 combinations" in log and "include_metadata" not in log
    start_grpc.collector.terminate()
    expected = {tenant: sorted(item for seed in seeds for item in items.items("traces", spans(seed))) for tenant, seeds in tenants.items()}
    assert sorted(sorted(one.items()) for one in backend.requests) == sorted(expected.values())


def test_more_metadata_than_is_kept_is_refused(backend, start_grpc):
    target = start_grpc({"include_metadata": True})
    long = [("x-long", "v" * (17 << 10))]
    with Sender(target, grpc__max_metadata_size=1 << 20) as sender:
        answer = sender.call("traces", span_bytes(1), metadata=long)
        assert_refused(answer, grpc.StatusCode.RESOURCE_EXHAUSTED, "more than 16384 bytes of metadata to keep (include_metadata)")
        assert detail_of(answer) is None  # nobody tries again
        assert sender.call("traces", span_bytes(2)) == b"\n\x00"
    assert_spans_arrive(backend, 2)


def test_an_empty_message_is_a_success(unharmed):
    with Sender(unharmed) as sender:
        assert [sender.call(signal, b"") for signal in METHODS] == [b"\n\x00"] * 3


# What is refused


def test_unknown_services_and_methods_get_unimplemented(unharmed):
    with Sender(unharmed) as sender:
        assert_refused(sender.call("/a.B/C", b""), grpc.StatusCode.UNIMPLEMENTED, "unknown service a.B")
        service = METHODS["traces"][1:].removesuffix("/Export")
        assert_refused(
            sender.call(f"/{service}/Import", b""),
            grpc.StatusCode.UNIMPLEMENTED,
            f"unknown method Import for service {service}",
        )


def test_a_signal_without_a_pipeline_is_unknown(start_grpc):
    with Sender(start_grpc(signals=("logs",))) as sender:
        assert sender.call("traces", span_bytes(1)).code() == grpc.StatusCode.UNIMPLEMENTED


def test_unknown_compression_gets_unimplemented(unharmed):
    with Sender(unharmed) as sender:
        assert_refused(
            sender.call("traces", span_bytes(9), compression=grpc.Compression.Deflate),
            grpc.StatusCode.UNIMPLEMENTED,
            'grpc: Decompressor is not installed for grpc-encoding "deflate"',
        )


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_traces_get_internal(unharmed, name):
    with Sender(unharmed) as sender:
        answer = sender.call("traces", MALFORMED[name])
        assert answer.code() == grpc.StatusCode.INTERNAL
        assert answer.details().startswith("grpc: failed to unmarshal the received message: ")


def test_the_limit_of_a_message_holds_before_and_after_decompression(unharmed, backend, start_grpc):
    with Sender(unharmed) as sender:
        exhausted = grpc.StatusCode.RESOURCE_EXHAUSTED
        limit = 4 * MIB
        assert_refused(
            sender.call("traces", bytes(limit + 1)),
            exhausted,
            f"grpc: received message larger than max ({limit + 1} vs. {limit})",
        )
        assert_refused(
            sender.call("traces", bytes(64 * MIB), compression=grpc.Compression.Gzip),
            exhausted,
            f"grpc: received message after decompression larger than max {limit}",
        )


def test_the_configured_limit_of_a_message_holds(backend, start_grpc):
    request = spans(1)
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.attributes.add(key="large").value.string_value = "x" * (6 * MIB)
    with Sender(start_grpc({"max_recv_msg_size_mib": 8})) as sender:
        assert sender.call("traces", request.SerializeToString(), timeout=60) == b"\n\x00"
        assert sender.call("traces", bytes(8 * MIB + 1)).code() == grpc.StatusCode.RESOURCE_EXHAUSTED


# What the pipeline says


def no_retry():
    return {"retry_on_failure": {"enabled": False}}


def detail_of(error):
    """The RetryInfo of a refusal, or None."""
    details = dict(error.trailing_metadata()).get("grpc-status-details-bin")
    if details is None:
        return None
    status = status_pb2.Status.FromString(details)
    assert (status.code, status.message) == (error.code().value[0], error.details())
    retry_info = error_details_pb2.RetryInfo()
    assert status.details[0].Unpack(retry_info)
    return retry_info.retry_delay.ToTimedelta().total_seconds()


@pytest.mark.parametrize(
    "status, headers, code, delay",
    [
        (503, (), grpc.StatusCode.UNAVAILABLE, None),
        (503, (("Retry-After", "7"),), grpc.StatusCode.UNAVAILABLE, 7),
        (502, (), grpc.StatusCode.UNAVAILABLE, None),
        (504, (), grpc.StatusCode.UNAVAILABLE, None),
        (429, (("Retry-After", "3"),), grpc.StatusCode.RESOURCE_EXHAUSTED, 3),
        (429, (), grpc.StatusCode.RESOURCE_EXHAUSTED, 1),
        (400, (), grpc.StatusCode.INVALID_ARGUMENT, None),
        (401, (), grpc.StatusCode.UNAUTHENTICATED, None),
        (403, (), grpc.StatusCode.PERMISSION_DENIED, None),
        (404, (), grpc.StatusCode.UNIMPLEMENTED, None),
        (500, (), grpc.StatusCode.UNKNOWN, None),
    ],
)
def test_what_the_back_end_said_reaches_the_sender(backend, start_grpc, status, headers, code, delay):
    backend.answer_always(Answer(status=status, headers=headers))
    with Sender(start_grpc(exporter=no_retry())) as sender:
        answer = sender.call("traces", span_bytes(1))
    assert answer.code() == code
    assert detail_of(answer) == delay


def test_a_call_ends_at_its_deadline(backend, start_grpc):
    hold = threading.Event()
    backend.answer(Answer(hold=hold, counts=False))
    with Sender(start_grpc(exporter=no_retry())) as sender:
        answer = sender.call("traces", span_bytes(1), timeout=0.3)
        hold.set()
        assert answer.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert sender.call("traces", span_bytes(2)) == b"\n\x00"


# Keepalive and the end


def test_calls_on_a_connection_that_grows_old_all_succeed(backend, start_grpc):
    keepalive = {"server_parameters": {"max_connection_age": "200ms", "max_connection_age_grace": "2s"}}
    with Sender(start_grpc({"keepalive": keepalive})) as sender:
        for seed in range(1, 101):
            assert sender.call("traces", span_bytes(seed)) == b"\n\x00"
    assert_spans_arrive(backend, *range(1, 101))


def test_an_idle_connection_is_drained_and_made_anew(backend, start_grpc):
    keepalive = {"server_parameters": {"max_connection_idle": "100ms"}}
    with Sender(start_grpc({"keepalive": keepalive})) as sender:
        assert sender.call("traces", span_bytes(1)) == b"\n\x00"
        threading.Event().wait(0.5)
        assert sender.call("traces", span_bytes(2)) == b"\n\x00"
    assert_spans_arrive(backend, 1, 2)


def test_calls_under_way_are_finished_at_the_end(backend, start_grpc):
    hold = threading.Event()
    backend.answer(Answer(hold=hold))
    with Sender(start_grpc()) as sender:
        call = sender.future("traces", span_bytes(1))
        backend.wait_for_requests(1)
        threading.Timer(0.3, hold.set).start()
        start_grpc.collector.terminate()
        assert call.result() == b"\n\x00"


# Other ways in


def test_http1_on_the_port_is_closed(unharmed):
    host, port = unharmed.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        while connection.recv(65536):
            pass


def test_a_unix_socket_serves_as_well(backend, start_grpc, tmp_path):
    path = str(tmp_path / "otlp.sock")
    start_grpc({"endpoint": path, "transport": "unix"})
    with Sender(f"unix:{path}") as sender:
        assert sender.call("traces", span_bytes(1)) == b"\n\x00"
    assert_spans_arrive(backend, 1)


def credentials_of(authority, client=None):
    read = lambda path: path.read_bytes() if path else None
    return grpc.ssl_channel_credentials(
        read(authority.file), read(client and client.key_file), read(client and client.file)
    )


def test_tls_serves_http2(backend, start_grpc, authority, leaf):
    tls = {"cert_file": str(leaf.file), "key_file": str(leaf.key_file)}
    target = start_grpc({"tls": tls})
    with Sender(target, credentials_of(authority)) as sender:
        assert sender.call("traces", span_bytes(1)) == b"\n\x00"
        large = spans(1)
        large.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="large").value.string_value = "x" * MIB
        assert sender.call("traces", large.SerializeToString()) == b"\n\x00"
    with Sender(target) as plain:
        assert plain.call("traces", span_bytes(3), timeout=2).code() in (
            grpc.StatusCode.UNAVAILABLE,
            grpc.StatusCode.DEADLINE_EXCEEDED,
        )


def test_a_client_without_its_certificate_is_refused_where_one_is_asked_for(backend, start_grpc, authority, leaf):
    tls = {"cert_file": str(leaf.file), "key_file": str(leaf.key_file), "client_ca_file": str(authority.file)}
    target = start_grpc({"tls": tls})
    with Sender(target, credentials_of(authority)) as nobody:
        assert nobody.call("traces", span_bytes(1), timeout=5).code() == grpc.StatusCode.UNAVAILABLE
    with Sender(target, credentials_of(authority, leaf)) as known:
        assert known.call("traces", span_bytes(2)) == b"\n\x00"
    assert_spans_arrive(backend, 2)


def shown_certificate(target, authority):
    """The certificate that a new connection is shown."""
    context = ssl.create_default_context(cafile=authority.file)
    context.set_alpn_protocols(["h2"])
    host, port = target.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as plain, context.wrap_socket(plain, server_hostname=host) as secured:
        assert secured.selected_alpn_protocol() == "h2"
        return secured.getpeercert()["subject"][0][0][1]


def renew(served, certificate):
    """The files' contents change in one step, as a tool that renews certificates does it."""
    for file, source in zip(served, (certificate.file, certificate.key_file)):
        new = file.with_suffix(".new")
        new.write_bytes(source.read_bytes())
        new.replace(file)


def test_a_renewed_certificate_is_shown_to_new_connections_after_the_interval(backend, start_grpc, authority, leaf, tmp_path):
    served = tmp_path / "certificate.pem", tmp_path / "key.pem"
    renew(served, leaf)
    tls = {"cert_file": str(served[0]), "key_file": str(served[1]), "reload_interval": "50ms"}
    target = start_grpc({"tls": tls})
    renewed = certificates.Certificate(tmp_path, "renewed", ("IP:127.0.0.1",), issuer=authority)
    with Sender(target, credentials_of(authority), grpc__use_local_subchannel_pool=1) as kept:
        assert kept.call("traces", span_bytes(1)) == b"\n\x00"
        assert shown_certificate(target, authority) == "leaf"
        renew(served, renewed)
        assert poll(lambda: shown_certificate(target, authority) == "renewed")
        # What cannot be read changes nothing.
        served[1].write_text("no key")
        served[0].write_text("no certificate")
        assert [kept.call("traces", span_bytes(seed)) for seed in (2, 3)] == [b"\n\x00"] * 2
        with Sender(target, credentials_of(authority), grpc__use_local_subchannel_pool=1) as new:
            assert new.call("traces", span_bytes(4)) == b"\n\x00"

        def said():
            assert shown_certificate(target, authority) == "renewed"
            return "cert_file" in start_grpc.collector.log()

        assert poll(said)
    assert_spans_arrive(backend, 1, 2, 3, 4)


def test_without_an_interval_the_first_certificate_stays(backend, start_grpc, authority, leaf, tmp_path):
    served = tmp_path / "certificate.pem", tmp_path / "key.pem"
    renew(served, leaf)
    target = start_grpc({"tls": {"cert_file": str(served[0]), "key_file": str(served[1])}})
    assert shown_certificate(target, authority) == "leaf"
    renew(served, certificates.Certificate(tmp_path, "renewed", ("IP:127.0.0.1",), issuer=authority))
    assert shown_certificate(target, authority) == "leaf"
