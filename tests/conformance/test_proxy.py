# SPDX-License-Identifier: Apache-2.0
"""The exporter behind a proxy: http requests that it forwards, tunnels for https, credentials, whom the environment's
variables are for, and what the log says of a proxy that does not do its part.
"""

import pytest

import collector as collector_module
import items
from backend import Backend
from client import assert_success
from collector import poll
from proxy import Proxy
from seeded import send, send_every_signal

NO_SYSTEM = {"SSL_CERT_FILE": "/nonexistent", "SSL_CERT_DIR": "/nonexistent"}
NAME = "backend.test"  # resolved by the proxy only
ONCE = {"retry_on_failure": {"enabled": False}}


@pytest.fixture(scope="module")
def named(authority):
    return authority.leaf("named", names=(f"DNS:{NAME}", "IP:127.0.0.1"))


@pytest.fixture
def start(start_collector, free_port):
    """A function that starts a collector that exports to the endpoint."""

    def started(endpoint, environment=None, **exporter):
        port = free_port()
        settings = {"endpoint": endpoint, "retry_on_failure": {"initial_interval": "20ms"}, **exporter}
        return start_collector(collector_module.configuration(port, settings), port, **{**NO_SYSTEM, **(environment or {})})

    return started


def assert_arrives(running, backend, seeds=range(3)):
    """Several requests of each signal, item by item."""
    items.assert_equal(send_every_signal(running, seeds), backend.items())
    assert backend.violations == []


# What is forwarded


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_http_requests_are_sent_to_the_proxy_with_the_whole_url(backend, start, compression):
    with Proxy() as proxy:
        running = start(f"http://{NAME}:{backend.port}", proxy_url=proxy.url, compression=compression)
        assert_arrives(running, backend)
        assert {(one.method, one.target) for one in proxy.asked} == {
            ("POST", f"http://{NAME}:{backend.port}/v1/{signal}") for signal in items.SIGNALS
        }
        assert {one.connection for one in proxy.asked} == {1}, "the connection to the proxy is kept"
        assert not any("proxy-authorization" in one.headers for one in proxy.asked)


def test_a_proxy_that_is_configured_is_for_loopback_too(backend, start):
    with Proxy() as proxy:
        running = start(backend.url, proxy_url=proxy.url, environment={"NO_PROXY": "*"})
        assert_success(send(running, 1))
        assert len(proxy.asked) == 1


def test_https_goes_through_a_tunnel_and_sessions_are_resumed(authority, named, start):
    with Backend(tls=named.server()) as backend, Proxy() as proxy:
        running = start(f"https://{NAME}:{backend.port}", proxy_url=proxy.url, tls={"ca_file": str(authority.root.file)})
        assert_arrives(running, backend)
        assert [(one.method, one.target) for one in proxy.asked] == [("CONNECT", f"{NAME}:{backend.port}")]
        assert proxy.asked[0].headers["host"] == f"{NAME}:{backend.port}"
        proxy.close_connections()
        assert_success(send(running, 10))  # in silence, through a tunnel anew
        assert [one.method for one in proxy.asked] == ["CONNECT", "CONNECT"]
        assert [(one.resumed, one.server_name) for one in backend.handshakes] == [(False, NAME), (True, NAME)]
        assert "warn" not in running.log()


@pytest.mark.parametrize("secured", [False, True], ids=["http", "https"])
def test_the_proxy_itself_may_speak_tls(authority, named, start, secured):
    with Backend(tls=named.server() if secured else None) as backend, Proxy(tls=named.server()) as proxy:
        running = start(
            f"{'https' if secured else 'http'}://{NAME}:{backend.port}",
            proxy_url=proxy.url,
            tls={"ca_file": str(authority.root.file)},
        )
        assert_arrives(running, backend)
        assert {one.method for one in proxy.asked} == {"CONNECT" if secured else "POST"}


# Credentials


@pytest.mark.parametrize("secured", [False, True], ids=["http", "https"])
def test_user_and_password_of_the_url_are_for_the_proxy_alone(authority, named, start, secured):
    tls = named.server() if secured else None
    with Backend(tls=tls) as backend, Proxy(credentials="wader:s3cret@:") as proxy:
        url = f"http://wader:s3cret%40%3A@127.0.0.1:{proxy.port}"
        running = start(
            f"{'https' if secured else 'http'}://{NAME}:{backend.port}",
            proxy_url=url,
            tls={"ca_file": str(authority.root.file)},
        )
        assert_arrives(running, backend, seeds=[1])
        assert not any("proxy-authorization" in one.headers for one in backend.requests)
        assert "s3cret" not in running.log()


@pytest.mark.parametrize("user, said", [("", "wants user and password"), ("wader:wrong@", "refuses the user and password of its URL")])
def test_a_tunnel_refused_for_its_credentials_is_said(start, user, said):
    with Proxy(credentials="wader:right") as proxy:
        running = start(f"https://{NAME}:443", proxy_url=f"http://{user}127.0.0.1:{proxy.port}", **ONCE)
        assert send(running, 1).status == 503
        assert poll(lambda: f"the proxy {proxy.url} {said}" in running.log()), running.log()
        assert "wrong" not in running.log()


def test_a_request_refused_for_its_credentials_is_said(backend, start):
    with Proxy(credentials="wader:right") as proxy:
        running = start(f"http://{NAME}:{backend.port}", proxy_url=proxy.url, **ONCE)
        assert send(running, 1).status == 500
        assert poll(lambda: "407 Proxy Authentication Required" in running.log()), running.log()
        assert backend.requests == []


# The environment


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy"])
def test_the_environment_names_the_proxy_of_http(backend, start, variable):
    with Proxy() as proxy:
        running = start(f"http://{NAME}:{backend.port}", environment={variable: proxy.url, "HTTPS_PROXY": "http://127.0.0.1:1"})
        assert_success(send(running, 1))
        assert len(proxy.asked) == 1


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy"])
def test_the_environment_names_the_proxy_of_https(authority, named, start, variable):
    with Backend(tls=named.server()) as backend, Proxy() as proxy:
        running = start(
            f"https://{NAME}:{backend.port}",
            environment={variable: f"127.0.0.1:{proxy.port}", "HTTP_PROXY": "http://127.0.0.1:1"},
            tls={"ca_file": str(authority.root.file)},
        )
        assert_success(send(running, 1))
        assert len(proxy.asked) == 1


@pytest.mark.parametrize(
    "host, exempt, proxied",
    [
        ("127.0.0.1", "", False),
        ("localhost", "", False),
        ("0.0.0.0", "", True),  # an address of this machine that is no loopback address
        ("0.0.0.0", "10.0.0.0/8,0.0.0.0/8", False),
        ("0.0.0.0", "0.0.0.0:{port}", False),
        ("0.0.0.0", "0.0.0.0:1", True),
        ("0.0.0.0", "*", False),
        (NAME, "test.example,ackend.test", True),
    ],
)
@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
def test_whom_the_environments_proxy_is_for(backend, start, host, exempt, proxied, variable):
    with Proxy() as proxy:
        environment = {"HTTP_PROXY": proxy.url, variable: exempt.format(port=backend.port)}
        running = start(f"http://{host}:{backend.port}", environment=environment)
        assert_success(send(running, 1))
        assert len(proxy.asked) == (1 if proxied else 0)
        assert len(backend.requests) == 1


def test_a_variable_that_is_no_url_is_passed_over_with_a_warning(backend, start):
    running = start(f"http://0.0.0.0:{backend.port}", environment={"HTTP_PROXY": "http://p:port"})
    assert_success(send(running, 1))
    assert "the variable HTTP_PROXY has a port that is not a number" in running.log()


def test_a_socks_proxy_of_the_environment_is_refused_not_gone_round(backend, start):
    running = start(f"http://0.0.0.0:{backend.port}", environment={"HTTP_PROXY": "socks5://127.0.0.1:1"}, **ONCE)
    assert send(running, 1).status == 503
    assert poll(lambda: "HTTP_PROXY is a SOCKS proxy, which is not supported" in running.log()), running.log()
    assert backend.requests == []


def test_a_socks_proxy_of_the_file_is_refused_at_start(tmp_path):
    configuration = collector_module.configuration(1, {"endpoint": "http://h", "proxy_url": "socks5://h:1"})
    path = collector_module.write_configuration(tmp_path, configuration)
    done = collector_module.command("validate", "--config", path)
    assert done.returncode != 0 and "proxy_url: is a SOCKS proxy, which is not supported" in done.stderr + done.stdout


# Proxies that fail


@pytest.mark.parametrize(
    "answer, said",
    [
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 5\r\n\r\nsorry", "makes no connection to backend.test:443: 502 Bad Gateway"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "makes no connection to backend.test:443: 403 Forbidden"),
        (b"", "gives no answer to CONNECT that could be read: closed by the peer"),
        (b"SSH-2.0-server\r\n\r\n", "gives no answer to CONNECT that could be read: malformed"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", "gives no answer to CONNECT that could be read: too large"),
        (b"HTTP/1.1 200 OK\r\n\r\nI speak first", "gives no answer to CONNECT that could be read: malformed"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "the connection ended in the TLS handshake"),
    ],
    ids=["502", "403", "close", "no-http", "large", "eager", "end"],
)
def test_a_proxy_that_makes_no_tunnel_is_said(start, answer, said):
    with Proxy(answer=answer) as proxy:
        running = start(f"https://{NAME}", proxy_url=proxy.url, **ONCE)
        assert send(running, 1).status == 503
        assert poll(lambda: said in running.log()), running.log()
        assert len(proxy.asked) >= 1


def test_a_proxy_that_is_not_there_is_said(start, free_port):
    url = f"http://127.0.0.1:{free_port()}"
    running = start(f"http://{NAME}", proxy_url=url, **ONCE)
    assert send(running, 1).status == 503
    assert poll(lambda: f"no connection to the proxy {url}: Connection refused" in running.log()), running.log()


def test_a_proxy_whose_certificate_is_refused_is_said(named, start):
    with Proxy(tls=named.server()) as proxy:
        running = start(f"http://{NAME}", proxy_url=proxy.url, **ONCE)
        assert send(running, 1).status == 503
        assert poll(lambda: f"the proxy {proxy.url}: the certificate of 127.0.0.1 is refused" in running.log()), running.log()


def test_what_failed_at_the_proxy_is_tried_again(backend, start, free_port):
    port = free_port()
    running = start(f"http://{NAME}:{backend.port}", proxy_url=f"http://127.0.0.1:{port}", **ONCE)
    assert send(running, 1).status == 503
    with Proxy(port=port):
        assert_success(send(running, 1))
    assert len(backend.requests) == 1
