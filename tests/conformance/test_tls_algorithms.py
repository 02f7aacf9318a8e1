# SPDX-License-Identifier: Apache-2.0
"""Every cipher suite, kind of key and curve that can be configured, in both directions: the program is linked without
the rest of libcrypto (src/net/tls_algorithms.cpp), so none may lack what it needs.
"""

import socket
import ssl
import subprocess

import pytest

import certificates
import collector as collector_module
import items
from backend import Backend
from client import assert_success, request
from seeded import send, span_items

# The name of a suite in a configuration, and what OpenSSL calls it. Source: RFC 5246, RFC 5289, RFC 7905; `openssl ciphers -stdname`.
SUITES = {
    f"TLS_{prefix}_WITH_{standard}": f"{short}{name}"
    for prefix, short in (("ECDHE_ECDSA", "ECDHE-ECDSA-"), ("ECDHE_RSA", "ECDHE-RSA-"), ("RSA", ""))
    for standard, name in (
        ("AES_128_GCM_SHA256", "AES128-GCM-SHA256"),
        ("AES_256_GCM_SHA384", "AES256-GCM-SHA384"),
        ("CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305"),
        ("AES_128_CBC_SHA", "AES128-SHA"),
        ("AES_256_CBC_SHA", "AES256-SHA"),
        ("AES_128_CBC_SHA256", "AES128-SHA256"),
    )
    if (prefix, name) != ("RSA", "CHACHA20-POLY1305")
}


@pytest.fixture(scope="module")
def leaves(authority):
    return {key: authority.leaf(f"leaf {key}", key=key) for key in certificates.KEYS}


@pytest.fixture
def deliver(start_collector, free_port):
    """A function that sends traces to a collector with this tls section, and looks that they arrive. What was shaken on."""

    def delivered(backend, tls):
        port = free_port()
        configuration = collector_module.configuration(port, {"endpoint": backend.url, "tls": tls})
        running = start_collector(configuration, port)
        assert_success(send(running, 1))
        items.assert_equal(span_items(1), backend.items())
        (handshake,) = backend.handshakes
        return handshake

    return delivered


def trusting(authority, **added):
    return {"ca_file": str(authority.root.file), **added}


@pytest.mark.parametrize("suite", SUITES)
def test_a_back_end_speaks_each_suite_of_tls_1_2(authority, leaves, deliver, suite):
    context = leaves["P-256" if "ECDSA" in suite else "RSA"].server(newest=ssl.TLSVersion.TLSv1_2)
    context.set_ciphers(SUITES[suite] + ":@SECLEVEL=0")
    with Backend(tls=context) as backend:
        handshake = deliver(backend, trusting(authority, cipher_suites=[suite], include_insecure_cipher_suites=True))
    assert (handshake.version, handshake.cipher) == ("TLSv1.2", SUITES[suite])


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
@pytest.mark.parametrize("key", certificates.KEYS)
def test_both_sides_show_each_kind_of_key(authority, leaves, deliver, key, newest):
    context = leaves[key].server(newest=newest, client_root=authority.root)
    mine = {"cert_file": str(leaves[key].served()), "key_file": str(leaves[key].key_file)}
    with Backend(tls=context) as backend:
        handshake = deliver(backend, trusting(authority, **mine))
    assert handshake.client == f"leaf {key}"


@pytest.mark.parametrize("key", ["P-256", "P-384", "P-521", "RSA"])
def test_a_key_in_the_form_of_older_tools_is_read(authority, leaves, deliver, key):
    context = leaves[key].server(client_root=authority.root)
    mine = {"cert_file": str(leaves[key].served()), "key_file": str(leaves[key].traditional_key())}
    with Backend(tls=context) as backend:
        assert deliver(backend, trusting(authority, **mine)).client == f"leaf {key}"


@pytest.mark.parametrize("name, curve", [("P256", "prime256v1"), ("P384", "secp384r1"), ("P521", "secp521r1"), ("X25519", None)])
def test_a_back_end_takes_each_curve(authority, leaves, deliver, name, curve):
    context = leaves["P-256"].server()
    if curve is not None:  # Python's ssl knows X25519 as a part of the default only
        context.set_ecdh_curve(curve)
    with Backend(tls=context) as backend:
        assert deliver(backend, trusting(authority, curve_preferences=[name])).version == "TLSv1.3"


@pytest.fixture
def start_server(start_collector, free_port):
    """A function that starts a collector with this certificate, and says where."""

    def started(leaf):
        port = free_port()
        tls = {"cert_file": str(leaf.served()), "key_file": str(leaf.key_file)}
        configuration = collector_module.configuration(port, {"endpoint": "http://127.0.0.1:9"}, receiver={"tls": tls})
        return start_collector(configuration, port).port

    return started


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
@pytest.mark.parametrize("key", certificates.KEYS)
def test_a_server_shows_each_kind_of_key(authority, leaves, start_server, key, newest):
    context = ssl.create_default_context(cafile=str(authority.root.file))
    context.maximum_version = newest
    port = start_server(leaves[key])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as secured:
            secured.sendall(request(b""))
            assert secured.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("suite", ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"])
def test_a_client_speaks_each_suite_of_tls_1_3(leaves, start_server, suite):
    # Python's ssl chooses among suites of 1.2 only.
    port = start_server(leaves["RSA"])
    command = ("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_3", "-ciphersuites", suite, "-brief", "-ign_eof")
    done = subprocess.run(command, input=request(b"", connection="close"), capture_output=True, timeout=30, check=True)
    assert f"Ciphersuite: {suite}\n" in done.stderr.decode()
    assert done.stdout.startswith(b"HTTP/1.1 200 OK\r\n")
