# SPDX-License-Identifier: Apache-2.0
"""The exporter over https against Python's ssl module: items, sessions, names, certificates of both sides, and what
the log says of a back end that is not trusted.
"""

import pathlib
import socket
import ssl
import threading

import pytest

import certificates
import collector as collector_module
import items
from backend import Answer, Backend
from client import assert_success
from collector import poll
from seeded import send, send_every_signal, span_items

NO_SYSTEM = {"SSL_CERT_FILE": "/nonexistent", "SSL_CERT_DIR": "/nonexistent"}


@pytest.fixture
def start(start_collector, free_port):
    """A function that starts a collector that exports to the endpoint, with this tls section."""

    def started(endpoint, tls=None, environment=None, **exporter):
        port = free_port()
        settings = {"endpoint": endpoint, "retry_on_failure": {"initial_interval": "20ms"}, "tls": tls or {}, **exporter}
        configuration = collector_module.configuration(port, settings)
        return start_collector(configuration, port, **{**NO_SYSTEM, **(environment or {})})

    return started


def lines_with(running, text):
    return [line for line in running.log().splitlines() if text in line]


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_items_arrive_over_https(authority, leaf, start, newest, compression):
    with Backend(tls=leaf.server(newest=newest)) as backend:
        running = start(backend.url, {"ca_file": str(authority.root.file)}, compression=compression)
        items.assert_equal(send_every_signal(running, range(3)), backend.items())
        (handshake,) = backend.handshakes
        assert handshake.version == {"TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}[newest.name]
        assert (handshake.protocol, handshake.server_name) == ("http/1.1", None)  # an address is no server name
        assert backend.violations == []


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_a_new_connection_resumes_the_session(authority, leaf, start, newest):
    with Backend(tls=leaf.server(newest=newest)) as backend:
        running = start(f"https://localhost:{backend.port}", {"ca_file": str(authority.root.file)})
        for seed in range(3):
            assert_success(send(running, seed))
            backend.close_connections()
        assert [one.resumed for one in backend.handshakes] == [False, True, True]
        assert {one.server_name for one in backend.handshakes} == {"localhost"}
        assert len(backend.items()) == len(span_items(*range(3)))


def refused(authority, what):
    """(the server's context, what the log has to say)"""
    leaf = authority.leaf
    return {
        "expired": lambda: (leaf("expired", start="20200101", end="20210101").server(), "has expired"),
        "not yet valid": lambda: (leaf("future", start="20980101").server(), "is not valid yet"),
        "another name": lambda: (
            leaf("elsewhere", names=["DNS:example.com", "IP:127.0.0.2"]).server(),
            "it is for other names, not for 127.0.0.1",
        ),
        "self-signed": lambda: (
            certificates.Certificate(authority.root.folder.parent, "lonely", ["IP:127.0.0.1"]).server(),
            "it is self-signed; tls::ca_file can trust it",
        ),
        "unknown issuer": lambda: (
            certificates.Authority(pathlib.Path(authority.root.folder)).leaf().server(),
            "its issuer is unknown: neither sent with it nor trusted",
        ),
        "no intermediate": lambda: (leaf("incomplete").server(chain=False), "its issuer is unknown: neither sent"),
    }[what]()


@pytest.mark.parametrize(
    "what", ["expired", "not yet valid", "another name", "self-signed", "unknown issuer", "no intermediate"]
)
def test_a_certificate_is_refused_with_a_sentence_that_says_why(authority, start, what):
    context, said = refused(authority, what)
    with Backend(tls=context) as backend:
        running = start(backend.url, {"ca_file": str(authority.root.file)}, retry_on_failure={"enabled": False})
        for seed in range(3):
            assert send(running, seed).status == 503
        (line,) = lines_with(running, "is refused")
        assert "the certificate of 127.0.0.1 is refused: " in line and said in line
        assert poll(lambda: len(backend.failed_handshakes) == 3) and backend.requests == []


def test_a_refused_certificate_is_tried_again_until_a_good_one_is_shown(authority, leaf, start):
    bad = authority.leaf("old", start="20200101", end="20210101")
    context = bad.server()
    with Backend(tls=context) as backend:
        running = start(backend.url, {"ca_file": str(authority.root.file)}, timeout="20s")
        context_of_good = leaf.folder / "served.pem"
        context_of_good.write_text(leaf.chain())

        def renew():
            if len(backend.failed_handshakes) >= 3:
                context.load_cert_chain(context_of_good, leaf.key_file)
            return bool(backend.items())

        renewal = threading.Thread(target=poll, args=(renew,), daemon=True)
        renewal.start()
        assert_success(send(running, 1))
        renewal.join()
        assert len(lines_with(running, "has expired")) == 1
        assert len(lines_with(running, "delivered again")) == 1


def test_anything_is_taken_when_told_so(start, tmp_path):
    lonely = certificates.Certificate(tmp_path, "lonely", start="20200101", end="20210101")
    with Backend(tls=lonely.server()) as backend:
        assert_success(send(start(backend.url, {"insecure_skip_verify": True}), 1))
        assert backend.items()


def test_insecure_alone_does_not_switch_tls_off(authority, leaf, start):
    with Backend(tls=leaf.server()) as backend:
        running = start(backend.url, {"insecure": True}, {"SSL_CERT_FILE": str(authority.root.file)})
        assert_success(send(running, 1))
        assert len(backend.handshakes) == 1


def test_the_system_s_bundle_is_found_by_the_environment(authority, leaf, start, tmp_path):
    bundle = tmp_path / "bundle.pem"
    others = [certificates.Certificate(tmp_path, f"Other {i}", authority=True).pem() for i in range(5)]
    bundle.write_text("".join(others[:3]) + "# comment\n" + authority.root.pem() + "".join(others[3:]))
    with Backend(tls=leaf.server()) as backend:
        assert_success(send(start(backend.url, environment={"SSL_CERT_FILE": str(bundle)}), 1))
        running = start(backend.url, retry_on_failure={"enabled": False})
        assert send(running, 1).status == 503
        assert lines_with(running, "no bundle of root certificates was found on this machine")


def test_the_expected_name_can_be_another(authority, start):
    elsewhere = authority.leaf("elsewhere-2", names=["DNS:example.com"])
    with Backend(tls=elsewhere.server()) as backend:
        tls = {"ca_pem": authority.root.pem(), "server_name_override": "example.com"}
        assert_success(send(start(backend.url, tls), 1))
        assert backend.handshakes[0].server_name == "example.com"


def test_the_client_shows_its_certificate(authority, leaf, start):
    own = certificates.Certificate(leaf.folder, "wader", issuer=authority.root)
    ca = {"ca_file": str(authority.root.file)}
    with Backend(tls=leaf.server(client_root=authority.root)) as backend:
        running = start(backend.url, ca, retry_on_failure={"enabled": False})
        assert send(running, 1).status == 503
        # TLS 1.3 ends the client's handshake before the server looks: its alert can be overtaken by the reset.
        sentences = ("wants a client certificate (tls::cert_file)", "closed by the peer", "Connection reset by peer", "Broken pipe")
        assert any(lines_with(running, sentence) for sentence in sentences), running.log()
        assert_success(send(start(backend.url, {**ca, "cert_file": str(own.file), "key_file": str(own.key_file)}), 2))
        assert backend.handshakes[-1].client == "wader"
        pem = {"cert_pem": own.pem(), "key_pem": own.key_file.read_text()}
        assert_success(send(start(backend.url, {**ca, **pem}), 3))
        assert backend.handshakes[-1].client == "wader"


def test_versions_that_are_not_allowed_are_not_spoken(authority, leaf, start):
    with Backend(tls=leaf.server(newest=ssl.TLSVersion.TLSv1_2)) as backend:
        tls = {"ca_file": str(authority.root.file), "min_version": "1.3"}
        running = start(backend.url, tls, retry_on_failure={"enabled": False})
        assert send(running, 1).status == 503
        assert lines_with(running, "the back end speaks none of the TLS versions that are allowed here")


def test_http_and_https_mixed_up_are_told_apart(leaf, start):
    never = {"enabled": False}
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def answer():
            connection, _ = plain.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        running = start(f"https://127.0.0.1:{plain.getsockname()[1]}", retry_on_failure=never)
        assert send(running, 1).status == 503
        assert lines_with(running, "what answers does not speak TLS; is the endpoint http://?")
    with Backend(tls=leaf.server()) as secured:
        running = start(secured.url.replace("https:", "http:"), retry_on_failure=never)
        assert send(running, 1).status == 503
        assert secured.requests == []


def test_a_file_that_cannot_be_used_is_named(leaf, start):
    with Backend(tls=leaf.server()) as backend:
        running = start(backend.url, {"ca_file": "/nonexistent/ca.pem"}, retry_on_failure={"enabled": False})
        assert send(running, 1).status == 503
        assert lines_with(running, "tls::ca_file or ca_pem cannot be read: No such file or directory")


@pytest.mark.parametrize(
    "answer",
    [Answer(status=503), Answer(reset=True, counts=False), Answer(close_silently=True, counts=True), Answer(chunked=True)],
    ids=["503", "reset", "closed behind the answer", "chunked"],
)
def test_what_happens_over_http_happens_over_https(authority, leaf, start, answer):
    with Backend(tls=leaf.server()) as backend:
        backend.answer(answer)
        running = start(backend.url, {"ca_file": str(authority.root.file)})
        assert_success(send(running, 1))
        assert_success(send(running, 2))
        items.assert_equal(span_items(1, 2), backend.items())
