# SPDX-License-Identifier: Apache-2.0
"""The keys of the HTTP receiver: TLS and client certificates, unix sockets, CORS, times, many connections, metadata.

The client is Python's ssl and http.client; what has to arrive is compared item by item.
"""

import contextlib
import http.client
import resource
import socket
import ssl
import stat

import pytest

import certificates
import client as client_module
import collector as collector_module
import generate
import items
from client import PROTOBUF
from collector import SANITIZED, poll
from seeded import span_items


def tls_keys(leaf, **added):
    return {"tls": {"cert_file": str(leaf.served()), "key_file": str(leaf.key_file), **added}}


def trusting(authority, shown=None, newest=None):
    context = ssl.create_default_context(cafile=authority.root.file)
    context.set_alpn_protocols(["http/1.1"])
    if shown is not None:
        context.load_cert_chain(shown.served(), shown.key_file)
    if newest is not None:
        context.maximum_version = newest
    return context


def post(connection, seed, signal="traces", **headers):
    """Sends a generated request. Returns (status, headers, items that were sent)."""
    message = generate.request(signal, seed)
    connection.request("POST", f"/v1/{signal}", message.SerializeToString(), {"Content-Type": PROTOBUF, **headers})
    response = connection.getresponse()
    response.read()
    return response.status, response.headers, items.items(signal, message)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


def connects(connection):
    with contextlib.suppress(ConnectionRefusedError, FileNotFoundError):
        connection.connect()
        return True


def raw(port, data):
    """Everything that is answered to these bytes until the other side closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(data)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                answer += piece
        return answer


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_items_arrive_over_https(authority, leaf, collector, backend, loop, newest):
    running = collector(receiver=tls_keys(leaf), environment={"STINT_IO": loop})
    connection = http.client.HTTPSConnection("localhost", running.port, context=trusting(authority, newest=newest))
    sent = []
    for signal in items.SIGNALS:
        for seed in range(5):
            status, _, some = post(connection, seed, signal)
            assert status == 200
            sent += some
    assert connection.sock.version() == {"TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}[newest.name]
    assert connection.sock.selected_alpn_protocol() == "http/1.1"
    connection.close()
    items.assert_equal(sent, backend.items())


def test_clients_without_a_trusted_certificate_are_turned_away_and_harm_nobody(authority, leaf, collector, backend, tmp_path):
    stranger = certificates.Certificate(tmp_path, "stranger")
    friend = authority.leaf("friend")
    running = collector(receiver=tls_keys(leaf, client_ca_file=str(authority.root.file)))
    good = http.client.HTTPSConnection("localhost", running.port, context=trusting(authority, friend))
    assert post(good, 0)[0] == 200
    for shown, told in ((None, "CERTIFICATE_REQUIRED"), (stranger, "UNKNOWN_CA")):
        bad = http.client.HTTPSConnection("localhost", running.port, context=trusting(authority, shown))
        with pytest.raises(ssl.SSLError) as refused:
            post(bad, 1)
        assert told in str(refused.value).upper().replace(" ", "_")
        assert post(good, 2)[0] == 200
    good.close()
    assert running.log().count("a TLS handshake failed") == 1
    assert len(backend.items()) == len(span_items(0, 2, 2))


def test_each_port_tells_who_speaks_the_other_protocol(authority, leaf, collector, backend):
    secured, plain = collector(receiver=tls_keys(leaf)), collector()
    answer = raw(secured.port, client_module.request(b"x" * 1000))
    assert answer.startswith(b"HTTP/1.0 400 Bad Request\r\n") and answer.endswith(b"to an HTTPS server.\n")
    hello = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        trusting(authority).wrap_bio(*hello, server_hostname="localhost").do_handshake()
    assert raw(plain.port, hello[1].read()).startswith(b"HTTP/1.1 400 ")
    raw(secured.port, b"\xff" * 5000)
    connection = http.client.HTTPSConnection("localhost", secured.port, context=trusting(authority))
    assert post(connection, 0)[0] == 200
    connection.close()


@pytest.mark.parametrize("wrong", ["missing", "text", "another key"])
def test_a_file_that_is_of_no_use_turns_the_receiver_off_with_its_key_and_name(authority, leaf, collector, wrong, tmp_path):
    text = tmp_path / "text.pem"
    text.write_text("nothing")
    added, said = {
        "missing": ({"cert_file": "/nonexistent/c.pem"}, "tls::cert_file or cert_pem cannot be read: No such file or directory (/nonexistent/c.pem)"),
        "text": ({"key_file": str(text)}, f"tls::key_file or key_pem holds nothing that can be used ({text})"),
        "another key": ({"key_file": str(authority.root.key_file)}, f"tls::key_file or key_pem is the key of another certificate ({authority.root.key_file})"),
    }[wrong]
    port = collector_module.free_port()
    settings = {"endpoint": f"127.0.0.1:{port}", **tls_keys(leaf, **added)}
    running = collector(more_receivers={"otlp/tls": {"protocols": {"http": settings}}})
    assert poll(lambda: "this receiver is off" in running.log())
    (line,) = [line for line in running.log().splitlines() if "this receiver is off" in line]
    assert f"receivers::otlp/tls::protocols::http: {said}" in line
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5).close()


def test_a_unix_socket_is_served_in_place_of_a_dead_one_and_removed_at_the_end(collector, backend, tmp_path, loop):
    path = tmp_path / "otlp.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    unix = {"otlp/unix": {"protocols": {"http": {"endpoint": str(path), "transport": "unix"}}}}
    running = collector(more_receivers=unix, environment={"STINT_IO": loop})
    connection = UnixConnection(path)
    assert poll(lambda: connects(connection))  # the file was there before
    status, _, sent = post(connection, 1)
    assert status == 200
    connection.close()
    assert stat.S_ISSOCK(path.stat().st_mode)
    assert running.terminate() == 0
    assert not path.exists()
    items.assert_equal(sent, backend.items())


def test_browsers_get_cors_and_everybody_the_response_headers(collector, backend):
    running = collector(
        receiver={"cors": {"allowed_origins": ["https://*.example.com"], "max_age": 60}, "response_headers": {"X-Own": "yes"}}
    )
    connection = http.client.HTTPConnection("127.0.0.1", running.port)
    page = {"Origin": "https://a.example.com"}
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    for origin, allowed in ((page, "https://a.example.com"), ({"Origin": "https://evil.test"}, None)):
        connection.request("OPTIONS", "/v1/traces", headers={**origin, **asked})
        answer = connection.getresponse()
        assert (answer.status, answer.read(), answer.headers["X-Own"]) == (204, b"", "yes")
        assert answer.headers["Access-Control-Allow-Origin"] == allowed
        assert answer.headers["Access-Control-Max-Age"] == ("60" if allowed else None)
        status, headers, _ = post(connection, 0, **origin)
        assert (status, headers["Access-Control-Allow-Origin"], headers["Vary"]) == (200, allowed, "Origin")
    connection.request("GET", "/nowhere")
    answer = connection.getresponse()
    answer.read()
    assert (answer.status, answer.headers["X-Own"]) == (404, "yes")
    connection.close()


def test_a_head_that_comes_in_drops_is_not_waited_for(collector):
    running = collector(receiver={"read_header_timeout": "300ms"})
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as connection:
        connection.settimeout(0.05)
        answer = b""
        for byte in b"POST /v1/traces HTTP/1.1\r\nX-Slow: " + b"x" * 400:
            with contextlib.suppress(TimeoutError, ConnectionError):
                connection.sendall(bytes([byte]))
                answer = connection.recv(4096)
            if answer:
                break
        assert answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("secured, count", [(False, 2000), (True, 200)], ids=["plain", "tls"])
def test_idle_connections_do_not_keep_a_working_one_out(authority, leaf, collector, backend, loop, secured, count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    running = collector(receiver=tls_keys(leaf) if secured else None, environment={"STINT_IO": loop})
    context = trusting(authority) if secured else None

    def connect():
        if secured:
            return http.client.HTTPSConnection("localhost", running.port, context=context)
        return http.client.HTTPConnection("localhost", running.port)

    working, sent = connect(), []
    with contextlib.ExitStack() as held:
        for number in range(count):
            one = socket.create_connection(("127.0.0.1", running.port), timeout=20)
            held.callback(one.close)
            if secured:
                one = context.wrap_socket(one, server_hostname="localhost")
                held.callback(one.close)
            if number % (count // 20) == 0:
                status, _, some = post(working, number)
                assert status == 200
                sent += some
        fresh = connect()
        status, _, some = post(fresh, count)
        assert status == 200
        fresh.close()
    working.close()
    items.assert_equal(sent + some, backend.items())
    assert "busy connections" not in running.log()
    assert running.memory_peak_mib() < (200 if SANITIZED else 40)


def test_batch_keeps_tenants_apart(collector, backend):
    running = collector(
        receiver={"include_metadata": True},
        processors=["batch"],
        batch={"timeout": "60s", "metadata_keys": ["X-Tenant"], "metadata_cardinality_limit": 2},
    )
    connection = http.client.HTTPConnection("127.0.0.1", running.port)
    sent = {"a": [], "b": []}
    for seed in range(10):
        tenant = "ab"[seed % 2]
        status, _, some = post(connection, seed, **{"x-tenant": tenant})
        assert status == 200
        sent[tenant] += some
    assert post(connection, 99, **{"x-tenant": "c"})[0] == 500
    connection.close()
    assert "metadata_cardinality_limit: there are 2 combinations" in running.log()
    running.terminate()
    assert len(backend.requests) == 2
    items.assert_equal(sent["a"] + sent["b"], backend.items())
    for request in backend.requests:
        found = request.items()
        expected = sent["a"] if sorted(map(repr, found)) == sorted(map(repr, sent["a"])) else sent["b"]
        items.assert_equal(expected, found)


@pytest.mark.parametrize(
    "keys, said",
    [
        ({"tls": {}}, "a server needs a certificate and its key"),
        ({"tls": {"cert_file": "/c.pem"}}, "its key is missing; give key_file or key_pem"),
        ({"tls": {"cert_file": "/c", "key_file": "/k", "client_ca_file": "/a", "client_ca_pem": "x"}}, "either client_ca_file or"),
        ({"tls": {"cert_file": "/c", "key_file": "/k", "insecure": True}}, "insecure"),
        ({"transport": "unix", "endpoint": "unix:///tmp/x"}, "write the path of the socket alone"),
        ({"transport": "unix", "endpoint": "/" + "x" * 200}, "at most 107 bytes"),
        ({"response_headers": {"Content-Length": "1"}}, "'Content-Length' is set by the server itself"),
        ({"response_headers": {"A": "b\r\nC: d"}}, "control characters"),
        ({"auth": {"authenticator": "basicauth"}}, "auth"),
    ],
)
def test_mistakes_are_refused_with_their_key(keys, said, tmp_path):
    path = collector_module.write_configuration(
        tmp_path, collector_module.configuration(14318, {"endpoint": "http://127.0.0.1:1"}, receiver=keys)
    )
    done = collector_module.command("validate", "--config", path)
    assert done.returncode != 0 and said in done.stderr + done.stdout, done.stderr + done.stdout
